"""Re-shape a performer's inner face toward an identity's proportions, whatever the performer is doing.

A role's displacement is the difference of two faces at rest (`stages.packets.Role`). Added to a face that blinks it
would open the lids again by what one person's eyes are taller than the other's; so of what it does to an opening only
the share counts that the opening is open, and an eyeball goes with its eye as a whole, so that the gaze stays.
"""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
from scipy.sparse.csgraph import dijkstra

from stages.expression import basis
from stages.faces import layouts
from stages.packets import Floats
from stages.render import mesh, skin

OUTLINE_WIDTH: Final = 0.35
"""Interocular distances from the outline inward over which units that hold it fade."""

_HELD: Final = 0.2
"""The same for proportions: corners of eyes and mouth and the tails of the brows must come along."""

_NEAR: Final = 0.12
"""Interocular distances along the skin around a rim over which the skin follows what its rim is denied."""

_LEAST_GAP: Final = 0.02
"""Interocular distances; an opening that is less open on the average face says nothing of how open one is."""


def displaced(face: Floats, toward: Floats) -> Floats:
    """(478, 3) face space: what to add to a face so that its proportions become the identity's.

    face: (478, 3) the performer in this frame, in face space. toward: see `stages.packets.Role`.
    """
    moved = toward * inward(_HELD)[:, None]
    for k, opening in enumerate(mesh.OPENINGS[:2]):
        rim = np.concatenate([opening.upper, opening.lower])
        gap = (moved[opening.lower, 1] - moved[opening.upper, 1]) / 2
        shut = 1 - _open(face, opening)
        denied = np.concatenate([gap * shut, -gap * shut]).astype(np.float32)
        moved[:, 1] += _follow(k) @ denied
        moved[layouts.RIGHT_IRIS if k == 0 else layouts.LEFT_IRIS] = moved[rim].mean(0)
    return moved


def _open(face: Floats, opening: mesh.Opening) -> float:
    """0..1.3 how far open, beside the average face at rest."""
    usual, now = (
        float((points[opening.lower, 1] - points[opening.upper, 1]).mean()) for points in (basis.load().neutral, face)
    )
    return float(np.clip(now / max(usual, _LEAST_GAP), 0.0, 1.3))


@cache
def inward(width: float = OUTLINE_WIDTH) -> Floats:
    """(478,) 0 on the outline of the face, 1 further inside than `width` interocular distances."""
    mean = basis.load().mean[:, :2]
    distance = np.linalg.norm(mean[:, None] - mean[None, layouts.OVAL], axis=2).min(1) / width
    t = np.clip(distance, 0, 1)
    weight: Floats = (t * t * (3 - 2 * t)).astype(np.float32)
    return weight


@cache
def _follow(k: int) -> Floats:
    """(478, rim) how far each point goes along with each rim point of an eye, along the skin."""
    opening = mesh.OPENINGS[k]
    rim = np.concatenate([opening.upper, opening.lower])
    distance = dijkstra(skin.graph(), directed=False, indices=rim)
    kernel = np.exp(-np.square(distance / _NEAR) / 2).T
    shares = kernel / np.maximum(kernel.sum(1, keepdims=True), 1e-9)
    follow = np.zeros((layouts.COUNT, len(rim)), np.float32)
    follow[: layouts.MESH_COUNT] = shares * np.exp(-np.square(distance.min(0) / _NEAR))[:, None]
    follow[rim] = np.eye(len(rim))
    return follow
