"""How far a measurement can be believed: from what the picture is like, from what covers the face, and from the coder's
own doubt.

Landmark presence is no occlusion detector, and a coder does not know what it has never seen; so confidence falls with
all of: small or turned faces, blur, bad light, things before the face, and the standard deviation that the coder gives.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stages import facs
from stages.errors import ConfigError
from stages.expression.cues import REGIONS
from stages.expression.model import COLUMNS
from stages.packets import Floats

CLEAR, HIDDEN = 0.3, 0.75
"""Probability of cover up to which a region counts as free, and from which as covered."""
DOUBT: Final = 0.7
"""Standard deviation at which confidence in an absent unit is a half; a quarter of the intensity is added to it."""
BY_REGION: Final[Mapping[str, tuple[int, ...]]] = {
    "eye": (1, 2, 4, 5, 6, 7, 43, 45, 46, 61, 62, 63, 64),
    "nose": (9,),
    "cheek": (6, 34),
    "mouth": (10, 12, 14, 15, 16, 17, 18, 20, 22, 23, 24, 25, 26, 27, 28, 29, 30, 34),
    "chin": (17, 26, 27, 29, 30),
}
"""Where a unit cannot be told when the region is covered."""


@dataclass(frozen=True, slots=True)
class Picture:
    """What one face's picture is like: yaw in degrees, size: pixels between the outer eye corners, presence, sharpness
    and light 0..1, covered: (len(REGIONS),) 0..1, bridged: carried by optical flow."""

    yaw: float
    size: float
    presence: float
    sharpness: float
    light: float
    covered: Floats
    bridged: bool


@dataclass(frozen=True, kw_only=True)
class Trust:
    """Limits. full_yaw, no_yaw: degrees between which confidence fades as the head turns. no_size, full_size: pixels of
    interocular distance between which it rises. bridged: its share where optical flow carried the landmarks.
    """

    full_yaw: float = 30.0
    no_yaw: float = 55.0
    no_size: float = 14.0
    full_size: float = 30.0
    bridged: float = 0.5

    def __post_init__(self) -> None:
        if not 0 <= self.full_yaw < self.no_yaw <= 90:
            raise ConfigError(f"units.trust.full_yaw must lie below no_yaw, in 0..90: {self.full_yaw}, {self.no_yaw}")
        if not 0 <= self.no_size < self.full_size:
            raise ConfigError(f"units.trust.no_size must lie below full_size: {self.no_size}, {self.full_size}")
        if not 0 <= self.bridged <= 1:
            raise ConfigError(f"units.trust.bridged must be 0..1, it is {self.bridged}")

    def of_picture(self, picture: Picture) -> float:
        """0..1, whatever the unit; cover is told apart by region."""
        turned = (self.no_yaw - abs(picture.yaw)) / (self.no_yaw - self.full_yaw)
        large = (picture.size - self.no_size) / (self.full_size - self.no_size)
        seen = _share(turned) * _share(large) * _share(picture.presence)
        clear = math.prod(_share(0.35 + 0.65 * _share(part) / 0.6) for part in (picture.sharpness, picture.light))
        return seen * clear * (self.bridged if picture.bridged else 1.0)

    def confidence(self, picture: Picture, values: Floats, deviation: Floats, skill: Floats) -> Floats:
        """(facs.COUNT,) 0..1 from a reading's columns; skill: (columns,) how well a unit can be told at all, 0..1."""
        sure = 1 / (1 + np.square(deviation / (DOUBT + 0.25 * np.clip(values, 0, facs.MAX_INTENSITY))))
        each = (
            np.clip(sure * skill, 0, 1)
            * self.of_picture(picture)
            * (1 - (hidden(picture.covered)[:, None] * _shown_by()).max(0))
        )
        confidence = np.zeros(facs.COUNT, np.float32)
        rows, first = _rows()
        confidence[rows] = np.maximum.reduceat(each, first)
        for other in ("AU45", "AU46"):
            confidence[facs.INDEX[other]] = confidence[facs.INDEX["AU43"]]
        return np.clip(confidence, 0, 1)


def hidden(covered: Floats) -> Floats:
    """(len(REGIONS),) 0 free to 1 covered."""
    share: Floats = np.clip((covered - CLEAR) / (HIDDEN - CLEAR), 0, 1).astype(np.float32)
    return share


def free(covered: Floats) -> float:
    """Share of the face that nothing covers, 0..1."""
    return float(1 - hidden(covered).mean())


@cache
def _shown_by() -> Floats:
    """(len(REGIONS), columns) 1 where a unit shows in a region."""
    table = np.zeros((len(REGIONS), len(COLUMNS)), np.float32)
    for row, region in enumerate(REGIONS):
        name, _, side = region.partition("_")
        for column, (number, half) in enumerate(COLUMNS):
            here = not side or half == 2 or half == ("left", "right").index(side)
            table[row, column] = float(here and number in BY_REGION.get(name, ()))
    return table


@cache
def _rows() -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The rows of `facs.UNITS` that columns are about, and the first column of each."""
    numbers = np.array([number for number, _ in COLUMNS])
    first = np.flatnonzero(np.diff(numbers, prepend=-1))
    return np.array([facs.INDEX[f"AU{number:02d}"] for number in numbers[first]]), first


def _share(value: float) -> float:
    """Cut to 0..1."""
    return min(max(value, 0.0), 1.0)
