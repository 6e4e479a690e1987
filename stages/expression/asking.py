"""Reading the settings of a gain profile: from what stands in YAML to checked numbers.

Every function raises GainError with a text that begins with the setting's place.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from fractions import Fraction
from typing import Any, Final

import numpy as np

from stages import facs
from stages.errors import GainError
from stages.expression.response import Response
from stages.expression.timecode import Moment, moment
from stages.packets import Floats

HIGHEST: Final = 2.0
SIDES: Final = ("left", "right")
TIMES: Final = ("from", "to", "person")
ONE_MOVEMENT: Final = ("AU43", "AU45")
"""Closing the eye: both are measured as the same closure, and are asked for as one."""
CLOSING: Final = tuple(facs.INDEX[name] for name in ONE_MOVEMENT)
SMILING: Final = (facs.INDEX["AU06"], facs.INDEX["AU12"])
SPARED: Final = tuple(facs.INDEX[f"AU{number}"] for number in (43, 45, 46, 61, 62, 63, 64))
"""Lids and gaze: a plain number for `micro` or `macro` leaves them, blinks and glances are no micro-expressions."""
FADE: Final = 0.2
"""Seconds over which a range takes hold and lets go, within its bounds, so that nothing pops."""
FASTEST: Final = 4.0
MOST_BLINKS: Final = 60.0
LONGEST_RELEASE: Final = 60.0


@dataclass(frozen=True, slots=True)
class Limit:
    """How high gains may go. extreme: the profile allows more than `HIGHEST`."""

    extreme: bool

    def gain(self, where: str, value: Any) -> float:
        """A gain: 0 or more, up to the limit."""
        found = number(where, value)
        if found < 0:
            raise GainError(f"{where} is {value}; the lowest gain is 0, which takes it away")
        if found > HIGHEST and not self.extreme:
            raise GainError(f"{where} is {value}; above {HIGHEST} set gain.allow_extreme=true")
        return found

    def check_products(self, gains: Floats, micro: Floats, macro: Floats) -> None:
        """Gains that act on one another are held to the limit together."""
        most = gains * np.maximum(np.maximum(micro, macro), 1)
        if self.extreme or most.max() <= HIGHEST + 1e-6:
            return
        name = facs.NAMES[int(most.max(axis=1).argmax())]
        text = f"gain: the gains of {name} multiply to {most.max():.3g}; above {HIGHEST} set gain.allow_extreme=true"
        raise GainError(text)


@dataclass(frozen=True, slots=True)
class Blinks:
    """rate: blinks a minute, None for those that are there. depth: gain of how far they close the eyes."""

    rate: float | None = None
    depth: float = 1.0

    @property
    def idle(self) -> bool:
        """Nothing is asked for."""
        return self.rate is None and self.depth == 1


@dataclass(frozen=True, slots=True)
class Smile:
    """strength: gain of AU6 and AU12. onset: how many times faster a smile comes up."""

    strength: float = 1.0
    onset: float = 1.0

    @property
    def strength_of_units(self) -> Floats:
        """(facs.COUNT, 1)."""
        found = np.ones((facs.COUNT, 1), np.float32)
        found[list(SMILING)] = self.strength
        return found


@dataclass(frozen=True, slots=True)
class Span:
    """A time of the clip, and whom it concerns: None for everybody, 1 for the first person."""

    start: Moment | None
    end: Moment | None
    person: int | None

    def concerns(self, person: int) -> bool:
        """Whether it is about this person."""
        return self.person in (None, person)

    def seconds(self, rate: Fraction) -> tuple[float, float]:
        """From, to; infinite where open.

        Raises:
            GainError: it ends before it begins, or a timecode has a frame that the clip's seconds have not.
        """
        low = self.start.seconds(rate) if self.start else -math.inf
        high = self.end.seconds(rate) if self.end else math.inf
        if self.start and self.end and high <= low:
            raise GainError(f"{self.end.where} is {self.end.text!r}, not after its `from`, {self.start.text!r}")
        return low, high

    def weight(self, seconds: Any, rate: Fraction) -> Floats:
        """0..1 at each of `seconds`: exactly 0 outside, 1 inside, smooth over `FADE` within open bounds."""
        low, high = self.seconds(rate)
        fade = min(FADE, (high - low) / 2)
        rise = np.clip(np.minimum((seconds - low) / fade, (high - seconds) / fade), 0, 1)
        weight: Floats = (rise * rise * (3 - 2 * rise)).astype(np.float32)
        return weight


@dataclass(frozen=True, slots=True)
class Hold:
    """Units (rows of facs.UNITS) that stay at their apex from when they reach it until the span's end.

    release: seconds of the return to what was performed.
    """

    rows: tuple[int, ...]
    span: Span
    release: float


def number(where: str, value: Any, low: float = -math.inf, high: float = math.inf) -> float:
    """A finite number within bounds."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise GainError(f"{where} must be a number such as 0.8, not {value!r}")
    if not low <= value <= high:
        raise GainError(f"{where} is {value}; it must be {low:g} to {high:g}")
    return float(value)


def known(where: str, entry: Mapping[Any, Any], names: Iterable[str], why: str = "") -> None:
    """Refuse settings that there are not."""
    names = tuple(names)
    for name in entry:
        if name not in names:
            near = get_close_matches(str(name), names, 1)
            hint = why or (f"did you mean {near[0]}?" if near else f"known: {', '.join(names)}")
            raise GainError(f"{where}.{name}: there is no such setting here - {hint}")


def entries(where: str, value: Any) -> tuple[Mapping[str, Any], ...]:
    """A list of mappings."""
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise GainError(f'{where} must be a list of entries such as {{from: "2s", to: "4s"}}, not {value!r}')
    for i, entry in enumerate(value):
        _mapping(f"{where}[{i}]", entry, 'hold settings, such as {from: "2s", to: "4s"}')
    return tuple(value)


