"""Small real stages for tests of the runner: they work on numbers kept in Action Units instead of pictures."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np

from stages import facs
from stages.contract import ClipStage, MapStage, OrderedStage, Timeline
from stages.packets import Clip, Colour, FaceUnits, Frame, Job, Scores, Stamp, Units

BASE = Fraction(1, 25)


def clip(frames: int = 10) -> Clip:
    return Clip(Path("c.mp4"), "c.mp4", 64, 36, BASE, Fraction(25), frames, "yuv420p", Colour(), "h264", "video")


def frames(count: int) -> Iterator[Frame]:
    for i in range(count):
        yield Frame(Stamp("c.mp4", i, i, BASE), native=None, colour=Colour())


def units(at: Stamp, value: float) -> Units:
    values = np.full((facs.COUNT, 2), value, np.float32)
    face = FaceUnits(0, values, np.ones(facs.COUNT, np.float32), np.zeros(3, np.float32))
    return Units(at, (face,))


def value(packet: Units | None) -> float | None:
    return None if packet is None else float(packet.faces[0].values[0, 0])


@dataclass(frozen=True, kw_only=True)
class Number(MapStage):
    """The frame's index; absent on the frames in `skip`; even frames take longer, which puts order to the test."""

    skip: tuple[int, ...] = ()
    fail_at: int = -1
    slow_s: float = 0.0

    def process(self, frame: Frame) -> Units | None:
        if frame.at.index == self.fail_at:
            raise FloatingPointError("gain produced NaN for AU12")
        if frame.at.index % 2 == 0:
            time.sleep(self.slow_s)
        return None if frame.at.index in self.skip else units(frame.at, frame.at.index)


@dataclass(frozen=True, kw_only=True)
class Double(MapStage):
    factor: float = 2.0

    def process(self, number: Units, extra: Scores | None) -> Units:
        assert extra is None
        return units(number.at, self.factor * (value(number) or 0))


@dataclass(frozen=True, kw_only=True)
class Shown(MapStage):
    """The number as it stands when its picture is there."""

    def process(self, frame: Frame, number: Units) -> Units:
        return units(frame.at, value(number) or 0)


@dataclass(frozen=True, kw_only=True)
class Sum(OrderedStage[list[float]]):
    """Running sum; remembers what was done to it in `log`."""

    log: list[str] = field(default_factory=list)

    def begin(self, job: Job) -> list[float]:
        self.log.append("begin")
        return [0.0]

    def process(self, state: list[float], number: Units) -> Units:
        state[0] += value(number) or 0
        return units(number.at, state[0])

    def finish(self, state: list[float]) -> None:
        self.log.append("finish")

    def abort(self, state: list[float]) -> None:
        self.log.append("abort")


@dataclass(frozen=True, kw_only=True)
class Centre(ClipStage):
    """Subtract the clip's mean."""

    def process(self, number: Timeline[Units]) -> Iterator[Units | None]:
        known = [value(packet) for packet in number if packet is not None]
        mean = sum(v or 0 for v in known) / len(known)
        for packet in number:
            yield None if packet is None else units(packet.at, (value(packet) or 0) - mean)


@dataclass(frozen=True, kw_only=True)
class Sink(OrderedStage[list[float]]):
    def begin(self, job: Job) -> list[float]:
        return []

    def process(self, state: list[float], number: Units) -> None:
        state.append(value(number) or 0)


@dataclass(frozen=True, kw_only=True)
class NeedsScores(MapStage):
    def process(self, number: Scores) -> Units | None:
        return None
