"""Blinks at the rate a profile asks for: whole ones are taken away, or new ones set in, until the count is right.

Real blinks are kept where they can be. Those that go are the ones closest to their neighbours. New ones have the shape
of the clip's own (`stages.expression.blinks.learn`), at intervals drawn from a log-normal distribution: people's
intervals are skewed, with a spread of about .6 of their mean (Cruz, Garcia, Pinto & Cechetti, *Spontaneous eyeblink
activity*, Ocular Surface 9, 2011). The draw is seeded by the clip's own curve, so the same clip always blinks at the
same times. None is set where the eye is closed or looks down, is not seen well, or within `APART` of another.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stages import facs
from stages.contract import Timeline
from stages.expression import blinks
from stages.expression.asking import CLOSING
from stages.expression.blinks import Blink, Shape
from stages.expression.course import FADE, Course, closure, courses
from stages.packets import Floats, Units

APART: Final = 0.4
"""Seconds between two apexes at least."""
SPREAD: Final = math.sqrt(math.log(1 + 0.6**2))
"""Standard deviation of the logarithm of an interval."""
VARY: Final = 0.1
"""Standard deviation of a new blink's height and duration around those learned."""
UP: Final = 1.5
"""Intensity; no blink is set where the lids lie lower than this already."""
DOWNCAST: Final = 3.0
"""Intensity of AU64 (eyes down) from which none is set: the lid lies low then."""
MARGIN: Final = 0.05
"""Seconds that the lids must be free before and after."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for at every item. rate: (n,) blinks a minute, NaN to leave them; depth: (n,) gain; least: the
    confidence from which an eye counts as seen."""

    rate: NDArray[np.float64]
    depth: Floats
    least: float


@dataclass(frozen=True, slots=True)
class New:
    """A blink to set in. at: seconds of its apex; height: intensity."""

    at: float
    height: float
    shape: Shape


@dataclass(frozen=True, slots=True)
class Plan:
    """kept: blinks that stay; gone: blinks that go; new: blinks set in."""

    kept: tuple[Blink, ...]
    gone: tuple[Blink, ...]
    new: tuple[New, ...]


def edited(course: Course, wanted: Wanted) -> Floats:
    """(n, 2, 2) AU43 and AU45 of both sides with the blinks asked for; the measured numbers where none changes."""
    lids = course.measured[:, list(CLOSING)].copy()
    todo = plan(course, wanted)
    for blink in todo.gone:
        _scale(lids, blink, 0)
    for blink in todo.kept:
        _scale(lids, blink, float(wanted.depth[blink.apex]))
    for new in todo.new:
        _add(lids, course, new, wanted)
    return lids


def reached(units: Timeline[Units], least: float) -> dict[int, tuple[int, float]]:
    """Of every track: its blinks, and the minutes in which its eyes were seen."""
    people, _ = courses(units, units)
    found = {}
    for track, course in people.items():
        seen = course.confidence[:, CLOSING[0]] >= least + FADE
        found[track] = len(_found(course, closure(course))), float(_lasts(course)[seen].sum()) / 60
    return found


def _scale(lids: Floats, blink: Blink, depth: float) -> None:
    """A whole blink times `depth` over the line between its feet; shut is shut."""
    if depth == 1:
        return
    window = slice(blink.onset, blink.offset + 1)
    share = np.linspace(0, 1, blink.offset - blink.onset + 1, dtype=np.float32)[:, None, None]
    chord = lids[blink.onset] + share * (lids[blink.offset] - lids[blink.onset])
    now = lids[window]
    lids[window] = np.clip(chord + depth * (now - chord), 0, np.maximum(now, facs.MAX_INTENSITY))


def _add(lids: Floats, course: Course, new: New, wanted: Wanted) -> None:
    low, high = np.searchsorted(course.seconds, (new.at - new.shape.closing, new.at + new.shape.opening))
    share = new.shape.at(course.seconds[low:high] - new.at)[:, None, None]
    depth = float(wanted.depth[int(np.searchsorted(course.seconds, new.at))])
    room = np.maximum(facs.MAX_INTENSITY - lids[low:high], 0)
    lids[low:high] += share * np.minimum(new.height * depth, room)


def plan(course: Course, wanted: Wanted) -> Plan:
    """Which blinks stay, go and come."""
    lids = closure(course)
    seen = course.confidence[:, CLOSING[0]] >= wanted.least
    found = [blink for blink in _found(course, lids) if seen[blink.onset : blink.offset + 1].all()]
    shape = blinks.learn(course.seconds, lids, found)
    draw = np.random.default_rng(zlib.crc32(lids.tobytes()))
    kept, gone, new = found, list[Blink](), list[New]()
    for rate in np.unique(wanted.rate[~np.isnan(wanted.rate)]):
        here = wanted.rate == rate
        count = round(rate * float(_lasts(course)[here & seen].sum()) / 60)
        own = [blink for blink in kept if here[blink.apex]]
        for _ in range(len(own) - count):
            least = _crowded(course.seconds, own)
            own.remove(least)
            kept.remove(least)
            gone.append(least)
        places = _Places.of(course, here & seen, shape, kept, new)
        new += places.filled(count - len(own), draw, shape)
    return Plan(tuple(kept), tuple(gone), tuple(new))


