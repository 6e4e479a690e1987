"""The skin of the mesh as a surface: distances along it, and keeping it from folding."""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import dijkstra

from stages.faces import layouts
from stages.packets import Floats
from stages.render import mesh

LEAST_AREA: Final = 0.08
"""Share of its area that no triangle falls below, slivers aside."""

SLIVER: Final = 0.035
"""Interocular distances; triangles smaller than a square of this side may fold, nobody can see it."""

FLIPPED: Final = 0.02
"""Interocular distances; a sliver that folds may show a square of this side from behind, not more."""

_TIED: Final = 0.08
"""Interocular distances around a fold within which everything is held back alike, and over which that fades."""

_SKIN: Final = mesh.TRIANGLES[(mesh.TRIANGLES < layouts.MESH_COUNT).all(1)]


@cache
def graph() -> csr_array:
    """Edges of the skin, openings left out, with their lengths in interocular distances of the canonical face."""
    shape = layouts.CANONICAL / np.linalg.norm(layouts.CANONICAL[33] - layouts.CANONICAL[263])
    ends = np.concatenate([_SKIN[:, [0, 1]], _SKIN[:, [1, 2]], _SKIN[:, [2, 0]]])
    ends = np.unique(np.sort(ends, 1), axis=0)
    length = np.linalg.norm(shape[ends[:, 0]] - shape[ends[:, 1]], axis=1)
    return coo_array((length, (ends[:, 0], ends[:, 1])), shape=(layouts.MESH_COUNT,) * 2).tocsr()


def unfolded(face: Floats, moves: Floats, unit: float, rounds: int = 6) -> Floats:
    """Let the vertices of triangles that would fold move more like their neighbours; where that does not do, move less.

    Like neighbours they keep the triangle; held back they would tear at it, and at the corners of the mouth it shows.
    What has to be held back takes its surroundings along, and nothing else: a fold at one corner of the mouth must not
    stop the whole face.
    """
    for _ in range(rounds):
        share = _affordable(face, moves, unit)
        if share.min() >= 1:
            return moves
        yielding = np.zeros(len(face), np.float32)
        np.maximum.at(yielding, _SKIN.ravel(), np.repeat(1 - share, 3))
        moves = moves + yielding[:, None] * (_averages() @ moves - moves)
    for _ in range(rounds):
        share = np.where(_turns_in(), 1, _affordable(face, moves, unit))
        if share.min() >= 1:
            return moves
        tied = np.zeros(len(face), np.float32)
        for triangle in np.flatnonzero(share < 1):
            near = _nearness()[_SKIN[triangle]].max(0)
            tied = np.maximum(tied, near * (1 - share[triangle]))
        moves = moves * (1 - tied)[:, None]
    return moves


@cache
def _turns_in() -> NDArray[np.bool_]:
    """(T,) triangles at the lips' inner rim: skin that goes into the mouth as it shuts may well fold."""
    return np.asarray(np.isin(_SKIN, list(mesh.MOUTH.rim)).any(1))


@cache
def _nearness() -> Floats:
    """(468, 468) 1 at a vertex and close by, falling to 0 along the skin."""
    distance = dijkstra(graph(), directed=False)
    near: Floats = np.exp(-np.square(np.maximum(distance - _TIED, 0) / _TIED)).astype(np.float32)
    near[near < 0.01] = 0
    return near


@cache
def _averages() -> csr_array:
    """(468, 468): takes the mean over each vertex's neighbours along the skin."""
    links = (graph() > 0).astype(np.float32)
    links = links + links.T
    return csr_array(links / links.sum(1)[:, None])


def _affordable(face: Floats, moves: Floats, unit: float) -> Floats:
    """(T,) the greatest share 0..1 of the motion at which each skin triangle keeps `LEAST_AREA` of its area."""
    a, b, c = face[_SKIN[:, 0]], face[_SKIN[:, 1]], face[_SKIN[:, 2]]
    p, q, r = moves[_SKIN[:, 0]], moves[_SKIN[:, 1]], moves[_SKIN[:, 2]]
    area, growth, bend = _cross(b - a, c - a), _cross(q - p, c - a) + _cross(b - a, r - p), _cross(q - p, r - p)
    spare = area * (1 - LEAST_AREA)
    # area + growth s + bend s^2 = LEAST_AREA area, first root in 0..1.
    discriminant = np.square(growth) - 4 * bend * spare
    root = np.sqrt(np.maximum(discriminant, 0))
    below = np.where(growth > root, -1, root - growth)
    first = np.where(below > 0, 2 * spare / np.maximum(below, 1e-12), np.inf)
    becomes = area + growth + bend
    shrinks = (area > np.square(SLIVER * unit)) & (becomes < LEAST_AREA * area)
    shrinks |= (area > 0) & (becomes < -np.square(FLIPPED * unit))
    share: Floats = np.where(shrinks, np.clip(first, 0, 1), 1).astype(np.float32)
    return share


def _cross(one: Floats, two: Floats) -> Floats:
    product: Floats = one[:, 0] * two[:, 1] - one[:, 1] * two[:, 0]
    return product
