"""Known micro-events over slow movement: what the protocol `events` films."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from runner.evaluate.options import Planted
from stages.expression.calibration import acting
from stages.expression.calibration.curves import SHOWN, Doubles, Pulse, raised_cosine
from stages.expression.recipes import RECIPES

SLOW: Final = (1.5, 4.0)
"""Seconds of a movement of the course: no part of it rises within a quarter of a second."""
REACH: Final = 0.6
"""Share of the rig's full weight that the course goes to at most, so that events fit on top of it."""
ONE_SIDED: Final = 0.25
"""Share of events, of units that have sides, that only one side shows."""


def planted(rng: np.random.Generator, rate: float, options: Planted) -> tuple[Doubles, tuple[Pulse, ...]]:
    """Shares (frames, len(SHOWN), 2) of the full weights, and the events in them, one at a time, in random order."""
    events = [(number, i) for number in options.units for i in range(options.repeats)]
    order = rng.permutation(len(events))
    pace = options.rest + max(options.seconds)
    frames = round((len(events) * pace + options.rest) * rate)
    shares = _course(rng, frames, rate, options.busy)
    marks = []
    for place, chosen in enumerate(order.tolist()):
        number = events[chosen][0]
        length = max(round(float(rng.uniform(options.seconds[0], options.seconds[1])) * rate), 2)
        level = float(rng.uniform(options.levels[0], options.levels[1]))
        start = round((options.rest + place * pace) * rate)
        sides = _sides(rng, number)
        pulse = level * raised_cosine(length)
        shares[start : start + length, SHOWN.index(number), sides] += pulse[:, None]
        marks.append(Pulse(number, level, start, start + length))
    return shares, tuple(marks)


def _sides(rng: np.random.Generator, number: int) -> Sequence[int]:
    sided = RECIPES[number][1] is not None and number not in acting.GAZE and number != 43  # one closed eye is AU46
    return [int(rng.integers(2))] if sided and rng.random() < ONE_SIDED else [0, 1]


def _course(rng: np.random.Generator, frames: int, rate: float, busy: float) -> Doubles:
    """Every unit rises and falls slowly, for about a share `busy` of the time; opposed units may meet."""
    shares = np.zeros((frames, len(SHOWN), 2))
    count = max(1, round(busy * frames / rate / float(np.mean(SLOW))))
    for number in SHOWN:
        if number in (43, 30):  # eyes close in blinks, and a jaw that wanders would carry the mouth with it
            continue
        for _ in range(count):
            length = min(round(float(rng.uniform(*SLOW)) * rate), frames)
            start, height = int(rng.integers(0, frames - length + 1)), float(rng.uniform(0.1, REACH))
            part = shares[start : start + length, SHOWN.index(number)]
            np.maximum(part, (height * raised_cosine(length))[:, None], out=part)
    return shares