def _found(course: Course, lids: Floats) -> list[Blink]:
    return [
        Blink(run.start + blink.onset, run.start + blink.apex, run.start + blink.offset, blink.height)
        for run in course.runs
        for blink in blinks.find(course.seconds[run], lids[run])
    ]


def _lasts(course: Course) -> NDArray[np.float64]:
    """(n,) seconds that each item stands for."""
    steps = np.diff(course.seconds) / np.maximum(np.diff(course.items), 1)
    usual = float(np.median(steps)) if len(steps) else 0.0
    return np.append(steps, usual)


def _crowded(seconds: NDArray[np.float64], own: Sequence[Blink]) -> Blink:
    """The blink that stands closest to its neighbours; of equals the faintest."""
    times = np.array([seconds[blink.apex] for blink in own])
    around = np.concatenate([[seconds[0] - APART], times, [seconds[-1] + APART]])
    room = around[2:] - around[:-2]
    return own[min(range(len(own)), key=lambda i: (round(float(room[i]), 2), own[i].height))]


@dataclass
class _Places:
    """Where blinks may be set. seconds: (n,); free: (n,) bool, an apex may lie here; apexes: of all blinks so far."""

    seconds: NDArray[np.float64]
    free: NDArray[np.bool_]
    apexes: list[float]

    @classmethod
    def of(
        cls, course: Course, here: NDArray[np.bool_], shape: Shape, kept: Sequence[Blink], new: Sequence[New]
    ) -> _Places:
        """Everywhere that the lids are up, seen, and far from other blinks, from foot to foot."""
        lids = closure(course)
        down = course.measured[:, facs.INDEX["AU64"]].max(axis=1)
        fine = here & (lids < UP) & (down < DOWNCAST)
        for blink in kept:
            fine[blink.onset + 1 : blink.offset] = False
        before, after = shape.closing * (1 + 2 * VARY) + MARGIN, shape.opening * (1 + 2 * VARY) + MARGIN
        free = np.zeros(len(lids), bool)
        for run in course.runs:
            times, good = course.seconds[run], np.append(0, np.cumsum(fine[run]))
            low, high = np.searchsorted(times, times - before), np.searchsorted(times, times + after, "right")
            whole = (times - before >= times[0]) & (times + after <= times[-1])
            free[run] = whole & (good[high] - good[low] == high - low)
        places = cls(course.seconds, free, [])
        for at in (*(float(course.seconds[blink.apex]) for blink in kept), *(one.at for one in new)):
            places.take(at)
        return places

    def take(self, at: float) -> None:
        """A blink is there: no other one near it."""
        self.apexes.append(at)
        self.free &= np.abs(self.seconds - at) >= APART

    def filled(self, count: int, draw: np.random.Generator, shape: Shape) -> list[New]:
        """`count` new blinks, fewer if there is no room."""
        times = self._drawn(count, draw) if count > 0 else []
        made = []
        for at in times:
            stretch = float(np.clip(draw.normal(1, VARY), 1 - 2 * VARY, 1 + 2 * VARY))
            height = shape.height * float(np.clip(draw.normal(1, VARY), 1 - 2 * VARY, 1 + 2 * VARY))
            made.append(New(at, height, Shape(shape.closing * stretch, shape.opening * stretch, height, shape.course)))
        return made

    def _drawn(self, count: int, draw: np.random.Generator) -> list[float]:
        """Seconds of the new apexes: gaps between blinks are divided at random; what does not fit goes elsewhere."""
        chosen: list[float] = []
        for low, high, parts in self._gaps(count):
            steps = draw.lognormal(0, SPREAD, parts + 1)
            for at in low + (high - low) * np.cumsum(steps)[:-1] / steps.sum():
                self._choose(chosen, self._nearest(at, low, high))
        while len(chosen) < count and self.free.any():
            self._choose(chosen, self._loneliest())
        return sorted(chosen)

    def _choose(self, chosen: list[float], item: int | None) -> None:
        if item is not None:
            chosen.append(float(self.seconds[item]))
            self.take(chosen[-1])

    def _gaps(self, count: int) -> list[tuple[float, float, int]]:
        """From, to, and how many new blinks: always one more where intervals are longest."""
        if not self.free.any():
            return []
        times = self.seconds[self.free]
        inner = [at for at in sorted(self.apexes) if times[0] < at < times[-1]]
        bounds = [float(times[0]), *inner, float(times[-1])]
        gaps = [(a, b) for a, b in pairwise(bounds) if ((times > a) & (times < b)).any()]
        parts = [0] * len(gaps)
        for _ in range(count if gaps else 0):
            longest = max(range(len(gaps)), key=lambda i: (gaps[i][1] - gaps[i][0]) / (parts[i] + 1))
            parts[longest] += 1
        return [(a, b, n) for (a, b), n in zip(gaps, parts, strict=True) if n]

    def _nearest(self, at: float, low: float, high: float) -> int | None:
        items = np.flatnonzero(self.free & (self.seconds > low) & (self.seconds < high))
        return int(items[np.abs(self.seconds[items] - at).argmin()]) if len(items) else None

    def _loneliest(self) -> int:
        items = np.flatnonzero(self.free)
        away = np.abs(self.seconds[items, None] - np.array(self.apexes or [-1e9])[None]).min(axis=1)
        return int(items[away.argmax()])
