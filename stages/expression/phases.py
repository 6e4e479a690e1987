"""The course of an expression in time: how fast a smile comes up, and how long a unit stays at its apex.

Both act on slow courses, (n, ...) curves of one unbroken run, and hand back the same numbers where they change nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from stages.packets import Floats

Doubles = NDArray[np.float64]

RISE: Final = 0.8
"""Intensity that a smile gains from its onset to its apex at least."""
EDGE: Final = 0.05
"""Share of the rise at which its onset has begun, and with 1 minus it is over."""
LEAVES: Final = 0.5
"""Share of the time from the apex to the end of the smile that a slowed onset may take as well."""


@dataclass(frozen=True, slots=True)
class Onset:
    """A rise of a curve, in items: from `start` to `apex`; `end` is the next low, or the last item."""

    start: int
    apex: int
    end: int


def onsets(curve: Floats) -> Iterator[Onset]:
    """The rises of (n,) by `RISE` or more, turning point to turning point."""
    turns = _turns(curve)
    for i, (low, high) in enumerate(pairwise(turns)):
        rise = curve[high] - curve[low]
        if rise < RISE:
            continue
        part = (curve[low : high + 1] - curve[low]) / rise
        start = low + int(np.flatnonzero(part <= EDGE)[-1])
        apex = low + int(np.flatnonzero(part >= 1 - EDGE)[0])
        yield Onset(start, apex, turns[i + 2] if i + 2 < len(turns) else len(curve) - 1)


def _turns(curve: Floats) -> list[int]:
    """Items where the curve turns for `RISE` or more, first and last included, by turns low and high."""
    turns, low, high, up = [0], 0, 0, None
    for i, value in enumerate(curve):
        low, high = (i if value < curve[low] else low), (i if value > curve[high] else high)
        if up is not True and value - curve[low] >= RISE:
            turns, up, high = [*turns, low], True, i
        elif up is not False and curve[high] - value >= RISE:
            turns, up, low = [*turns, high], False, i
        elif up is True and high == i:
            low = i
        elif up is False and low == i:
            high = i
    return sorted({*turns, high if up else low, len(curve) - 1})


def paced(seconds: Doubles, curve: Floats, speed: float) -> Doubles:
    """(n,) the time whose values shall be shown at each of `seconds`: onsets of `curve` go `speed` times as fast.

    An onset begins when it did. A faster one reaches its apex sooner and stays there longer; a slower one takes the
    time from the apex, up to `LEAVES` of it.
    """
    source = seconds.copy()
    for onset in onsets(curve):
        start, apex, end = (float(seconds[item]) for item in (onset.start, onset.apex, onset.end))
        arrives = min(start + (apex - start) / speed, apex + LEAVES * (end - apex))
        if not start < arrives < end:
            continue
        inside = slice(onset.start, onset.end + 1)
        source[inside] = np.interp(seconds[inside], (start, arrives, end), (start, apex, end))
    return source


def shown_at(seconds: Doubles, values: Floats, source: Doubles) -> Floats:
    """(n, ...) `values` as they are at `source`; the same numbers where that is now."""
    moved = source != seconds
    item = np.clip(np.searchsorted(seconds, source, "right") - 1, 0, len(seconds) - 2)
    share = ((source - seconds[item]) / (seconds[item + 1] - seconds[item])).astype(np.float32)
    tall: Any = (slice(None), *([None] * (values.ndim - 1)))
    between = values[item] + share[tall] * (values[item + 1] - values[item])
    shown: Floats = np.where(moved[tall], between, values).astype(np.float32)
    return shown


def held(seconds: Doubles, curve: Floats, start: float, end: float, release: float) -> Floats:
    """(n,) `curve`, staying at its highest between `start` and `end` from when it is reached, then eased back."""
    inside = np.flatnonzero((seconds >= start) & (seconds <= end))
    if not len(inside):
        return curve
    apex = int(inside[curve[inside].argmax()])
    back = np.clip((seconds - end) / release, 0, 1) if release > 0 else (seconds > end).astype(np.float64)
    weight = (1 - back * back * (3 - 2 * back)).astype(np.float32)
    weight[:apex] = 0
    kept: Floats = np.where(weight > 0, curve + weight * (np.maximum(curve[apex], curve) - curve), curve)
    return kept
