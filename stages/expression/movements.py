"""Short movements in one Action Unit's curve: where they are, and the part of the curve that belongs to them.

A short movement is what a slow course cannot explain. Around every frame, and for several durations, the curve is laid
out by least squares as a parabola (the course) and a raised cosine of that duration: a matched filter (North 1943;
Turin 1960) that slopes and slow peaks pass by. Times are the frames' own, so variable rates are read as what they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

import numpy as np
from numba import njit
from numpy.typing import NDArray

from stages.packets import Floats

Doubles = NDArray[np.float64]

BRIEF: Final = 0.5
"""Seconds from onset to offset that a micro-expression lasts at most (Yan, Wu, Liang, Chen & Fu, *How fast are the
leaked facial expressions*, J. Nonverbal Behavior 37, 2013)."""
QUICK: Final = 0.26
"""Seconds from onset to apex at most, the other bound of the same study."""
LENGTHS: Final = (0.1, 0.14, 0.2, 0.28, 0.38, 0.5)
"""Seconds of the raised cosines that are tried, in steps of about a square root of two."""
BESIDE: Final = 0.25
"""Seconds on either side of a raised cosine that tell the course."""
LEAST: Final = 0.25
"""Intensity above the course below which nothing is told: half of the faintest movement that a coder scores (A)."""
LEAST_BESIDE: Final = 2
"""Items on a side, its foot included, from which no bend is read."""
STANDS_OUT: Final = 4.5
"""Times the noise that a movement must reach."""
PRIOR: Final = 6.0
"""Frames that the whole curve's noise level counts for beside what is seen around a movement."""
FOOT: Final = 0.05
"""Share of the apex's height over the course at which a movement begins and ends."""
LIKE: Final = 0.4
"""Share of what the course leaves that the raised cosine must explain; a step or a wave is no short movement."""
CALM: Final = 0.25
"""Quantile of the heights' sizes that tells the noise level: three quarters of a clip may be movements."""
CALM_NORMAL: Final = 0.3186
"""The same quantile of a standard normal distribution's sizes."""
RAMPS: Final = (0.1, 0.26)
"""Seconds of the steps that are tried against a raised cosine: what fits a step better stays where it goes."""
FLOOR: Final = 0.05
"""Noise level, in intensities, that no curve is below: a unit at rest is cut off at 0 and shows none."""
ARRIVED: Final = 0.9
"""Share of its rise at which a movement with a quick onset has arrived."""
CALM_BEFORE: Final = 0.2
"""Share of its rise that the curve may move in the time before."""
HOLDS: Final = 0.5
"""Share of its rise that a movement with a quick onset keeps for longer than `BRIEF`."""


class Lies(Protocol):
    """Where a movement lies on a curve: what `Movement` and `packets.MicroEvent` have in common."""

    @property
    def onset(self) -> int:
        """The last item before it."""

    @property
    def apex(self) -> int:
        """Its height."""

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


def find(
    seconds: Doubles,
    curve: Floats | Doubles,
    noise: Doubles | None = None,
    *,
    least: float = LEAST,
    stands_out: float = STANDS_OUT,
    matched: Match | None = None,
) -> list[Movement]:
    """The short movements of one unbroken run, by onset; brief ones never overlap.

    seconds, curve: (n,). noise: (len(LENGTHS),) noise of the heights, from `level` of all runs; None takes this run's.
    least: intensity. stands_out: times the noise. matched: of this run, where it is known already.
    """
    matched = matched or match(seconds, curve)[0]
    noise = level([matched]) if noise is None else noise
    values = curve.astype(np.float64)
    brief = _brief(seconds, values, _ratios(matched, noise, least), least, stands_out)
    risen = max(2 * least, stands_out * float(noise[0]))
    return sorted([*brief, *_quick(seconds, values, risen, float(noise[0]), brief)], key=lambda one: one.onset)


