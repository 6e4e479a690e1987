"""Times in a gain profile: text, counted from the clip's first frame.

    "00:00:04:12"   hours, minutes, seconds, frames of the clip's own rate; non-drop-frame (SMPTE ST 12-1)
    "12.5s"         seconds

Numbers are refused: YAML 1.1 reads an unquoted 10:00:04:12 as a number in base 60. At 29.97 frames a second non-drop
timecode counts 30 frames to its second, so it falls behind the clock by 3.6 s an hour; drop-frame is not read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from stages.errors import GainError

_TIMECODE: Final = re.compile(r"(\d{1,2}):([0-5]?\d):([0-5]?\d):(\d{1,3})")
_SECONDS: Final = re.compile(r"(\d+(?:\.\d+)?|\.\d+)\s*s")


@dataclass(frozen=True, slots=True)
class Moment:
    """A time as written. where: its place in the profile; whole: full seconds; frames: of the timecode, or None."""

    where: str
    text: str
    whole: Fraction
    frames: int | None = None

    def seconds(self, rate: Fraction) -> float:
        """Seconds from the first frame of a clip of `rate` frames a second.

        Raises:
            GainError: there is no such frame in a second of this clip.
        """
        if self.frames is None:
            return float(self.whole)
        count = round(rate)
        if self.frames >= count:
            raise GainError(f"{self.where} is {self.text!r}; at {count} frames a second the last is :{count - 1:02d}")
        return float((self.whole * count + self.frames) / rate)


def moment(value: Any, where: str) -> Moment:
    """Read a time.

    Raises:
        GainError: not text, or not a time; begins with `where`.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        why = "YAML reads unquoted times as numbers in base 60"
        raise GainError(f'{where} is the number {value}: {why}, so write it in quotes, "00:00:04:12" or "12.5s"')
    text = value.strip() if isinstance(value, str) else ""
    if found := _TIMECODE.fullmatch(text):
        hours, minutes, seconds, frames = map(int, found.groups())
        return Moment(where, text, Fraction(3600 * hours + 60 * minutes + seconds), frames)
    if found := _SECONDS.fullmatch(text):
        return Moment(where, text, Fraction(found[1] if found[1][0] != "." else f"0{found[1]}"))
    drop = " (drop-frame is not read)" if ";" in text else ""
    raise GainError(f'{where} is {value!r}{drop}; write "HH:MM:SS:FF" or seconds such as "12.5s"')


def written(seconds: Fraction, rate: Fraction) -> str:
    """What `Moment.seconds` reads as this time: `HH:MM:SS:FF` of the frame shown `seconds` after the clip's first."""
    count = round(rate)
    whole, frames = divmod(round(max(seconds, Fraction(0)) * rate), count)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}:{frames:02d}"
