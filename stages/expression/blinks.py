"""Blinks in the curve of the eyes' closure: where they are, and what they look like.

A blink is a quick closure of both eyes, scored AU45; a longer one is AU43. It stands out from the lids' own level by
`LEAST` and lasts `SHORTEST` to `LONGEST` seconds between the crossings of `SILL` of its height. Its whole movement
goes on from there down to its feet on either side, and a blink is only ever taken, scaled or left as that whole.

Times are seconds of the frames, so variable frame rates are read as what they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stages.packets import Floats

Doubles = NDArray[np.float64]

LEAST: Final = 1.0
"""Intensity above the lids' level; half of all blinks do not close the eye (Sforza et al. 2008)."""
OPEN: Final = 2.0
"""Intensity; an eye whose lids lie lower than this is no open eye, and what it does is no blink."""
SHORTEST, LONGEST = 0.07, 0.5
"""Seconds. Stern, Walrath & Goldstein, *The endogenous eyeblink*, Psychophysiology 21, 1984, put the longest at .5 s;
FACS scores longer ones as AU43."""
SILL: Final = 0.3
"""Share of its height at which a blink's duration is read, and which a double blink falls below between its halves."""
FOOT: Final = 0.06
"""Share of its height at which a blink has ended."""
LEAD, TAIL = 0.15, 0.35
"""Seconds that the feet lie outside the sill at most."""
AROUND: Final = 1.5
"""Seconds to either side from which the lids' level is read."""
LEVEL: Final = 25.0
"""Percentile of the closure around that is the lids' level: lids are up most of the time."""

CLOSING, OPENING = 0.09, 0.165
"""Seconds from foot to apex and from apex to foot where a clip has no blinks to learn from. Down-phases are short,
up-phases nearly twice as long (VanderWerf et al., *Eyelid movements*, J. Neurophysiol. 89, 2003; Sforza et al.,
*Spontaneous blinking in healthy persons*, Ophthalmic Physiol. Opt. 28, 2008: closing is 40 to 47 % faster)."""
HEIGHT: Final = 4.5
"""Intensity of the apex where a clip has no blinks to learn from: all but shut."""
ENOUGH: Final = 2
"""Blinks from which a clip's own shape is learned."""
_GRID: Final = np.linspace(-1, 1, 21)
"""Phase: -1 and 1 are the feet, 0 is the apex."""


@dataclass(frozen=True, slots=True)
class Blink:
    """One blink; items of the curve. onset: last item before it; offset: first item after it; height: of the apex."""

    onset: int
    apex: int
    offset: int
    height: float


@dataclass(frozen=True, slots=True)
class Shape:
    """What a blink looks like. closing, opening: seconds; height: intensity; course: 0..1 over `_GRID`."""

    closing: float
    opening: float
    height: float
    course: Doubles

    def at(self, seconds: Doubles) -> Floats:
        """Share of its height at `seconds` from the apex; 0 outside."""
        phase = np.where(seconds < 0, seconds / self.closing, seconds / self.opening)
        share: Floats = np.interp(phase, _GRID, self.course, 0, 0).astype(np.float32)
        return share


def find(seconds: Doubles, closure: Floats) -> list[Blink]:
    """The blinks of one unbroken run. seconds, closure: (n,), the closure of the eye that closes less."""
    if len(closure) < 3:
        return []
    level = _level(seconds, closure)
    above = closure - level
    taken = np.zeros(len(closure), bool)
    sills = []
    for apex in map(int, np.argsort(-above, kind="stable")):  # high ones first, so that nothing on a slope counts
        if above[apex] < LEAST:
            break
        rise, fall = (_out(above, apex, step, SILL * float(above[apex])) for step in (-1, 1))
        free = not taken[rise : fall + 1].any()
        taken[rise : fall + 1] = True
        if free and level[apex] <= OPEN and _lasts(seconds, above, (rise, apex, fall)):
            sills.append((rise, apex, fall))
    return _whole(seconds, above, sorted(sills))