def level(runs: Sequence[Match]) -> Doubles:
    """(len(LENGTHS),) noise of the heights over all runs of a curve, from their calmest quarter. What a person does all
    the time, such as lips in speech, raises it."""
    heights = np.concatenate([run.height for run in runs])
    known = np.abs(heights[~np.isnan(heights).any(axis=1)])
    return (
        np.maximum(np.quantile(known, CALM, axis=0) / CALM_NORMAL, FLOOR)
        if len(known)
        else np.full(len(LENGTHS), FLOOR)
    )


def _ratios(matched: Match, noise: Doubles, least: float) -> Doubles:
    """(n, len(LENGTHS)) how far a movement stands out; 0 where there is none."""
    fits = (matched.height >= least) & (matched.share >= LIKE)
    return np.where(fits, matched.ratio(noise), 0.0)


def _brief(seconds: Doubles, curve: Doubles, ratio: Doubles, least: float, stands_out: float) -> list[Movement]:
    found: list[Movement] = []
    taken = np.zeros(len(curve), np.bool_)
    frame = float(np.median(np.diff(seconds))) if len(seconds) > 1 else 0.0
    places = np.argsort(-ratio, axis=None, kind="stable")
    for place in places[: int((ratio >= stands_out).sum())].tolist():
        item, k = divmod(place, len(LENGTHS))
        one: Movement | None = (
            None if taken[item] else _laid_out(seconds, curve, item, LENGTHS[k], float(ratio[item, k]), frame)
        )
        if one is not None and one.strength >= least and not taken[one.onset + 1 : one.offset].any():
            found.append(one)
            taken[one.onset + 1 : one.offset] = True
    return found


def _laid_out(
    seconds: Doubles, curve: Doubles, item: int, length: float, ratio: float, frame: float
) -> Movement | None:
    """Where the movement around `item` begins and ends; None if it is none after all. frame: seconds of one."""
    reach = length + BRIEF + 2 * frame  # what ends beyond is not brief
    first, end = np.searchsorted(seconds, [seconds[item] - reach, seconds[item] + reach]).tolist()
    when, values = seconds[first:end], curve[first:end]
    course = _course(when, values, item - first, length)
    if course is None:
        return None
    above = values - course
    inside = np.flatnonzero(np.abs(when - when[item - first]) < length / 2)
    apex = int(inside[np.argmax(above[inside])])
    onset, offset = _foot(above, apex, -1), _foot(above, apex, 1)
    if onset is None or offset is None or offset - onset < 2 or when[offset] - when[onset] > BRIEF + frame:
        return None
    onset, apex, offset = onset + first, apex + first, offset + first
    strength = float(curve[apex] - _under(seconds, curve, onset, apex, offset)[apex - onset])
    return Movement(onset, apex, offset, strength, ratio, True)


def _course(seconds: Doubles, curve: Doubles, item: int, length: float) -> Doubles | None:
    """(n,) the parabola beside a raised cosine around `item`; None where a step fits better than the raised cosine."""
    apart = seconds - seconds[item]
    near = np.abs(apart) <= length / 2 + BESIDE
    terms = np.stack([np.ones_like(apart), apart, apart**2], axis=1)
    cosine = np.where(np.abs(apart) < length / 2, 0.5 + 0.5 * np.cos(2 * np.pi * apart / length), 0)
    fitted = np.linalg.lstsq(np.column_stack([terms[near], cosine[near]]), curve[near], rcond=None)[0]
    left = curve[near] - np.column_stack([terms[near], cosine[near]]) @ fitted
    basis = np.linalg.qr(terms[near])[0]
    steps = _steps(apart[near])
    steps -= basis @ (basis.T @ steps)
    rest = curve[near] - basis @ (basis.T @ curve[near])
    explained = (steps.T @ rest) ** 2 / np.maximum((steps**2).sum(axis=0), 1e-9)
    course: Doubles = terms @ fitted[:3]
    return course if rest @ rest - explained.max() > left @ left else None


def _steps(apart: Doubles) -> Doubles:
    """(n, m) soft steps between every two of n frames, and over `RAMPS`."""
    middles = (apart[1:] + apart[:-1]) / 2
    ramps = [np.clip((apart[:, None] - middles) / ramp + 0.5, 0, 1) for ramp in RAMPS]
    return np.concatenate(ramps, axis=1)