def key(name: str, written: Any) -> Any:
    """What an entry of the setting `name` is about: units are known under several names."""
    return unit(f"gain.{name}.{written}", written) if name in ("au_gain", "response") else written


def unit(where: str, written: Any) -> str:
    """The unit's name."""
    try:
        return facs.canonical(written)
    except GainError as error:
        raise GainError(f"{where}: {error}") from None


def rows(name: str) -> list[int]:
    """Rows of facs.UNITS that a unit's settings act on."""
    return list(CLOSING) if name in ONE_MOVEMENT else [facs.INDEX[name]]


def gains(au_gain: Any, limit: Limit) -> Floats:
    """(facs.COUNT, 2), 1 where no gain is named."""
    where = "gain.au_gain"
    _mapping(where, au_gain, "map Action Units to gains, such as {12: 0.8}")
    found = np.ones((facs.COUNT, 2), np.float32)
    for written, value in au_gain.items():  # what is typed comes after the profile, so it wins
        name = unit(f"{where}.{written}", written)
        found[rows(name)] = _pair(f"{where}.{written}", name, value, limit)
    return found


def _pair(where: str, name: str, value: Any, limit: Limit) -> tuple[float, float]:
    if not isinstance(value, Mapping):
        one = limit.gain(where, value)
        return one, one
    if not facs.UNITS[facs.INDEX[name]].sided:
        raise GainError(f"{where}: {name} has no sides - give one number")
    wrong = [side for side in value if side not in SIDES]
    if wrong:
        raise GainError(f"{where}.{wrong[0]} is no side - write left or right")
    left, right = (limit.gain(f"{where}.{side}", value.get(side, 1.0)) for side in SIDES)
    return left, right


def response(curves: Any, limit: Limit) -> Response:
    """Every unit's curve, (facs.COUNT, 1)."""
    _mapping("gain.response", curves, "map Action Units to curves, such as {12: {gamma: 0.8}}")
    tables = {
        name: np.full((facs.COUNT, 1), value, np.float32)
        for name, value in (("gain", 1), ("offset", 0), ("gamma", 1), ("ceiling", np.inf), ("dead_zone", 0))
    }
    for written, curve in curves.items():
        where = f"gain.response.{written}"
        name = unit(where, written)
        _mapping(where, curve, "hold settings, such as {gamma: 0.8}")
        known(where, curve, tables)
        for setting, value in curve.items():
            if value is not None:
                tables[setting][rows(name)] = _curve_value(f"{where}.{setting}", setting, value, limit)
    return Response(**tables)


def _curve_value(where: str, setting: str, value: Any, limit: Limit) -> float:
    bounds = {"offset": (-5, 5), "gamma": (0.2, 5), "ceiling": (0.1, facs.MAX_ASKED), "dead_zone": (0, 4)}
    return limit.gain(where, value) if setting == "gain" else number(where, value, *bounds[setting])


def parts(name: str, value: Any, limit: Limit) -> Floats:
    """(facs.COUNT, 1) gains of `micro` or `macro`."""
    found = np.ones((facs.COUNT, 1), np.float32)
    if not isinstance(value, Mapping):
        found[:] = limit.gain(f"gain.{name}", value)
        found[list(SPARED)] = 1
        return found
    for written, one in value.items():
        where = f"gain.{name}.{written}"
        found[rows(unit(where, written))] = limit.gain(where, one)
    return found


def blinks(value: Any, limit: Limit) -> Blinks:
    """How often and how far the eyes blink."""
    _mapping("gain.blinks", value, "hold settings, such as {rate: 12}")
    known("gain.blinks", value, ("rate", "depth"))
    rate = value.get("rate")
    wanted = None if rate is None else number("gain.blinks.rate", rate, 0, MOST_BLINKS)
    return Blinks(wanted, limit.gain("gain.blinks.depth", value.get("depth", 1.0)))


def smile(value: Any, limit: Limit) -> Smile:
    """How strong smiles are, and how fast they come up."""
    _mapping("gain.smile", value, "hold settings, such as {strength: 1.2, onset: 0.8}")
    known("gain.smile", value, ("strength", "onset"))
    strength = limit.gain("gain.smile.strength", value.get("strength", 1.0))
    return Smile(strength, number("gain.smile.onset", value.get("onset", 1.0), 1 / FASTEST, FASTEST))


def span(where: str, entry: Mapping[str, Any]) -> Span:
    """`from`, `to`, `person` of an entry; each may be left out."""
    start, end = (moment(entry[n], f"{where}.{n}") if entry.get(n) is not None else None for n in ("from", "to"))
    person = entry.get("person")
    if person is not None and (isinstance(person, bool) or not isinstance(person, int) or person < 1):
        raise GainError(f"{where}.person is {person!r}; 1 is the first person of the clip, 2 the second")
    return Span(start, end, person)


def hold(where: str, entry: Mapping[str, Any]) -> Hold:
    """One entry of `hold`."""
    known(where, entry, (*TIMES, "au", "release"))
    for name in ("au", "from", "to"):
        if entry.get(name) is None:
            raise GainError(f'{where}.{name}: a hold needs it, such as {{au: 12, from: "2s", to: "4s"}}')
    named = entry["au"] if isinstance(entry["au"], list | tuple) else (entry["au"],)
    held = [row for one in named for row in rows(unit(f"{where}.au", one))]
    release = number(f"{where}.release", entry.get("release", 0.5), 0, LONGEST_RELEASE)
    return Hold(tuple(held), span(where, entry), release)


def _mapping(where: str, value: Any, such: str) -> None:
    if not isinstance(value, Mapping):
        raise GainError(f"{where} must {such}, not {value!r}")
