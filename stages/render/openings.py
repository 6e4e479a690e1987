"""Eyes and mouth: rims that touch, and what lies behind them.

Displacements come from a linear basis and know nothing of one another; added up they can push a lid through the other
one. What is done about it changes continuously with the input, so that a limit that sets in does not show as a jump.
"""

# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Final

import numba
import numpy as np
from numpy.typing import NDArray
from scipy.sparse.csgraph import dijkstra

from stages.packets import Donors, Floats
from stages.render import mesh, skin

_SPREAD: Final = 0.14
"""Interocular distances over which a correction at a rim fades into the skin around it."""

_BORDER: Final = 0.25
"""Interocular distances over which motion fades toward the frame's border."""

_BEYOND: Final = 1.15
"""How many times the gap of a donor an opening may have."""

_SHUT: Final = 0.03
"""Interocular distances; a donor whose gap is less is shut."""

_MEETS: Final = (0.25, 0.55)
"""Shares of its gap that an opening is asked to keep below which it shuts, and above which it does not."""

_MARGIN: Final = 0.3
"""The least share of its depth in the opening that an inner point keeps."""


@dataclass(frozen=True, slots=True)
class Limit:
    """How far an opening may go: to `growth` times its gap plus `slack` interocular distances, and down to `rest`
    times its gap less `overlap` interocular distances.
    """

    growth: float
    slack: float
    rest: float = 0.0
    overlap: float = 0.0


@dataclass(frozen=True, slots=True)
class View:
    """How the picture shows the face.

    unit: interocular distance in pixels. down: (2,) unit vector to the chin. size: width and height of the frame.
    """

    unit: float
    down: Floats
    size: tuple[int, int]

    def room(self, points: Floats) -> Floats:
        """(n, 1) 0 at the frame's border and beyond, where there is nothing to bring in, 1 a little way inside."""
        corner = np.array(self.size, np.float32) - 1
        inside = np.minimum(points, corner - points)
        nearest = np.minimum(inside[:, :1], inside[:, 1:])  # a reduction over two is ten times as slow
        room: Floats = np.clip(nearest / np.float32(_BORDER * self.unit) - 0.3, 0, 1)
        return room


def lent(donors: Donors | None, track: int, k: int) -> Floats | None:
    """(columns,) interocular distances up to which opening k of a track may open, because a donor shows it so."""
    for donor in donors.donors if donors is not None else ():
        if (donor.track, donor.opening) == (track, k):
            opening, across = mesh.OPENINGS[k], donor.places[263] - donor.places[33]
            unit = max(float(np.linalg.norm(across)), 1e-6)
            down = np.array([-across[1], across[0]], np.float32) / unit
            gap = (donor.places[opening.lower] - donor.places[opening.upper]) @ down
            room: Floats = np.maximum(gap, 0) * np.float32(_BEYOND / unit)
            return room
    return None


def in_contact(k: int, face: Floats, moves: Floats, view: View, limit: Limit, known: Floats | None = None) -> Floats:
    """Stop the rims of opening k where they touch, and stop them opening where there is no more to show.

    face, moves: (468, 2) pixels. known: see `lent`. The skin around follows what its rim is denied. Returns the moves
    that remain.
    """
    opening, spread = mesh.OPENINGS[k], _spreads()[k]
    upper, lower, down = moves[opening.upper], moves[opening.lower], view.down
    gap = ((face[opening.lower] - face[opening.upper]) @ down).astype(np.float32)
    plain = gap + ((lower - upper) @ down).astype(np.float32)
    shuts = known is not None and float(known.mean()) < _SHUT
    wanted = _shutting(gap, plain) if shuts else plain
    most = np.maximum(gap, 0) * limit.growth + limit.slack * view.unit
    if known is not None:
        most = np.maximum(most, known * view.unit)
    rest = 0.0 if known is not None else limit.rest
    least = np.minimum(gap, gap * rest - limit.overlap * view.unit)
    excess = plain - np.clip(wanted, least, most)
    if not excess.any():
        return moves
    effort = np.abs(np.stack([upper @ down, lower @ down])) + 1e-6
    share = effort / effort.sum(0)
    taken = np.concatenate([excess * share[0], -excess * share[1]]).astype(np.float32)
    rim = np.concatenate([opening.upper, opening.lower])
    held: Floats = moves + (spread @ taken)[:, None] * down
    held[rim] = moves[rim] + taken[:, None] * down
    return held


