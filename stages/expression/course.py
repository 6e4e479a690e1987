"""The curves of one face over a whole clip, as arrays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from stages import facs
from stages.contract import Timeline
from stages.expression.asking import CLOSING
from stages.expression.movements import component
from stages.packets import Events, Floats, MicroEvent, Stamp, Units

BOTH: Final = 2
"""`MicroEvent.side` of a movement on both sides."""
FADE: Final = 0.15
"""Confidence above `min_confidence` over which a gain takes hold, so that it never pops in."""
UNKNOWN_RATE: Final = Fraction(25)
"""Frames a second where a clip has one frame only."""


@dataclass(frozen=True, slots=True)
class Course:
    """One face where it is there.

    person: 1 for who is seen first, and of several in one frame for the largest. items: (n,) frames of the timeline.
    seconds: (n,) from the clip's first frame. measured, smoothed: (n, facs.COUNT, 2). confidence: (n, facs.COUNT).
    brief: (n, facs.COUNT, 2) the part of `measured` that belongs to brief events; calm: `smoothed` without its own.
    """

    person: int
    items: NDArray[np.int64]
    seconds: NDArray[np.float64]
    measured: Floats
    smoothed: Floats
    confidence: Floats
    brief: Floats
    calm: Floats

    @property
    def runs(self) -> Iterator[slice]:
        """Where the face is there without a break."""
        bounds = [0, *(np.flatnonzero(np.diff(self.items) != 1) + 1), len(self.items)]
        return (slice(int(a), int(b)) for a, b in pairwise(bounds))


@dataclass
class _Growing:
    items: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    measured: list[Floats] = field(default_factory=list)
    smoothed: list[Floats] = field(default_factory=list)
    confidence: list[Floats] = field(default_factory=list)
    events: list[MicroEvent] = field(default_factory=list)

    def course(self, person: int) -> Course:
        items, seconds = np.array(self.items), np.array(self.seconds)
        measured, smoothed = np.stack(self.measured), np.stack(self.smoothed)
        brief, flat = np.zeros_like(measured), np.zeros_like(measured)
        made = Course(person, items, seconds, measured, smoothed, np.stack(self.confidence), brief, smoothed)
        for run in made.runs if self.events else ():
            _fill(brief, measured, seconds, run, items, self.events)
            _fill(flat, smoothed, seconds, run, items, self.events)
        np.subtract(smoothed, flat, out=flat)
        return Course(person, items, seconds, measured, smoothed, made.confidence, brief, flat)


def _fill(into: Floats, values: Floats, seconds: Any, run: slice, items: Any, events: Sequence[MicroEvent]) -> None:
    """The events' part of every curve that has any."""
    curves = {(unit, side) for event in events for unit in _units(event) for side in _sides(event)}
    for unit, side in curves:
        own = [event for event in events if unit in _units(event) and side in _sides(event)]
        part = component(seconds[run], np.ascontiguousarray(values[run, unit, side]), own, int(items[run.start]))
        into[run, unit, side] = part


def _units(event: MicroEvent) -> tuple[int, ...]:
    """Rows of facs.UNITS: a blink stands in AU43 as in AU45, whichever it is told as."""
    return CLOSING if event.unit in CLOSING else (event.unit,)


def _sides(event: MicroEvent) -> tuple[int, ...]:
    return (0, 1) if event.side == BOTH else (event.side,)


def courses(
    units: Timeline[Units], smoothed: Timeline[Units], events: Timeline[Events] | None = None
) -> tuple[dict[int, Course], Fraction]:
    """Every face's curves by track, and the clip's frames a second. Holds 1.2 kB a face and frame."""
    growing: dict[int, _Growing] = {}
    stamps: list[tuple[int, Stamp]] = []
    for index, (packet, calm) in enumerate(zip(units, smoothed, strict=True)):
        if packet is None:
            continue
        stamps[1:] = [(index, packet.at)]
        course = {face.track: face.values for face in calm.faces} if calm is not None else {}
        for face in packet.faces:
            one = growing.setdefault(face.track, _Growing())
            one.items.append(index)
            one.seconds.append(packet.at.seconds)
            one.measured.append(face.values)
            one.smoothed.append(course.get(face.track, face.values))
            one.confidence.append(face.confidence)
    for packet_of_events in events if events is not None else ():
        for event in packet_of_events.events if packet_of_events is not None else ():
            if event.track in growing:
                growing[event.track].events.append(event)
    rate, begin = _clock(stamps)
    for one in growing.values():
        one.seconds = [at - begin for at in one.seconds]
    return {track: growing[track].course(i + 1) for i, track in enumerate(sorted(growing))}, rate


def _clock(stamps: Sequence[tuple[int, Stamp]]) -> tuple[Fraction, float]:
    """Frames a second on average, and the time of the clip's first frame."""
    if not stamps:
        return UNKNOWN_RATE, 0.0
    (first, begin), (last, end) = stamps[0], stamps[-1]
    spent = end.pts * end.time_base - begin.pts * begin.time_base
    rate = Fraction(last - first) / spent if spent > 0 else UNKNOWN_RATE
    return rate, begin.seconds - float(first / rate)


def trust(confidence: Floats, least: float) -> Floats:
    """(..., facs.COUNT) 0 up to `least`, 1 from `least + FADE` on."""
    rise = np.clip((confidence - np.float32(least)) / np.float32(FADE), 0, 1)
    weight: Floats = (rise * rise * (3 - 2 * rise)).astype(np.float32)
    return weight


def closure(course: Course) -> Floats:
    """(n,) of the eye that closes less."""
    lids: Floats = course.measured[:, facs.INDEX["AU43"]].min(axis=1)
    return lids
