"""The language of a QuickTime track: FFmpeg writes those that the Macintosh had a number for, and no others.

QuickTime takes ISO 639-2/T as MP4 does, three letters of five bits each (QuickTime File Format, Language Code Values).
"""

from __future__ import annotations

import re
from typing import Final

from stages.media.boxes import Box

_UNKNOWN: Final = b"\x7f\xff"
_LETTERS: Final = re.compile("[a-z]{3}")
_BEFORE: Final = 0x60  # the letter a is 1


def spoken(trak: Box, language: str) -> Box:
    """A written track with its language, if that did not arrive."""
    if not _LETTERS.fullmatch(language):
        return trak
    one, two, three = (ord(letter) - _BEFORE for letter in language)
    code = (one << 10 | two << 5 | three).to_bytes(2)

    def change(box: Box) -> Box:
        if box.kind == b"mdia":
            return box.changed(change)
        if box.kind != b"mdhd":
            return box
        at = 32 if box.payload[:1] == b"\1" else 20  # times of 8 or 4 bytes come before
        known = box.payload[at : at + 2] != _UNKNOWN
        return box if known else Box(box.kind, box.payload[:at] + code + box.payload[at + 2 :])

    return trak.changed(change)