def _foot(above: Doubles, apex: int, step: int) -> int | None:
    """From the apex outward: the first item that is down at the course, or after which it goes up again."""
    last = apex
    at = apex + step
    while 0 <= at < len(above):
        if above[at] <= FOOT * above[apex]:
            return at
        if above[at] > above[last] and above[last] <= 0.5 * above[apex]:
            return last
        last, at = at, at + step
    return None


def _quick(seconds: Doubles, curve: Doubles, least: float, noise: float, brief: Sequence[Movement]) -> list[Movement]:
    """Movements with a quick onset that stay: a rise by at least `least`, from rest, that holds."""
    taken = np.zeros(len(curve), np.bool_)
    for one in brief:
        taken[one.onset + 1 : one.offset] = True
    found: list[Movement] = []
    sets_out = ~taken[:-1] & (np.diff(curve) >= CALM_BEFORE * least / 2)
    at = 0
    while at < len(curve) - 2:
        risen = _risen(seconds, curve, at, least) if sets_out[at] else None
        if risen is not None and not taken[risen.onset + 1 : risen.apex + 1].any():
            found.append(replace(risen, ratio=risen.strength / noise))
            at = risen.offset
        else:
            at += 1
    return found


def _risen(seconds: Doubles, curve: Doubles, onset: int, least: float) -> Movement | None:
    """What rises right after `onset`, its apex where it is nearly as high as it gets within `BRIEF`."""
    past, quick, brief = np.searchsorted(seconds, seconds[onset] + np.array([-BESIDE, QUICK + 1e-6, BRIEF]))
    above = curve[onset : brief + 1] - curve[onset]
    rise = float(above.max())
    if rise < least or brief >= len(curve) or onset - past < 2 or above[1] < CALM_BEFORE * rise / 2:
        return None
    apex = onset + int(np.argmax(above >= ARRIVED * rise))
    holds = above[apex - onset :].min() >= HOLDS * rise
    if apex >= quick or not holds or np.ptp(curve[past : onset + 1]) > CALM_BEFORE * rise:
        return None
    down = np.flatnonzero(curve[apex:] - curve[onset] <= FOOT * rise)
    offset = apex + int(down[0]) if len(down) else len(curve) - 1
    return Movement(onset, apex, offset, rise, 0.0, False)


def component(seconds: Doubles, values: Floats, events: Sequence[Lies], first: int = 0) -> Floats:
    """The part of one curve that belongs to its brief events: the curve minus the course under them, zero elsewhere.

    seconds, values: (n,) one unbroken run of one unit and side. events: those of this curve, `Movement`s or
    `MicroEvent`s; not brief ones count nothing. first: the frame that item 0 is, where events are told in frames.
    Returns (n,); exactly 0 at every onset and offset, so that `values - component` is the macro course.
    """
    part = np.zeros_like(values)
    for event in events:
        low, apex, high = event.onset - first, event.apex - first, event.offset - first
        if event.brief and low >= 0 and high < len(values) and high - low >= 2:
            part[low + 1 : high] = (values[low : high + 1] - _under(seconds, values, low, apex, high))[1:-1]
    return part


def _under(seconds: Doubles, values: Floats | Doubles, onset: int, apex: int, offset: int) -> Doubles:
    """(offset - onset + 1,) the course under a movement: the line between its feet, bent as the curve beside it is.

    The bend takes away at most half of the apex's height over the line, or adds as much.
    """
    when = seconds[onset : offset + 1] - seconds[onset]
    line = values[onset] + when / when[-1] * (values[offset] - values[onset])
    bow = when * (when - when[-1])
    height = float(values[apex] - line[apex - onset])
    most = 0.5 * abs(height) / max(-float(bow[apex - onset]), 1e-9)
    bend = np.clip(_bend(seconds, values, onset, offset), -most, most)
    return np.asarray(line + bend * bow, np.float64)


