"""Eyes and mouth: rims that touch, and what lies behind them.

Displacements come from a linear basis and know nothing of one another; added up they can push a lid through the other
one. What is done about it changes continuously with the input, so that a limit that sets in does not show as a jump.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

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
        room: Floats = np.minimum(points, corner - points).min(1, keepdims=True) / np.float32(_BORDER * self.unit) - 0.3
        return np.clip(room, 0, 1)


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
    beyond the opening as it was.
    """
    rims = np.stack([opening.upper, opening.lower])
    moved, at = moves[rims], mesh.FRACTIONS
    upper, lower = face[rims] + moved
    places = upper[:, None] * (1 - at[:, None]) + lower[:, None] * at[:, None]
    along = moved @ down
    height = np.maximum((lower - upper) @ down, 1e-3)
    weights = np.stack(
        [_fading(at, np.maximum(-along[0], 0) / height), _fading(1 - at, np.maximum(along[1], 0) / height)]
    )
    across = np.sqrt(np.sin(np.pi * np.arange(1, opening.columns + 1) / (opening.columns + 1)))[:, None]
    middle = (moved.mean(0) * (1 - across) + pull * across)[:, None]
    own = np.clip(1 - weights.sum(0), 0, 1)[..., None]
    sources = places - (weights[..., None] * moved[:, :, None]).sum(0) - own * middle
    sources += _within(sources, face[rims], down)[..., None] * down
    return places.reshape(-1, 2), (sources - places).reshape(-1, 2)


def _within(sources: Floats, rims: Floats, down: Floats) -> Floats:
    """(columns, steps) shifts along `down` that keep inner points inside the opening, in their order."""
    upper, lower = rims @ down
    gap = np.maximum(lower - upper, 0)[:, None]
    depth = sources @ down - upper[:, None]
    inside = np.clip(depth, _MARGIN * mesh.FRACTIONS * gap, gap - _MARGIN * (1 - mesh.FRACTIONS) * gap)
    shift: Floats = inside - depth
    return shift


def _fading(depth: Floats, opened: Floats) -> Floats:
    """(columns, steps) weight of a rim's motion at `depth` 0..1 below it.

    opened: (columns,) how much of the new gap the rim itself has opened: what was hidden must be stretched into view,
    and the more there is the more evenly it is shared.
    """
    quick = np.clip(1 - depth / 0.75, 0, 1)
    quick = quick * quick * (3 - 2 * quick)
    even = np.clip((opened - 0.15) / 0.35, 0, 1)[:, None]
    faded: Floats = (quick * (1 - even) + (1 - depth) * even).astype(np.float32)
    return faded
