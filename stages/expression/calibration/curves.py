"""Known curves of Action Units for evaluation clips: isolated pulses, overlapping activity, head motion.

Curves are shares of the rig's full weights, (frames, len(SHOWN), 2), left and right; `intensities` says what FACS would
score. A pulse is a raised cosine: it starts and ends without a jerk, as muscles do (Schmidt, Cohn & Tian 2003).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stages import facs
from stages.expression.calibration import acting
from stages.expression.calibration.acting import Shares
from stages.expression.recipes import RECIPES

Doubles = NDArray[np.float64]

SHOWN: Final = tuple(RECIPES)
"""Units in the order of a curve's columns."""
BUMP: Final = (0.4, 1.6)
"""Seconds that a movement of `overlapping` takes."""
UNEVEN: Final = 0.33
"""Share of its movements that are stronger on one side."""
TRIES: Final = 20  # to find a time at which a movement has no opponent
TEMPO: Final = 2.5  # seconds of a head movement


@dataclass(frozen=True)
class Pulse:
    """Unit `number` rises and falls from frame `start` to `stop` (exclusive), to `level` of the rig's full weight."""

    number: int
    level: float
    start: int
    stop: int


def raised_cosine(frames: int) -> Doubles:
    """(frames,) 0..1, samples at the middle of each frame."""
    phase = (np.arange(frames) + 0.5) / frames
    curve: Doubles = 0.5 - 0.5 * np.cos(2 * np.pi * phase)
    return curve


def pulses(
    numbers: Sequence[int], levels: Sequence[float], length: int, rest: int, repeats: int = 1
) -> tuple[Doubles, tuple[Pulse, ...]]:
    """One unit after another, each at every level and `repeats` times, `rest` frames before, between and after.

    AU30 has sides that exclude each other: it goes to the left.
    """
    shown = [(number, level) for number in numbers for level in levels for _ in range(repeats)]
    marks = tuple(
        Pulse(number, level, start, start + length)
        for (number, level), start in zip(shown, range(rest, len(shown) * (length + rest), length + rest), strict=True)
    )
    shares = np.zeros((rest + len(shown) * (length + rest), len(SHOWN), 2))
    for mark in marks:
        sides = [0] if mark.number == 30 else [0, 1]
        shares[mark.start : mark.stop, SHOWN.index(mark.number), sides] = mark.level * raised_cosine(length)[:, None]
    return shares, marks


def overlapping(rng: np.random.Generator, frames: int, rate: float, busy: float) -> Doubles:
    """Several units at once: each is active for about a share `busy` of the time, opposed ones never together."""
    shares = np.zeros((frames, len(SHOWN), 2))
    count = max(1, round(busy * frames / rate / np.mean(BUMP)))
    for number in rng.permutation(np.repeat(SHOWN, count)).tolist():
        length = min(round(float(rng.uniform(*BUMP)) * rate), frames)
        taken = _opponents(shares, number)
        for _ in range(TRIES):
            start = int(rng.integers(0, frames - length + 1))
            if not taken[start : start + length].any():
                heights = _sides(rng, number, float(rng.uniform(0.1, 1)) * acting.most(number))
                shares[start : start + length, SHOWN.index(number)] = raised_cosine(length)[:, None] * heights
                break
    return shares


def _opponents(shares: Doubles, number: int) -> NDArray[np.bool_]:
    """(frames,) where the unit itself or one that excludes it is shown."""
    others = {number} | {other for pair in acting.OPPOSED if number in pair for other in pair}
    return np.asarray(shares[:, [SHOWN.index(other) for other in others]].any((1, 2)))


def _sides(rng: np.random.Generator, number: int, share: float) -> Doubles:
    if number == 30:
        return np.roll([share, 0.0], rng.integers(2))
    pair = np.array([share, share])
    if RECIPES[number][1] is not None and number not in acting.GAZE and rng.random() < UNEVEN:
        pair[rng.integers(2)] *= rng.uniform(0, 1)
    return pair


def wander(rng: np.random.Generator, frames: int, rate: float, most: Sequence[float]) -> Doubles:
    """(frames, len(most)) smooth random angles within +-most: three slow waves each, as heads move in a talk."""
    time = np.arange(frames) / rate
    angles = np.zeros((frames, len(most)))
    for column, limit in enumerate(most):
        waves = [np.sin(2 * np.pi * (time / (TEMPO * rng.uniform(1, 4)) + rng.random())) for _ in range(3)]
        angles[:, column] = limit * np.tanh(np.array(waves).sum(0) * 0.8)
    return angles


def named(row: Doubles) -> Shares:
    """One frame's (len(SHOWN), 2) as unit -> left and right, without what is at rest."""
    return {number: (float(pair[0]), float(pair[1])) for number, pair in zip(SHOWN, row, strict=True) if pair.any()}


def intensities(shares: Doubles, parted: Doubles) -> Doubles:
    """(frames, facs.COUNT, 2) what FACS would score, 0..5; AU25 is `parted`, (frames,), by the gap of the lips."""
    values = np.stack([acting.intensities(named(row)) for row in shares])
    values[:, facs.INDEX["AU25"]] = parted[:, None]
    return values
