"""From wanted displacements to a mesh that can be drawn: contact, folding, openings, rings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stages.faces import layouts
from stages.packets import Floats
from stages.render import cavity, mesh, skin
from stages.render.openings import Limit, View, behind, in_contact

STILL: Final = 0.02
"""Pixels; what moves less stays exactly where it is."""

_LID: Final = 0.05
"""Interocular distances by which an upper lid lies in front of a lower one."""


@dataclass(frozen=True, slots=True)
class Deformed:
    """A mesh ready to draw.

    points: (mesh.COUNT, 2) output places, pixels. offsets: (mesh.COUNT, 2) source minus output place, exactly zero
    where nothing moves. depth: (mesh.COUNT,) z, smaller is nearer.
    """

    points: Floats
    offsets: Floats
    depth: Floats

    @property
    def moved(self) -> NDArray[np.bool_]:
        """(mesh.COUNT,) vertices whose pixels come from elsewhere."""
        moved: NDArray[np.bool_] = (self.offsets[:, 0] != 0) | (self.offsets[:, 1] != 0)
        return moved


def deform(
    landmarks: Floats,
    wanted: Floats,
    view: View,
    *,
    eye: Limit,
    mouth: Limit,
    give: Floats | None = None,
    known: Sequence[Floats | None] = (None, None, None),
) -> Deformed:
    """Move a face's mesh.

    landmarks: (478, 3) pixels. wanted: (478, 2) displacement in pixels; the iris centres' entries move the gaze.
    give: what of the mouth stretches, see `stages.render.cavity.yielding`; None stretches it evenly. known: of each
    opening, how far other frames show it open, see `stages.render.openings.lent`.
    """
    face = landmarks[: layouts.MESH_COUNT, :2].astype(np.float32)
    moves = wanted[: layouts.MESH_COUNT].astype(np.float32) * view.room(face)
    for k, limit in enumerate((eye, eye, mouth)):
        moves = in_contact(k, face, moves, view, limit, known[k])
    moves = skin.unfolded(face, moves, view.unit)
    points, offsets, depth = _empty(landmarks)
    for eyelids in mesh.OPENINGS[:2]:
        # The upper lid closes over the lower one.
        depth[eyelids.upper] -= _LID * view.unit
    points[: len(face)], offsets[: len(face)] = face + moves, -moves
    gaze = (wanted[layouts.RIGHT_IRIS[0]], wanted[layouts.LEFT_IRIS[0]], np.zeros(2, np.float32))
    for opening, pull in zip(mesh.OPENINGS, gaze, strict=True):
        points[opening.inner], offsets[opening.inner] = behind(opening, face, moves, pull, view.down)
    if give is not None:
        inner = mesh.MOUTH.inner
        offsets[inner] = cavity.stretched(offsets[inner], face, moves, view.down, give)
    rings = mesh.rings(face, view.unit)
    reach = (mesh.RING_WEIGHTS[:, None, None] * moves[layouts.OVAL][None]).reshape(-1, 2) * view.room(rings)
    points[mesh.FIRST_RING :], offsets[mesh.FIRST_RING :] = rings + reach, -reach
    still = np.abs(offsets) < STILL
    offsets[still[:, 0] & still[:, 1]] = 0
    return Deformed(points, offsets, depth)


def _empty(landmarks: Floats) -> tuple[Floats, Floats, Floats]:
    depth = np.full(mesh.COUNT, np.float32(np.inf))
    depth[: layouts.MESH_COUNT] = landmarks[: layouts.MESH_COUNT, 2]
    return np.zeros((mesh.COUNT, 2), np.float32), np.zeros((mesh.COUNT, 2), np.float32), depth
