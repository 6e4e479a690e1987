"""The skin of the mesh as a surface: distances along it, and keeping it from folding."""

# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

from functools import cache
from typing import Final

import numba
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

Indices = NDArray[np.int32]

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
        moves = _yielded(moves, share, *_neighbours())
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
def _neighbours() -> tuple[Indices, Indices]:
    """Every vertex's neighbours along the skin: of vertex k those of the second array from first[k] to first[k + 1]."""
    links = csr_array(graph() + graph().T)
    return links.indptr.astype(np.int32), links.indices.astype(np.int32)


@numba.njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _yielded(moves: Floats, share: Floats, first: Indices, neighbours: Indices) -> Floats:
    """(468, 2) moves, drawn to the mean of their neighbours' as far as a triangle there cannot afford them."""
    yielding, made = np.zeros(len(moves), np.float32), moves.copy()
    for t in range(len(share)):
        for k in range(3):
            yielding[_SKIN[t, k]] = max(yielding[_SKIN[t, k]], np.float32(1) - share[t])
    for v in range(len(moves)):
        if yielding[v] > 0:
            for c in range(2):
                total = np.float32(0)
                for n in range(first[v], first[v + 1]):
                    total += moves[neighbours[n], c]
                made[v, c] += yielding[v] * (total / np.float32(first[v + 1] - first[v]) - moves[v, c])
    return made


@numba.njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _affordable(face: Floats, moves: Floats, unit: float) -> Floats:
    """(T,) the greatest share 0..1 of the motion at which each skin triangle keeps `LEAST_AREA` of its area.

    area + growth s + bend s^2 = LEAST_AREA area, first root in 0..1.
    """
    share = np.ones(len(_SKIN), np.float32)
    for t in range(len(_SKIN)):
        a, b, c = _SKIN[t]
        bx, by, cx, cy = (
            face[b, 0] - face[a, 0],
            face[b, 1] - face[a, 1],
            face[c, 0] - face[a, 0],
            face[c, 1] - face[a, 1],
        )
        qx, qy = moves[b, 0] - moves[a, 0], moves[b, 1] - moves[a, 1]
        rx, ry = moves[c, 0] - moves[a, 0], moves[c, 1] - moves[a, 1]
        area, bend = bx * cy - by * cx, qx * ry - qy * rx
        growth = qx * cy - qy * cx + bx * ry - by * rx
        becomes = area + growth + bend
        shrinks = area > (SLIVER * unit) ** 2 and becomes < LEAST_AREA * area
        if shrinks or (area > 0 and becomes < -((FLIPPED * unit) ** 2)):
            spare = area * (1 - LEAST_AREA)
            root = np.sqrt(max(growth * growth - 4 * bend * spare, 0.0))
            if growth <= root and root - growth > 0:
                share[t] = min(max(2 * spare / max(root - growth, 1e-12), 0.0), 1.0)
    return share
