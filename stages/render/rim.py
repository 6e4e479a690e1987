"""What a mask's rim says from frame to frame, freed of what only that frame has: hair that moves, grain, blocks.

The rim's difference is averaged in bins that are tied to the mesh: along the face's outline, and in steps from its
middle outward, because a hand before the face makes a rim of its own. What all of the rim does alike is the light's
doing and is followed at once; what is left is smoothed in time; a bin that jumps starts anew.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from stages.faces import layouts
from stages.packets import Floats, Stamp
from stages.render.steady import Recent, share

_ALONG, _OUTWARD = 72, 6
"""Bins: two for every vertex of the outline, and in steps of a fifth of the way to it, the last one beyond."""
_JUMP: Final = 0.25
"""Nominal R'G'B' 0..1 by which a bin may differ from what it was, all else alike; a cut, or something in front."""

_LEEWAY: Final = 0.08
"""Nominal R'G'B' 0..1 by which any of the rim may differ from its median."""
_KNOWN: Final = 256  # pixels of the rim that are asked about hidden ones, at most
_DOUBT: Final = 12.0
"""Times the variance of a mean over all bins by which what they have in common must stand out to count for half."""

Doubles = NDArray[np.float64]


def steadied(
    state: dict[int, Recent], track: int, at: Stamp, spots: Doubles, difference: Floats, places: Floats, seconds: float
) -> Floats:
    """(n, 3) the difference with the frame's own whims taken out.

    spots: (n, 2) x, y of the rim's pixels. difference: (n, 3) there. places: vertices of the mesh in the same pixels;
    without a mesh, or with `seconds` 0, the very difference.
    """
    if seconds <= 0 or not len(places):
        return difference
    index, weight = _bins(spots, places[layouts.OVAL].astype(np.float64))
    now = _averaged(index, weight, difference)
    recent = state.get(track)
    much = share(recent, at, seconds)
    eased = now if recent is None or much == 1 else _eased(recent.values, now, much)
    state[track] = Recent(at, eased)
    change = np.where(np.isnan(eased) | np.isnan(now), 0, eased - now)
    held: Floats = difference + np.einsum("nk,nkc->nc", weight, change[index]).astype(np.float32)
    return held


def winsorised(difference: Floats, shown: NDArray[np.bool_]) -> Floats:
    """(n, 3) without what is no matter of tone: where the rim runs over background or hair, it asks for anything.

    Held within three standard deviations, as the median of the absolute deviations has them, of the median of what is
    `shown` (n,).
    """
    if not shown.any():
        return difference
    middle = np.median(difference[shown], 0)
    reach = np.maximum(3 * 1.4826 * np.median(np.abs(difference[shown] - middle), 0), _LEEWAY)
    held: Floats = np.clip(difference, middle - reach, middle + reach).astype(np.float32)
    return held


def bridged(spots: Doubles, difference: Floats, hidden: NDArray[np.bool_]) -> Floats:
    """(n, 3) what the rim asks for where something lies before it, `hidden` (n,), told from the rest of the rim.

    A hand's own colour is no matter of tone: there the membrane has no boundary value of its own but the mean of all
    others by the inverse fourth powers of their distances (Shepard, *A two-dimensional interpolation function for
    irregularly-spaced data*, 1968). 0 throughout if all of it is hidden. spots: (n, 2) x, y of the rim's pixels.
    """
    if not hidden.any():
        return difference
    known = np.flatnonzero(~hidden)
    if not len(known):
        return np.zeros_like(difference)
    known = known[:: -(-len(known) // _KNOWN)]
    apart = spots[hidden, None].astype(np.float32) - spots[None, known].astype(np.float32)
    weight = 1 / np.square(np.maximum(np.square(apart).sum(2), 1))
    told = difference.copy()
    told[hidden] = weight @ difference[known] / weight.sum(1, keepdims=True)
    return told


def _eased(old: Floats, now: Floats, much: float) -> Floats:
    apart = now - old
    known = ~np.isnan(apart[:, 0])
    if not known.any():
        return now
    together = np.median(apart[known], 0)
    own = apart - together
    # A median of restless bins is restless too: it is the light's doing as far as it stands out of what they differ by.
    chance = _DOUBT * np.square(own[known]).mean(0).sum() / known.sum()
    moved = float(np.square(together).sum())
    together = together * np.float32(moved / max(moved + chance, 1e-12))
    own = apart - together
    jumps = ~known | (np.abs(np.nan_to_num(own)).max(1) > _JUMP)
    eased: Floats = np.where(jumps[:, None], now, old + together + np.float32(much) * own).astype(np.float32)
    return eased


def _bins(spots: Doubles, outline: Doubles) -> tuple[NDArray[np.int64], Doubles]:
    """(n, 2) the two bins that a pixel lies between along the outline, and its shares of them."""
    centre = outline.mean(0)
    around, distance = _polar(outline - centre)
    order = np.argsort(around)
    # Wherever the numbering of the outline starts and however it runs, it runs once around.
    vertex = np.unwrap(order.astype(np.float64), period=len(outline))
    angle, far = _polar(spots - centre)
    turn, ring = 2 * np.pi, around[order]
    knots = np.concatenate([[ring[-1] - turn], ring, [ring[0] + turn]])
    step = np.sign(vertex[-1] - vertex[0]) * len(outline)
    along = np.interp(angle, knots, np.concatenate([[vertex[-1] - step], vertex, [vertex[0] + step]]))
    edge = np.interp(angle, knots, np.concatenate([[distance[order[-1]]], distance[order], [distance[order[0]]]]))
    out = np.minimum((far / np.maximum(edge, 1e-6) * (_OUTWARD - 1)).astype(np.int64), _OUTWARD - 1)
    spot = along * (_ALONG / len(outline))
    low = np.floor(spot)
    bins = np.stack([low, low + 1], 1).astype(np.int64) % _ALONG * _OUTWARD + out[:, None]
    return bins, np.stack([1 - (spot - low), spot - low], 1)


def _polar(offsets: Doubles) -> tuple[Doubles, Doubles]:
    return np.arctan2(offsets[:, 1], offsets[:, 0]), np.linalg.norm(offsets, axis=1)


def _averaged(index: NDArray[np.int64], weight: Doubles, values: Floats) -> Floats:
    """(bins, 3) means; NaN where there are no pixels."""
    flat, share_ = index.ravel(), weight.ravel()
    total = np.bincount(flat, share_, _ALONG * _OUTWARD)
    sums = [np.bincount(flat, share_ * np.repeat(values[:, c], 2), _ALONG * _OUTWARD) for c in range(3)]
    with np.errstate(invalid="ignore", divide="ignore"):
        means: Floats = np.where(total > 0.5, np.stack(sums) / total, np.nan).T.astype(np.float32)
    return means