def _shutting(gap: Floats, wanted: Floats) -> Floats:
    """The wanted gap, drawn to 0 where little is left of the gap: what nearly meets is asked to meet."""
    left = wanted / np.maximum(gap, 1e-3)
    t = np.clip((left - _MEETS[0]) / (_MEETS[1] - _MEETS[0]), 0, 1)
    drawn: Floats = np.where(wanted > 0, wanted * t * t * (3 - 2 * t), wanted)
    return drawn


@cache
def _spreads() -> tuple[Floats, ...]:
    """For each opening, (468, rim): how far a correction at each rim point carries into the skin, along the skin."""
    return tuple(_spread(np.concatenate([opening.upper, opening.lower])) for opening in mesh.OPENINGS)


def _spread(rim: NDArray[np.int32]) -> Floats:
    distance = dijkstra(skin.graph(), directed=False, indices=rim)
    kernel = np.exp(-np.square(distance / _SPREAD) / 2).T
    shares = kernel / np.maximum(kernel.sum(1, keepdims=True), 1e-9)
    fade = np.exp(-np.square(distance.min(0) / _SPREAD))
    spread: Floats = (shares * fade[:, None]).astype(np.float32)
    return spread


def behind(opening: mesh.Opening, face: Floats, moves: Floats, pull: Floats, down: Floats) -> tuple[Floats, Floats]:
    """Inner points of an opening: what lies behind stays put (or follows the gaze) while the rims slide over it.

    Near a rim its lashes and its shadow go with it, and near a corner everything does. Nothing is ever taken from
    beyond the opening as it was, and inner points keep their order.

    face, moves: (468, 2) pixels; pull: (2,) the gaze's. Returns the inner points' places, (n, 2), and where each is
    taken from, relative to it.
    """
    rims = np.stack([opening.upper, opening.lower])
    then, moved = face[rims], moves[rims]
    places, offsets = _laid(*(part.astype(np.float32) for part in (then, moved, then + moved, pull, down)))
    return places, offsets


@numba.njit(cache=True, nogil=True)
def _laid(rims: Floats, moves: Floats, after: Floats, pull: Floats, down: Floats) -> tuple[Floats, Floats]:
    """`behind`, column by column and from the upper rim to the lower. rims, moves, after: (2, columns, 2)."""
    columns, steps = rims.shape[1], len(mesh.FRACTIONS)
    places, offsets = np.empty((columns * steps, 2), np.float32), np.empty((columns * steps, 2), np.float32)
    source = np.empty(2, np.float32)
    for c in range(columns):
        gap, height = max(along(rims[0, c], rims[1, c], down), 0.0), max(along(after[0, c], after[1, c], down), 1e-3)
        raised = max(along(after[0, c], rims[0, c], down), 0.0) / height
        lowered = max(along(rims[1, c], after[1, c], down), 0.0) / height
        across = math.sqrt(math.sin(math.pi * (c + 1) / (columns + 1)))
        for k, at in enumerate(mesh.FRACTIONS):
            upper, lower = _fading(at, raised), _fading(1 - at, lowered)
            own, place = min(max(1 - upper - lower, 0.0), 1.0), places[c * steps + k]
            for x in range(2):
                middle = (moves[0, c, x] + moves[1, c, x]) / 2 * (1 - across) + pull[x] * across
                place[x] = after[0, c, x] * (1 - at) + after[1, c, x] * at
                source[x] = place[x] - upper * moves[0, c, x] - lower * moves[1, c, x] - own * middle
            depth = along(rims[0, c], source, down)
            inside = min(max(depth, _MARGIN * at * gap), gap - _MARGIN * (1 - at) * gap)
            for x in range(2):
                offsets[c * steps + k, x] = source[x] + (inside - depth) * down[x] - place[x]
    return places, offsets


@numba.njit(cache=True, nogil=True)
def along(start: Floats, end: Floats, down: Floats) -> float:
    """How far down it is from one point to the other, each (2,)."""
    length: float = (end[0] - start[0]) * down[0] + (end[1] - start[1]) * down[1]
    return length


@numba.njit(cache=True, nogil=True)
def _fading(depth: float, opened: float) -> float:
    """Weight of a rim's motion at `depth` 0..1 below it.

    opened: how much of the new gap the rim itself has opened: what was hidden must be stretched into view, and the more
    there is the more evenly it is shared.
    """
    quick = min(max(1 - depth / 0.75, 0.0), 1.0)
    even = min(max((opened - 0.15) / 0.35, 0.0), 1.0)
    faded: float = quick * quick * (3 - 2 * quick) * (1 - even) + (1 - depth) * even
    return faded
