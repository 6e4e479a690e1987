"""The Facial Action Coding System: which Action Units there are, what they are called, and how they are written.

Names and numbers after Ekman, Friesen & Hager, *FACS Manual*, 2002. An intensity is a float 0..5 as in DISFA and
OpenFace: FACS letters A..E are 1..5, 0 is absent.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from stages.errors import GainError

MAX_INTENSITY: Final = 5.0
MAX_ASKED: Final = 2 * MAX_INTENSITY
"""A gain may ask for twice the strongest face that FACS knows: a gain of 2 on a full smile means just that."""
LETTERS: Final = "ABCDE"
ALIASES: Final = (45, 46)
"""Other codes of AU43's movement: closing an eye is one movement, whatever FACS calls it by its duration."""


@dataclass(frozen=True, slots=True)
class ActionUnit:
    """One code. `sided` tells whether FACS scores its left and right apart."""

    number: int
    label: str
    sided: bool = True

    @property
    def name(self) -> str:
        """`AU04`, the form every file of ours uses."""
        return f"AU{self.number:02d}"


UNITS: Final[tuple[ActionUnit, ...]] = (
    ActionUnit(1, "inner brow raiser"),
    ActionUnit(2, "outer brow raiser"),
    ActionUnit(4, "brow lowerer"),
    ActionUnit(5, "upper lid raiser"),
    ActionUnit(6, "cheek raiser"),
    ActionUnit(7, "lid tightener"),
    ActionUnit(9, "nose wrinkler"),
    ActionUnit(10, "upper lip raiser"),
    ActionUnit(12, "lip corner puller"),
    ActionUnit(14, "dimpler"),
    ActionUnit(15, "lip corner depressor"),
    ActionUnit(16, "lower lip depressor"),
    ActionUnit(17, "chin raiser", sided=False),
    ActionUnit(18, "lip pucker", sided=False),
    ActionUnit(20, "lip stretcher"),
    ActionUnit(22, "lip funneler", sided=False),
    ActionUnit(23, "lip tightener", sided=False),
    ActionUnit(24, "lip pressor", sided=False),
    ActionUnit(25, "lips part", sided=False),
    ActionUnit(26, "jaw drop", sided=False),
    ActionUnit(27, "mouth stretch", sided=False),
    ActionUnit(28, "lip suck", sided=False),
    ActionUnit(29, "jaw thrust", sided=False),
    ActionUnit(30, "jaw sideways"),
    ActionUnit(34, "cheek puff"),
    ActionUnit(43, "eyes closed"),
    ActionUnit(45, "blink"),
    ActionUnit(46, "wink"),
    ActionUnit(61, "eyes turn left", sided=False),
    ActionUnit(62, "eyes turn right", sided=False),
    ActionUnit(63, "eyes up", sided=False),
    ActionUnit(64, "eyes down", sided=False),
)
COUNT: Final = len(UNITS)
NAMES: Final = tuple(unit.name for unit in UNITS)
INDEX: Final = {unit.name: i for i, unit in enumerate(UNITS)}

HEAD: Final[tuple[ActionUnit, ...]] = (
    ActionUnit(51, "head turn left", sided=False),
    ActionUnit(52, "head turn right", sided=False),
    ActionUnit(53, "head up", sided=False),
    ActionUnit(54, "head down", sided=False),
    ActionUnit(55, "head tilt left", sided=False),
    ActionUnit(56, "head tilt right", sided=False),
)
"""Head positions. They follow from the pose and no gain acts on them, so they are not among `UNITS`."""
GAZE_DEGREES: Final = (6.0, 4.2)
"""Degrees that eyes turn aside (AU61, AU62), and up or down (AU63, AU64), by one intensity: 30 and 21 are the most."""
FULL_TURN: Final = (45.0, 30.0, 30.0)
"""Degrees of yaw, pitch and roll that count as intensity 5. FACS has no angles; these are what necks do at ease."""

_WRITTEN = re.compile(r"^\s*(?:AU)?[\s_-]*0*(\d{1,2})\s*$", re.IGNORECASE)


def canonical(written: str | int) -> str:
    """`4`, `"AU4"`, `"au04"` -> `"AU04"`.

    Raises:
        GainError: no such Action Unit; the text names the nearest.
    """
    match = _WRITTEN.match(str(written))
    name = f"AU{int(match.group(1)):02d}" if match else str(written)
    if name not in INDEX:
        near = get_close_matches(name, NAMES, 1, 0.5)
        hint = f" - did you mean {near[0]}?" if near else ""
        raise GainError(f"unknown Action Unit {written!r}{hint} (known: {', '.join(NAMES)})")
    return name


def head(yaw: float, pitch: float, roll: float) -> tuple[float, ...]:
    """Intensities 0..5 in the order of `HEAD` of a head pose in degrees, signed as in `packets.FaceUnits`."""
    turns = [MAX_INTENSITY * angle / full for angle, full in zip((yaw, pitch, -roll), FULL_TURN, strict=True)]
    return tuple(min(max(sign * turn, 0.0), MAX_INTENSITY) for turn in turns for sign in (1, -1))


def letter(intensity: float) -> str:
    """FACS letter of an intensity: A (1, trace) to E (5, maximum); empty below 0.5."""
    return "" if intensity < 0.5 else LETTERS[min(round(intensity), 5) - 1 if intensity >= 1 else 0]
