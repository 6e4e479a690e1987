"""Micro-events: short movements of Action Units that stand out from their slower course.

Found per face, unit and unbroken run, in the measured curves as they are, unsmoothed. The method is
`stages.expression.movements`; here it is decided whose it is, which side shows it, and how sure that is. Gaze is left
out: eyes jump all the time. A short closure of the eyes is AU45, a longer one with a quick onset AU43.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from stages import facs
from stages.contract import ClipStage, Timeline
from stages.errors import ConfigError
from stages.expression import movements
from stages.expression.movements import Doubles, Movement
from stages.packets import Events, FaceUnits, Floats, MicroEvent, Units

BOTH: Final = 2
EYES: Final = facs.INDEX["AU43"]
BLINK: Final = facs.INDEX["AU45"]
LEFT_OUT: Final = ("AU43", "AU46", "AU61", "AU62", "AU63", "AU64")
"""Gaze; and what AU45's curve tells already."""
SOUGHT: Final = tuple(i for i, name in enumerate(facs.NAMES) if name not in LEFT_OUT)
ALIKE: Final = 0.5
"""Share of the stronger side's height from which the other side takes part (FACS scores sides apart beyond that)."""


@dataclass(frozen=True, kw_only=True)
class FindEvents(ClipStage):
    """Find the micro-events of a clip.

    stands_out: times the noise level that an event must reach. least: intensity above the course, 0..5. min_confidence:
    0..1, mean over an event of the unit's confidence below which it is not told.

    Raises:
        ConfigError: a value out of range.
    """

    stands_out: float = movements.STANDS_OUT
    least: float = movements.LEAST
    min_confidence: float = 0.2

    def __post_init__(self) -> None:
        if not self.stands_out > 0:
            raise ConfigError(f"events.stands_out must be above 0, it is {self.stands_out}")
        if not 0 < self.least <= facs.MAX_INTENSITY:
            raise ConfigError(f"events.least must be above 0 and at most 5, it is {self.least}")
        if not 0 <= self.min_confidence <= 1:
            raise ConfigError(f"events.min_confidence must be 0..1, it is {self.min_confidence}")

    def process(self, units: Timeline[Units]) -> Iterator[Events | None]:
        """Events at the frame of their onset; None where none begins. Holds the curves of the whole clip."""
        begun: dict[int, list[MicroEvent]] = {}
        for track, runs in _tracks(units).items():
            for unit in SOUGHT:
                for event in self._of_unit(track, runs, unit):
                    begun.setdefault(event.onset, []).append(event)
        for index, packet in enumerate(units):
            yield Events(packet.at, tuple(begun[index])) if packet is not None and index in begun else None

    def _of_unit(self, track: int, runs: Sequence[_Run], unit: int) -> Iterator[MicroEvent]:
        seconds = [np.array(run.seconds) for run in runs]
        sides = [np.stack([values[unit] for values in run.values], axis=1) for run in runs]
        curves = [_curves(pair, facs.UNITS[unit].sided) for pair in sides]
        matched = [movements.match(when, *each) for when, each in zip(seconds, curves, strict=True)]
        noise = [movements.level(of_curve) for of_curve in zip(*matched, strict=True)]
        for run, when, pair, each, fits in zip(runs, seconds, sides, curves, matched, strict=True):
            found = [
                one
                for curve, level, fit in zip(each, noise, fits, strict=True)
                for one in movements.find(when, curve, level, least=self.least, stands_out=self.stands_out, matched=fit)
            ]
            trust = np.array([confidence[unit] for confidence in run.confidence])
            for one, side, strength in _apart(when, pair, found):
                sure = float(trust[one.onset : one.offset + 1].mean())
                if sure >= self.min_confidence:
                    yield self._told(track, unit, side, run.first, one, strength, sure)

    def _told(
        self, track: int, unit: int, side: int, first: int, one: Movement, strength: float, sure: float
    ) -> MicroEvent:
        number = EYES if unit == BLINK and not one.brief else unit
        frames = (first + one.onset, first + one.apex, first + one.offset)
        clear = 1 - math.exp(-one.ratio / self.stands_out)
        return MicroEvent(track, number, side, *frames, strength, sure * clear, one.brief)


@dataclass
class _Run:
    """Frames of one face without a gap, from frame `first`."""

    first: int
    seconds: list[float] = field(default_factory=list)
    values: list[Floats] = field(default_factory=list)
    confidence: list[Floats] = field(default_factory=list)

    def add(self, at: float, face: FaceUnits) -> None:
        self.seconds.append(at)
        self.values.append(face.values)
        self.confidence.append(face.confidence)


def _tracks(units: Timeline[Units]) -> dict[int, list[_Run]]:
    tracks: dict[int, list[_Run]] = {}
    for index, packet in enumerate(units):
        for face in packet.faces if packet is not None else ():
            runs = tracks.setdefault(face.track, [])
            if not runs or index != runs[-1].first + len(runs[-1].seconds):
                runs.append(_Run(index))
            runs[-1].add(packet.at.seconds, face)  # type: ignore[union-attr]
    return tracks


def _curves(sides: Floats, sided: bool) -> tuple[Floats, ...]:
    """Of (2, n): the mean, in which noise is less, and each side; the mean alone where FACS has no sides."""
    mean: Floats = sides.mean(axis=0)
    return (mean, sides[0], sides[1]) if sided else (mean,)


def _apart(seconds: Doubles, sides: Floats, found: Sequence[Movement]) -> Iterator[tuple[Movement, int, float]]:
    """Each movement once, with its side and its strength there: what stands out most first, then what is beside it."""
    taken = np.zeros(sides.shape, np.bool_)
    for one in sorted(found, key=lambda one: (one.brief, one.ratio), reverse=True):
        heights = [_height(seconds, side, one) for side in sides]
        strong = int(np.argmax(heights))
        alike = heights[1 - strong] >= ALIKE * heights[strong]
        mine = slice(None) if alike else slice(strong, strong + 1)
        if not taken[mine, one.onset + 1 : one.offset].any():
            taken[mine, one.onset + 1 : one.offset] = True
            yield one, BOTH if alike else strong, sum(heights) / 2 if alike else heights[strong]


def _height(seconds: Doubles, side: Floats, one: Movement) -> float:
    """Of the apex above the course, on one side."""
    if not one.brief:
        return float(side[one.apex] - side[one.onset])
    return float(movements.component(seconds, side, [one])[one.apex])