def _level(seconds: Doubles, closure: Floats) -> Floats:
    low = np.searchsorted(seconds, seconds - AROUND)
    high = np.searchsorted(seconds, seconds + AROUND, "right")
    return np.array([np.percentile(closure[a:b], LEVEL) for a, b in zip(low, high, strict=True)], np.float32)


def _out(above: Floats, start: int, step: int, sill: float) -> int:
    """The first item from `start` on that is not above `sill`, or the last one."""
    i = start
    while above[i] > sill and 0 <= i + step < len(above):
        i += step
    return i


def _lasts(seconds: Doubles, above: Floats, sills: tuple[int, int, int]) -> bool:
    """Neither too short nor too long for a blink, nor cut by an end of the run."""
    rise, apex, fall = sills
    if max(above[rise], above[fall]) > SILL * above[apex]:
        return False
    span = float(seconds[fall] - seconds[rise])
    step = span / (fall - rise)  # the crossings lie within the outermost steps
    return span >= SHORTEST and span - step <= LONGEST


def _whole(seconds: Doubles, above: Floats, sills: Sequence[tuple[int, int, int]]) -> list[Blink]:
    """From sills to feet."""
    blinks: list[Blink] = []
    for i, (rise, apex, fall) in enumerate(sills):
        height = float(above[apex])
        before = blinks[-1].offset if blinks else 0
        after = sills[i + 1][0] if i + 1 < len(sills) else len(above) - 1
        onset = _foot(seconds, above, rise, min(before, rise), LEAD, height)
        blinks.append(Blink(onset, apex, _foot(seconds, above, fall, max(after, fall), TAIL, height), height))
    return blinks


def _foot(seconds: Doubles, above: Floats, start: int, end: int, most: float, height: float) -> int:
    """Downhill from the sill: until it is low, rises again, or takes too long."""
    i, step = start, 1 if end > start else -1
    while i != end and above[i] > FOOT * height and above[i + step] <= above[i]:
        if abs(seconds[i + step] - seconds[start]) > most:
            break
        i += step
    return i


def learn(seconds: Doubles, closure: Floats, blinks: Sequence[Blink]) -> Shape:
    """The shape of a clip's own blinks, the default one where it has too few. closure: as given to `find`."""
    if len(blinks) < ENOUGH:
        return Shape(CLOSING, OPENING, HEIGHT, _default())
    closing = float(np.median([seconds[b.apex] - seconds[b.onset] for b in blinks]))
    opening = float(np.median([seconds[b.offset] - seconds[b.apex] for b in blinks]))
    course = np.median([_phases(seconds, closure, blink) for blink in blinks], axis=0)
    middle = len(_GRID) // 2
    course[: middle + 1] = np.maximum.accumulate(course[: middle + 1])
    course[middle:] = np.minimum.accumulate(course[middle:])
    return Shape(closing, opening, float(np.median([b.height for b in blinks])), course)


def _phases(seconds: Doubles, closure: Floats, blink: Blink) -> Doubles:
    """(21,) share of a blink's height over its phase, 0 at both feet and 1 at the apex."""
    items = np.arange(blink.onset, blink.offset + 1)
    away = seconds[items] - seconds[blink.apex]
    phase = np.where(away < 0, away / -min(away[0], -1e-9), away / max(away[-1], 1e-9))
    chord = np.interp(items, (blink.onset, blink.offset), closure[[blink.onset, blink.offset]])
    rise = closure[items] - chord
    share = np.interp(_GRID, phase, np.maximum(rise, 0) / max(float(rise[blink.apex - blink.onset]), 1e-6))
    return np.clip(share, 0, 1)


def _default() -> Doubles:
    """Down in a raised cosine; up fast at first, then slowly."""
    down = (1 + np.cos(np.pi * _GRID)) / 2
    up = (1 + np.cos(np.pi * np.clip(_GRID, 0, 1) ** 0.75)) / 2
    return np.where(_GRID < 0, down, up)
