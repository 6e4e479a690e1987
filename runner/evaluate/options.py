"""Settings of `glabella eval`: how many people of which kind are filmed, doing what; which gains are tried."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from runner.evaluate.gains import Gains
from runner.evaluate.replace import Replacements
from stages.errors import ConfigError
from stages.expression.recipes import RECIPES

PROTOCOLS: Final = ("pulses", "overlapping", "micro", "neutral", "confidence", "events")
CALIBRATION: Final = range(100_000, 200_000)
"""Seeds of the people that the measurement is calibrated on."""


@dataclass(frozen=True, kw_only=True)
class Pulses:
    """Isolated pulses: `units` one after another, at `levels` of the rig's full weight, `seconds` long, `rest` between.

    repeats: pulses of every unit and level a person.
    """

    people: int
    units: Sequence[int]
    levels: Sequence[float]
    seconds: float
    rest: float
    repeats: int = 1

    def __post_init__(self) -> None:
        _positive(people=self.people, seconds=self.seconds, rest=self.rest, repeats=self.repeats)
        _known(self.units)
        if not self.levels or not all(0 < level <= 1 for level in self.levels):
            raise ConfigError(f"levels: must be shares of the full weight above 0, up to 1, not {self.levels!r}")


@dataclass(frozen=True, kw_only=True)
class Overlapping:
    """Smooth random curves of all units at once, each active for about a share `busy` of the time."""

    people: int
    seconds: float
    busy: float

    def __post_init__(self) -> None:
        _positive(people=self.people, seconds=self.seconds)
        if not 0 < self.busy <= 0.5:
            raise ConfigError(f"busy: must be a share of the time above 0, up to .5, not {self.busy!r}")


@dataclass(frozen=True, kw_only=True)
class Neutral:
    """Faces that show nothing: a clip of so many frames, and a photo, of each."""

    people: int
    frames: int

    def __post_init__(self) -> None:
        _positive(people=self.people, frames=self.frames)


@dataclass(frozen=True, kw_only=True)
class Confidence:
    """Clips that get worse and better again: the head turned away, blurred, small, dark; so many seconds of each."""

    people: int
    seconds: float

    def __post_init__(self) -> None:
        _positive(people=self.people, seconds=self.seconds)


@dataclass(frozen=True, kw_only=True)
class Planted:
    """Micro-events over slow movement: `repeats` of each of `units` a person, one at a time, `rest` seconds between.

    seconds, levels: least and most of their length and of their share of the rig's full weight. busy: share of the time
    that each unit moves slowly.
    """

    people: int
    units: Sequence[int]
    levels: Sequence[float]
    seconds: Sequence[float]
    rest: float
    repeats: int
    busy: float

    def __post_init__(self) -> None:
        _positive(people=self.people, rest=self.rest, repeats=self.repeats)
        _known(self.units)
        if len(self.levels) != 2 or not 0 < self.levels[0] <= self.levels[1] <= 0.4:
            raise ConfigError(
                f"levels: must be the least and the most share of the full weight, to .4: {self.levels!r}"
            )
        if len(self.seconds) != 2 or not 0 < self.seconds[0] <= self.seconds[1] <= 0.5:
            raise ConfigError(f"seconds: must be the least and the most length, to .5: {self.seconds!r}")
        if not 0 <= self.busy <= 0.5:
            raise ConfigError(f"busy: must be a share of the time, 0 to .5, not {self.busy!r}")


@dataclass(frozen=True, kw_only=True)
class Options:
    """What `glabella eval` films, measures and tries.

    first: seed of the first person; the n-th of every protocol is first + n. people: at most so many in each protocol.
    habits: whether people move in their own ways or as the rig does. side: pixels of the pictures. rate: frames a
    second. turn: degrees that heads move to each side. keep: folder in which clips and truth stay and are found again.
    film: False takes what is kept and leaves out the rest.
    """

    protocols: Sequence[str]
    first: int
    people: int | None
    habits: bool
    side: int
    rate: int
    turn: float
    keep: str | None
    film: bool
    pulses: Pulses
    overlapping: Overlapping
    micro: Pulses
    neutral: Neutral
    confidence: Confidence
    events: Planted
    gains: Gains
    replace: Replacements

    def __post_init__(self) -> None:
        for name in self.protocols:
            if name not in PROTOCOLS:
                raise ConfigError(f"protocols: there is no {name!r} (known: {', '.join(PROTOCOLS)})")
        _positive(side=self.side, rate=self.rate, people=1 if self.people is None else self.people)
        if self.turn < 0:
            raise ConfigError(f"turn: must be degrees from 0, not {self.turn!r}")
        if not self.film and not self.keep:
            raise ConfigError("film: false needs a folder to find clips in, such as keep=evalset")
        last = self.first + max(self.count(name) for name in self.protocols or PROTOCOLS)
        if self.first < CALIBRATION.stop and last > CALIBRATION.start:
            raise ConfigError(f"first: {self.first} reaches people of the calibration ({CALIBRATION}); take 900000")

    def count(self, protocol: str) -> int:
        """People in a protocol."""
        asked: int = getattr(self, protocol).people
        return asked if self.people is None else min(asked, self.people)


def _known(units: Sequence[int]) -> None:
    if not units or (unknown := [unit for unit in units if unit not in RECIPES]):
        known = ", ".join(map(str, RECIPES))
        raise ConfigError(f"units: name some that the rig can show ({known}), not {unknown or 'none'}")


def _positive(**values: float) -> None:
    for name, value in values.items():
        if value <= 0:
            raise ConfigError(f"{name}: must be above 0, not {value!r}")