def _bend(seconds: Doubles, values: Floats | Doubles, onset: int, offset: int) -> float:
    """Half the second derivative of the curve beside a movement; 0 where too little of it is there."""
    before, after = _beside(seconds, onset, offset)
    if min(len(before), len(after)) <= LEAST_BESIDE:
        return 0.0
    near = np.concatenate([before, after])
    return float(np.polyfit(seconds[near] - seconds[onset], values[near].astype(np.float64), 2)[0])


def _beside(seconds: Doubles, onset: int, offset: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Items up to `onset` and from `offset` on that tell the course."""
    first = int(np.searchsorted(seconds, seconds[onset] - BESIDE))
    end = int(np.searchsorted(seconds, seconds[offset] + BESIDE, "right"))
    return np.arange(first, onset + 1), np.arange(offset, end)


@dataclass(frozen=True, slots=True)
class Match:
    """How a raised cosine fits around every one of n items, for every one of k `LENGTHS`; NaN too near the run's end.

    height: (n, k) intensity. spread: (n, k) how many times the noise of one frame the height's is. left: (n, k) sum of
    squares that neither course nor raised cosine explains. free: (n, k) frames that tell of it.
    """

    height: Doubles
    spread: Doubles
    left: Doubles
    free: Doubles

    @property
    def share(self) -> Doubles:
        """(n, k) 0..1 of what the course does not explain, what the raised cosine does."""
        explained = (self.height / self.spread) ** 2
        share: Doubles = explained / np.maximum(explained + self.left, 1e-12)
        return share

    def ratio(self, noise: Doubles) -> Doubles:
        """(n, k) height against noise: what is left around it, and the whole curve's (k,) level, which counts as
        `PRIOR` frames do."""
        usual = noise / self.spread
        here = np.sqrt((self.left + PRIOR * usual**2) / (self.free + PRIOR))
        ratio: Doubles = self.height / (self.spread * here)
        return ratio


def match(seconds: Doubles, *curves: Floats | Doubles) -> list[Match]:
    """Lay out curves of one unbroken run, each (n,), at seconds (n,)."""
    told = np.full((4, len(curves), len(seconds), len(LENGTHS)), np.nan)
    together = np.stack(curves).astype(np.float64)
    for k, length in enumerate(LENGTHS):
        _match(seconds, together, length / 2, BESIDE, told[..., k])
    return [Match(*one) for one in told.swapaxes(0, 1)]


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _match(seconds: Doubles, curves: Doubles, half: float, beside: float, told: Doubles) -> None:
    low = high = 0
    for i in range(len(seconds)):
        while seconds[low] < seconds[i] - half - beside:
            low += 1
        while high < len(seconds) and seconds[high] <= seconds[i] + half + beside:
            high += 1
        before = np.sum(seconds[low:high] <= seconds[i] - half)
        after = np.sum(seconds[low:high] >= seconds[i] + half)
        if min(before, after) >= 2 and high - low >= 6:
            basis, size = _basis(seconds[low:high] - seconds[i], half)
            for c in range(len(curves)):
                told[:, c, i] = _fit(basis, size, curves[c, low:high])


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _basis(apart: Doubles, half: float) -> tuple[Doubles, float]:
    """Constant, slope, bend, raised cosine of one window, orthonormal (modified Gram-Schmidt); the size of the last."""
    basis, size = np.empty((4, len(apart))), 1.0
    basis[0], basis[1], basis[2] = 1.0, apart, apart * apart
    basis[3] = np.where(np.abs(apart) < half, 0.5 + 0.5 * np.cos(np.pi * apart / half), 0.0)
    for a in range(4):
        for b in range(a):
            basis[a] -= np.sum(basis[a] * basis[b]) * basis[b]
        size = np.sqrt(np.sum(basis[a] * basis[a]))
        basis[a] /= size
    return basis, size


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _fit(basis: Doubles, size: float, curve: Doubles) -> Doubles:
    """Height, spread, left and free of one curve in one window."""
    left, dot = curve.copy(), 0.0
    for a in range(4):
        dot = np.sum(basis[a] * left)
        left -= dot * basis[a]
    return np.array([dot / size, 1 / size, np.sum(left * left), len(curve) - 4.0])
