"""Gain profiles: what a production asks of a performance. A profile is data; `stages.expression.shape` acts on it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from stages import facs
from stages.errors import GainError
from stages.packets import Floats

HIGHEST: Final = 2.0
SIDES: Final = ("left", "right")
ONE_MOVEMENT: Final = ("AU43", "AU45")
"""Closing the eye: both are measured as the same closure, and are asked for as one."""


@dataclass(frozen=True, kw_only=True)
class Gain:
    """How much of each Action Unit a production asks for.

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
            raise GainError(f"gain.min_confidence must be 0..1, it is {self.min_confidence}")
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


def _name(key: Any) -> str:
    try:
        return facs.canonical(key)
    except GainError as error:
        raise GainError(f"gain.au_gain.{key}: {error}") from None


def _rows(name: str) -> NDArray[np.intp]:
    names = ONE_MOVEMENT if name in ONE_MOVEMENT else (name,)
    return np.array([facs.INDEX[each] for each in names])
