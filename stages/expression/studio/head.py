"""The part of the rig that is photographed: head and neck as triangles, with normals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from stages.expression.rig import Rig

Doubles = NDArray[np.float64]
Indices = NDArray[np.int64]

SKIN, EYE, TEETH, TONGUE, LASH = range(5)
PARTS: Final[Mapping[str, int]] = {
    "body": SKIN,
    "helper-l-eye": EYE,
    "helper-r-eye": EYE,
    "helper-upper-teeth": TEETH,
    "helper-lower-teeth": TEETH,
    "helper-tongue": TONGUE,
    **{f"helper-{side}-eyelashes-{row}": LASH for side in "lr" for row in (1, 2)},
}
"""Group of the mesh -> how the shader paints it."""
BODY: Final = 13380  # vertices of the skin; tongue, eyes and teeth follow
LEFT_EYE: Final = slice(14598, 14670)
BUST: Final = 2.6  # 26 cm below the eyes the picture ends
SHOULDERS: Final = 1.9
HAIR: Final = 0.07  # 7 mm of it


@dataclass(frozen=True)
class Head:
    """What is drawn, in rig units (10 cm).

    triangles: (t, 3) rig vertices. source: (n,) rig vertex, charts: (n, 2) texture place and part: (n,) paint of each
    drawn vertex; elements: (t, 3) drawn vertices. faces_of: sums face normals into vertex normals. hair: (v,) how far
    hair lifts a rig vertex off the skin. eye: (3,) rest centre of the left eyeball. middle: (3,) of the head.
    """

    rest: Doubles
    triangles: Indices
    source: Indices
    charts: Doubles
    part: Indices
    elements: Indices
    faces_of: csr_array
    hair: Doubles
    eye: Doubles
    middle: Doubles

    @classmethod
    def of(cls, rig: Rig) -> Head:
        """Cut it off the rig's body."""
        rest, surface = rig.base, rig.surface
        ball = rest[LEFT_EYE]
        eye = (ball.min(0) + ball.max(0)) / 2
        wanted = np.isin(surface.groups, list(PARTS))
        wanted &= rest[surface.quads][..., 1].max(1) > eye[1] - BUST
        wanted &= np.abs(rest[surface.quads][..., 0]).min(1) < SHOULDERS
        paint = np.array([PARTS[str(group)] for group in surface.groups[wanted]])
        triangles, corners = _halved(surface.quads[wanted]), _halved(surface.corners[wanted])
        keys = np.stack([triangles.ravel(), corners.ravel(), np.repeat(np.tile(paint, 2), 3)], 1)
        drawn, elements = np.unique(keys, axis=0, return_inverse=True)
        source, chart, part = drawn.T
        middle = np.array([0.0, eye[1] - 0.35, 0.7])
        sums = _incidence(triangles, len(rest))
        elements = elements.reshape(-1, 3)
        hair = HAIR * _haired(rest, float(eye[1]))
        return cls(rest, triangles, source, surface.charts[chart], part, elements, sums, hair, eye, middle)

    @property
    def hairline(self) -> float:
        """Height on the rest mesh at which the forehead ends."""
        return float(self.eye[1]) + 0.62

    def normals(self, vertices: Doubles) -> Doubles:
        """(v, 3) unit normals of rig vertices, by the area of their triangles."""
        a, b, c = (vertices[self.triangles[:, corner]] for corner in range(3))
        summed = self.faces_of @ np.cross(b - a, c - a)
        unit: Doubles = summed / np.maximum(np.linalg.norm(summed, axis=1, keepdims=True), 1e-9)
        return unit


def _halved(quads: Indices) -> Indices:
    return np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])


def _incidence(triangles: Indices, count: int) -> csr_array:
    """(count, t) 1 where a vertex belongs to a triangle."""
    columns = np.repeat(np.arange(len(triangles)), 3)
    return csr_array((np.ones(triangles.size), (triangles.ravel(), columns)), shape=(count, len(triangles)))


def _haired(rest: Doubles, eye: float) -> Doubles:
    """(v,) 0..1: top and back of the head, not the ears."""
    x, y, z = rest.T
    top = np.clip((y - eye - 0.62 + 0.10 * (np.abs(x) / 0.55) ** 2) / 0.15, 0, 1)
    back = np.clip((0.62 - (z - 0.25 * np.maximum(y - eye, 0))) / 0.24, 0, 1) * np.clip((y - eye + 0.55) / 0.3, 0, 1)
    haired: Doubles = np.clip(top + back * (np.abs(x) < 0.70), 0, 1) * (np.arange(len(rest)) < BODY)
    return haired
