"""The mesh that carries a warp: the face, rings of skin around it, and what lies behind the lids and the lips.

The 468-point face mesh (stages.faces.layouts) closes the eyes and the mouth with triangles from rim to rim, which would
squeeze the iris with the lids. Those triangles are left out; instead each opening gets columns of extra points from
its upper rim to its lower rim. Around the outline come `RINGS`, over which what the outline does fades to nothing, so
that a dropping jaw takes its outline and a part of the neck along.

Vertices: 0..467 the face, then the openings' inner points (right eye, left eye, mouth), then the rings from the
inside out.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import pairwise, permutations
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stages.faces import layouts

Floats = NDArray[np.float32]
Indices = NDArray[np.int32]

FRACTIONS: Final = np.array([0.08, 0.18, 0.29, 0.4, 0.5, 0.6, 0.71, 0.82, 0.92], np.float32)
"""Where a column's inner points lie between the upper rim (0) and the lower (1)."""

RINGS: Final = np.array([0.16, 0.36, 0.62], np.float32)
"""Distance of each ring from the outline in interocular distances."""

RING_WEIGHTS: Final = np.array([0.72, 0.30, 0.0], np.float32)
"""Share of the outline's motion that each ring follows. Falls slower than the rings grow, so that nothing folds."""

AROUND: Final = 0.12
"""Interocular distances by which the mask reaches beyond what moves, room for a feather to fall off in."""


@dataclass(frozen=True, slots=True)
class Opening:
    """An eye or the mouth: `upper` and `lower` rims facing each other, between two corners, left to right on screen.

    first: index of its first inner point; inner points go column by column, from the upper rim down.
    """

    upper: Indices
    lower: Indices
    corners: tuple[int, int]
    first: int

    @property
    def columns(self) -> int:
        """How many pairs of rim points face each other."""
        return len(self.upper)

    @property
    def inner(self) -> slice:
        """Its inner points among the mesh's vertices."""
        return slice(self.first, self.first + self.columns * len(FRACTIONS))

    @property
    def rim(self) -> set[int]:
        """All rim points."""
        return {*self.upper.tolist(), *self.lower.tolist(), *self.corners}


def _opening(ring: Indices, first: int) -> Opening:
    half = len(ring) // 2
    upper, lower, corners = ring[1:half], ring[:half:-1], (int(ring[0]), int(ring[half]))
    if layouts.CANONICAL[corners[0], 0] < layouts.CANONICAL[corners[1], 0]:
        return Opening(upper, lower, corners, first)
    return Opening(upper[::-1], lower[::-1], corners[::-1], first)


def _openings() -> tuple[Opening, Opening, Opening]:
    right = _opening(layouts.RIGHT_EYE, layouts.MESH_COUNT)
    left = _opening(layouts.LEFT_EYE, right.inner.stop)
    return right, left, _opening(layouts.LIPS_INNER, left.inner.stop)


RIGHT_EYE, LEFT_EYE, MOUTH = OPENINGS = _openings()
FIRST_RING: Final = MOUTH.inner.stop
COUNT: Final = FIRST_RING + len(RINGS) * len(layouts.OVAL)
"""Vertices of the mesh."""


def _skin() -> Indices:
    triangles: Indices = layouts.TRIANGLES
    for opening in OPENINGS:
        inside = np.isin(triangles, list(opening.rim)).all(1)
        triangles = triangles[~inside]
    return triangles


def _behind(opening: Opening) -> list[tuple[int, int, int]]:
    """Triangles between the rims, column by column, with a fan at either corner."""
    steps = len(FRACTIONS)
    column = [
        [
            int(opening.upper[j]),
            *range(opening.first + j * steps, opening.first + (j + 1) * steps),
            int(opening.lower[j]),
        ]
        for j in range(opening.columns)
    ]
    near, far = opening.corners
    fans = [(near, a, b) for a, b in pairwise(column[0])]
    fans += [(far, b, a) for a, b in pairwise(column[-1])]
    for one, two in pairwise(column):
        for k in range(steps + 1):
            fans += [(one[k], two[k], two[k + 1]), (one[k], two[k + 1], one[k + 1])]
    return fans


