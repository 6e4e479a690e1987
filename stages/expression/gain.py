"""Gains: how much of each Action Unit a production asks for.

    asked = measured + (gain - 1) * smoothed        # below a soft ceiling at 10, not below 0

so a gain of 1 hands on the measured values bit for bit, and a change of gain moves the smooth course of a unit and not
its noise. Without smoothing the measured value stands on both sides, and `asked = gain * measured`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from stages import facs
from stages.contract import MapStage
from stages.errors import ConfigError, GainError
from stages.packets import FaceUnits, Floats, Units

HIGHEST: Final = 2.0
KNEE: Final = 0.8 * facs.MAX_ASKED
"""Where the soft ceiling begins to bend."""
FADE: Final = 0.15
"""Confidence above `min_confidence` over which a gain takes hold, so that it never pops in."""
SIDES: Final = ("left", "right")
ONE_MOVEMENT: Final = ("AU43", "AU45")
"""Closing the eye: both are measured as the same closure, and are asked for as one."""


@dataclass(frozen=True, kw_only=True)
class Gain(MapStage):
    """Ask for more or less of each Action Unit.

    au_gain: unit (`4`, `AU4` or `AU04`) -> gain, or {left: gain, right: gain} of the performer's sides; what is not
    named is left alone. AU43 means how far the eyes close, blinks included; AU45 is another name for it. The same unit
    under two names (`12` on the command line, `AU12` in the profile) takes the later gain.
    enable_smooth: move the smoothed course of a unit. allow_extreme: accept gains above 2. min_confidence: 0..1; a
    unit measured with less is left alone.

    Raises:
        GainError: an unknown unit, or a gain that is no number or out of range; the text begins `gain.au_gain.<key>`.
    """

    au_gain: Mapping[Any, Any] = field(default_factory=dict)
    enable_smooth: bool = True
    allow_extreme: bool = False
    min_confidence: float = 0.2

    def __post_init__(self) -> None:
        if not 0 <= self.min_confidence <= 1:
            raise ConfigError(f"gain.min_confidence must be 0..1, it is {self.min_confidence}")
        if not isinstance(self.au_gain, Mapping):
            raise GainError(f"gain.au_gain must map Action Units to gains, such as {{12: 0.8}}, not {self.au_gain!r}")
        _ = self.gains

    @cached_property
    def gains(self) -> Floats:
        """(facs.COUNT, 2) gain of every unit, performer's left and right; 1 where none is asked for."""
        gains = np.ones((facs.COUNT, 2), np.float32)
        for key, value in self.au_gain.items():  # what is typed comes after the profile, so it wins
            name = _name(key)
            gains[_rows(name)] = self._pair(key, name, value)
        gains.setflags(write=False)
        return gains

    def process(self, units: Units, smoothed: Units) -> Units:
        """The units to show. The very same packet if no gain differs from 1."""
        course = {face.track: face for face in smoothed.faces}
        faces = tuple(self._face(face, course.get(face.track, face)) for face in units.faces)
        unchanged = all(new is old for new, old in zip(faces, units.faces, strict=True))
        return units if unchanged else Units(units.at, faces)

    def _face(self, face: FaceUnits, course: FaceUnits) -> FaceUnits:
        moved = course.values if self.enable_smooth else face.values
        delta = (self.gains - 1) * moved * _trust(face.confidence, self.min_confidence)[:, None]
        changed = delta != 0
        if not changed.any():
            return face
        values = np.where(changed, bounded(face.values, delta), face.values)
        return FaceUnits(face.track, values, face.confidence, face.pose)

    def _pair(self, key: Any, name: str, value: Any) -> tuple[float, float]:
        if not isinstance(value, Mapping):
            number = self._number(f"gain.au_gain.{key}", value)
            return number, number
        if not facs.UNITS[facs.INDEX[name]].sided:
            raise GainError(f"gain.au_gain.{key}: {name} has no sides - give one number")
        wrong = [side for side in value if side not in SIDES]
        if wrong:
            raise GainError(f"gain.au_gain.{key}.{wrong[0]} is no side - write left or right")
        left, right = (self._number(f"gain.au_gain.{key}.{side}", value.get(side, 1.0)) for side in SIDES)
        return left, right

    def _number(self, where: str, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise GainError(f"{where} must be a number such as 0.8, not {value!r}")
        if value < 0:
            raise GainError(f"{where} is {value}; the lowest gain is 0, which takes the unit away")
        if value > HIGHEST and not self.allow_extreme:
            raise GainError(f"{where} is {value}; above {HIGHEST} set gain.allow_extreme=true")
        return float(value)


def bounded(measured: Floats, delta: Floats) -> Floats:
    """`measured + delta`, not below 0, bending below 10 from `KNEE` on; exactly `measured` where it is 0."""
    asked = measured + delta
    knee = np.maximum(np.float32(KNEE), measured)
    room = np.maximum(np.float32(facs.MAX_ASKED) - knee, np.float32(1e-6))
    bent = knee + room * np.tanh((asked - knee) / room)
    limited: Floats = np.maximum(np.where(asked > knee, bent, asked), 0).astype(np.float32)
    return limited


def _trust(confidence: Floats, least: float) -> Floats:
    """(facs.COUNT,) 0 up to `least`, 1 from `least + FADE` on."""
    rise = np.clip((confidence - np.float32(least)) / np.float32(FADE), 0, 1)
    trust: Floats = (rise * rise * (3 - 2 * rise)).astype(np.float32)
    return trust


def _name(key: Any) -> str:
    try:
        return facs.canonical(key)
    except GainError as error:
        raise GainError(f"gain.au_gain.{key}: {error}") from None


def _rows(name: str) -> NDArray[np.intp]:
    names = ONE_MOVEMENT if name in ONE_MOVEMENT else (name,)
    return np.array([facs.INDEX[each] for each in names])
