"""Short movements in one Action Unit's curve: where they are, and the part of the curve that belongs to them.

A short movement is what a slow course cannot explain. Around every frame, and for several durations, the curve is laid
out by least squares as a parabola (the course) plus a raised cosine of that duration: a matched filter that slopes and
slow peaks pass by. Times are seconds of the frames, so variable frame rates are read as what they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from stages.packets import Floats

Doubles = NDArray[np.float64]

BRIEF: Final = 0.5
"""Seconds from onset to offset that a micro-expression lasts at most (Yan, Wu, Liang, Chen & Fu, *How fast are the
leaked facial expressions*, J. Nonverbal Behavior 37, 2013)."""
QUICK: Final = 0.26
"""Seconds from onset to apex at most, the other bound of the same study."""


class Lies(Protocol):
    """Where a movement lies on a curve: what `Movement` and `packets.MicroEvent` have in common."""

    @property
    def onset(self) -> int:
        """The last item before it."""

    @property
    def offset(self) -> int:
        """The first item after it."""

    @property
    def brief(self) -> bool:
        """Lasts at most `BRIEF`."""


@dataclass(frozen=True, slots=True)
class Movement:
    """One short movement. onset, apex, offset: items of the curve; it lies strictly between onset and offset.

    strength: intensity of the apex above the course under it. ratio: its match against the curve's noise level.
    brief: lasts at most `BRIEF`; if not, only its onset is quick.
    """

    onset: int
    apex: int
    offset: int
    strength: float
    ratio: float
    brief: bool


def component(seconds: Doubles, values: Floats, events: Sequence[Lies], first: int = 0) -> Floats:
    """The part of one curve that belongs to its brief events: the curve minus the course under them, zero elsewhere.

    seconds, values: (n,) one unbroken run of one unit and side. events: those of this curve, `Movement`s or
    `MicroEvent`s; not brief ones count nothing. first: the frame that item 0 is, where events are told in frames.
    Returns (n,); exactly 0 at every onset and offset, so that `values - component` is the macro course.
    """
    part = np.zeros_like(values)
    for event in events:
        low, high = event.onset - first, event.offset - first
        if not event.brief or low < 0 or high >= len(values) or high - low < 2:
            continue
        share = (seconds[low : high + 1] - seconds[low]) / (seconds[high] - seconds[low])
        chord = values[low] + share * (values[high] - values[low])
        part[low + 1 : high] = (values[low : high + 1] - chord)[1:-1]
    return part
