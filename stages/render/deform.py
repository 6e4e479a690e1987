"""From wanted displacements to a mesh that can be drawn: contact, folding, openings, rings.

Displacements come from a linear basis and know nothing of one another; added up they can push a lid through the other
one, or turn a triangle inside out at a mouth corner. What is done about it changes continuously with the input, so
that a limit that sets in does not show as a jump in time.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import dijkstra

from stages.faces import layouts
from stages.render import mesh

Floats = NDArray[np.float32]

STILL: Final = 0.02
"""Pixels; what moves less stays exactly where it is."""

LEAST_AREA: Final = 0.12
"""Share of its area that no triangle falls below."""

_SPREAD: Final = 0.14
"""Interocular distances over which a correction at a rim fades into the skin around it."""


@dataclass(frozen=True, slots=True)
class Limit:
    """How far an opening may open: at most `growth` times the gap plus `slack` interocular distances."""

    growth: float
    slack: float


@dataclass(frozen=True, slots=True)
class View:
    """How the picture shows the face. unit: interocular distance in pixels. down: (2,) unit vector to the chin."""

    unit: float
    down: Floats


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
        moved: NDArray[np.bool_] = np.any(self.offsets != 0, axis=1)
        return moved


def deform(landmarks: Floats, wanted: Floats, view: View, *, eye: Limit, mouth: Limit) -> Deformed:
    """Move a face's mesh.

    landmarks: (478, 3) pixels. wanted: (478, 2) displacement in pixels; the iris centres' entries move the gaze.
    """
    face = landmarks[: layouts.MESH_COUNT, :2].astype(np.float32)
    moves = wanted[: layouts.MESH_COUNT].astype(np.float32)
    for opening, limit, spread in zip(mesh.OPENINGS, (eye, eye, mouth), _spreads(), strict=True):
        moves = _in_contact(opening, face, moves, view, limit=limit, spread=spread)
    moves = _unfolded(face, moves)
    points, offsets, depth = _empty(landmarks)
    points[: len(face)], offsets[: len(face)] = face + moves, -moves
    gaze = (wanted[layouts.RIGHT_IRIS[0]], wanted[layouts.LEFT_IRIS[0]], np.zeros(2, np.float32))
    for opening, pull in zip(mesh.OPENINGS, gaze, strict=True):
        points[opening.inner], offsets[opening.inner] = _behind(opening, face, moves, pull, view.down)
    reach = mesh.RING_WEIGHTS[:, None, None] * moves[layouts.OVAL][None]
    offsets[mesh.FIRST_RING :] = -reach.reshape(-1, 2)
    points[mesh.FIRST_RING :] = mesh.rings(face, view.unit) - offsets[mesh.FIRST_RING :]
    offsets[np.abs(offsets).max(1) < STILL] = 0
    return Deformed(points, offsets, depth)


def _empty(landmarks: Floats) -> tuple[Floats, Floats, Floats]:
    depth = np.full(mesh.COUNT, np.float32(np.inf))
    depth[: layouts.MESH_COUNT] = landmarks[: layouts.MESH_COUNT, 2]
    return np.zeros((mesh.COUNT, 2), np.float32), np.zeros((mesh.COUNT, 2), np.float32), depth


def _in_contact(
    opening: mesh.Opening, face: Floats, moves: Floats, view: View, *, limit: Limit, spread: Floats
) -> Floats:
    """Stop rims where they touch, and stop opening where there is no more to show."""
    upper, lower, down = moves[opening.upper], moves[opening.lower], view.down
    gap = (face[opening.lower] - face[opening.upper]) @ down
    wanted = gap + (lower - upper) @ down
    most = np.maximum(gap, 0) * limit.growth + limit.slack * view.unit
    excess = wanted - np.clip(wanted, np.minimum(gap, 0), most)
    if not excess.any():
        return moves
    effort = np.abs(np.stack([upper @ down, lower @ down])) + 1e-6
    share = effort / effort.sum(0)
    taken = np.concatenate([excess * share[0], -excess * share[1]]).astype(np.float32)
    rim = np.concatenate([opening.upper, opening.lower])
    held: Floats = moves + (spread @ taken)[:, None] * down
    held[rim] = moves[rim] + taken[:, None] * down
    return held


@cache
def _spreads() -> tuple[Floats, ...]:
    """For each opening, (468, rim): how far a correction at each rim point carries into the skin, along the skin."""
    return tuple(_spread(np.concatenate([opening.upper, opening.lower])) for opening in mesh.OPENINGS)


def _spread(rim: NDArray[np.int32]) -> Floats:
    distance = dijkstra(_skin_graph(), directed=False, indices=rim)
    kernel = np.exp(-np.square(distance / _SPREAD) / 2).T
    shares = kernel / np.maximum(kernel.sum(1, keepdims=True), 1e-9)
    fade = np.exp(-np.square(distance.min(0) / _SPREAD))
    spread: Floats = (shares * fade[:, None]).astype(np.float32)
    return spread


@cache
def _skin_graph() -> csr_array:
    """Edges of the skin, openings left out, with their lengths in interocular distances of the canonical face."""
    shape = layouts.CANONICAL / np.linalg.norm(layouts.CANONICAL[33] - layouts.CANONICAL[263])
    triangles = mesh.TRIANGLES[(mesh.TRIANGLES < layouts.MESH_COUNT).all(1)]
    ends = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    ends = np.unique(np.sort(ends, 1), axis=0)
    length = np.linalg.norm(shape[ends[:, 0]] - shape[ends[:, 1]], axis=1)
    return coo_array((length, (ends[:, 0], ends[:, 1])), shape=(layouts.MESH_COUNT,) * 2).tocsr()


_SKIN: Final = mesh.TRIANGLES[(mesh.TRIANGLES < layouts.MESH_COUNT).all(1)]


def _unfolded(face: Floats, moves: Floats, rounds: int = 4) -> Floats:
    """Hold back the vertices of triangles that would lose their area, and their neighbours a little."""
    for _ in range(rounds):
        share = _affordable(face, moves)
        if share.min() >= 1:
            return moves
        hold = np.ones(len(face), np.float32)
        np.minimum.at(hold, _SKIN.ravel(), np.repeat(share, 3))
        around = hold.copy()
        np.minimum.at(around, _SKIN.ravel(), np.repeat(hold[_SKIN].mean(1), 3))
        moves = moves * around[:, None]
    return moves * min(1.0, float(_affordable(face, moves).min()))


def _affordable(face: Floats, moves: Floats) -> Floats:
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
    shrinks = (area > 0) & (area + growth + bend < LEAST_AREA * area)
    share: Floats = np.where(shrinks, np.clip(first, 0, 1), 1).astype(np.float32)
    return share


def _cross(one: Floats, two: Floats) -> Floats:
    product: Floats = one[:, 0] * two[:, 1] - one[:, 1] * two[:, 0]
    return product


def _behind(opening: mesh.Opening, face: Floats, moves: Floats, pull: Floats, down: Floats) -> tuple[Floats, Floats]:
    """Inner points of an opening: what lies behind stays put (or follows the gaze) while the rims slide over it.

    Near a rim its lashes and its shadow go with it; the motion fades with depth, at a pace that never turns the
    picture around.
    """
    upper, lower = face[opening.upper] + moves[opening.upper], face[opening.lower] + moves[opening.lower]
    at = mesh.FRACTIONS[None, :, None]
    places = upper[:, None] * (1 - at) + lower[:, None] * at
    height = np.maximum((lower - upper) @ down, 1e-3)
    near_upper = _fading(mesh.FRACTIONS, np.maximum(-(moves[opening.upper] @ down), 0) / height)[..., None]
    near_lower = _fading(1 - mesh.FRACTIONS, np.maximum(moves[opening.lower] @ down, 0) / height)[..., None]
    across = np.sin(np.pi * np.arange(1, opening.columns + 1) / (opening.columns + 1)).astype(np.float32)
    own = np.clip(1 - near_upper - near_lower, 0, 1) * np.sqrt(across)[:, None, None] * pull
    motion = moves[opening.upper][:, None] * near_upper + moves[opening.lower][:, None] * near_lower + own
    return places.reshape(-1, 2), -motion.reshape(-1, 2)


def _fading(depth: Floats, opened: Floats) -> Floats:
    """(columns, steps) weight of a rim's motion at `depth` 0..1 below it.

    opened: (columns,) how much of the new gap the rim itself has opened: what was hidden must be stretched into view,
    and the more there is the more evenly it is shared.
    """
    quick = np.clip(1 - depth / 0.75, 0, 1)
    quick = quick * quick * (3 - 2 * quick)
    even = np.clip(opened / 0.4, 0, 1)[:, None]
    faded: Floats = (quick * (1 - even) + (1 - depth) * even).astype(np.float32)
    return faded