def _around() -> list[tuple[int, int, int]]:
    """Triangles between the outline and the rings."""
    size = len(layouts.OVAL)
    rings = [layouts.OVAL.tolist()]
    rings += [list(range(FIRST_RING + k * size, FIRST_RING + (k + 1) * size)) for k in range(len(RINGS))]
    made = []
    for inner, outer in pairwise(rings):
        for k in range(size):
            after = (k + 1) % size
            made += [(inner[k], outer[k], outer[after]), (inner[k], outer[after], inner[after])]
    return made


def clockwise(triangles: Indices) -> Indices:
    """Triangles of the face, turned as `rasterise` wants them; most of the canonical face's tell how."""
    points = (layouts.CANONICAL[:, :2] * [1, -1]).astype(np.float32)
    corners = points[layouts.TRIANGLES]
    one, two = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    turned = np.median(one[:, 0] * two[:, 1] - one[:, 1] * two[:, 0]) < 0
    return triangles[:, ::-1] if turned else triangles


def _assemble() -> Indices:
    behind = np.array([t for opening in OPENINGS for t in _behind(opening)], np.int32)
    around = np.array(_around(), np.int32)
    # Painted in this order where depth does not decide: surroundings, eyeballs and teeth, skin.
    triangles = np.concatenate([around, behind, clockwise(_skin())]).astype(np.int32)
    triangles.setflags(write=False)
    return triangles


TRIANGLES: Final = _assemble()
"""(T, 3) indices, clockwise on screen when the face looks at the camera."""

CORNERS: Final = np.ascontiguousarray(TRIANGLES.T, np.intp)
"""(3, T) the same, as NumPy looks things up fastest."""


def rings(face: Floats, unit: float) -> Floats:
    """Place the rings around a face: face (468+, 2) pixels, unit = interocular distance in pixels -> (R * 36, 2)."""
    outline = face[layouts.OVAL]
    outward = outline - outline.mean(0)
    outward /= np.maximum(np.linalg.norm(outward, axis=1, keepdims=True), 1e-6)
    placed = outline[None] + RINGS[:, None, None] * np.float32(unit) * outward[None]
    flat: Floats = placed.reshape(-1, 2).astype(np.float32)
    return flat


def place(face: Floats, unit: float) -> Floats:
    """(COUNT, 2) all vertices around a face at rest: face (468+, 2) pixels, unit = interocular distance in pixels."""
    at = FRACTIONS[None, :, None]
    inner = [face[o.upper][:, None] * (1 - at) + face[o.lower][:, None] * at for o in OPENINGS]
    parts = [face[: layouts.MESH_COUNT], *(points.reshape(-1, 2) for points in inner), rings(face, unit)]
    return np.concatenate(parts).astype(np.float32)


def neighbours(moved: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Vertices that share a triangle with a vertex of `moved` (N,) or lie within `AROUND` of one, themselves included.

    An opening counts as a whole: an eyeball at rest under a moving lid must not leave a hole whose edge runs along it.
    """
    reached = np.bitwise_or.reduce(_reached()[moved], axis=0)
    return np.unpackbits(reached, count=COUNT).view(np.bool_)


@cache
def _reached() -> NDArray[np.uint8]:
    """(COUNT, ceil(COUNT / 8)) packed bits: the `neighbours` of every single vertex."""
    reached = _close() | np.eye(COUNT, dtype=np.bool_)
    for one, two in permutations(range(3), 2):
        reached[TRIANGLES[:, one], TRIANGLES[:, two]] = True
    for opening in OPENINGS:
        rim = list(opening.rim)
        reached[rim, opening.inner] = True
        reached[np.ix_(rim, rim)] = True
    return np.packbits(reached, axis=1)


def _close() -> NDArray[np.bool_]:
    """(COUNT, COUNT) which vertices lie within `AROUND` of each other on the canonical face."""
    face = (layouts.CANONICAL[:, :2] * [1, -1]).astype(np.float32)
    unit = float(np.linalg.norm(face[33] - face[263]))
    points = place(face, unit)
    close: NDArray[np.bool_] = np.linalg.norm(points[:, None] - points[None], axis=2) < AROUND * unit
    return close
