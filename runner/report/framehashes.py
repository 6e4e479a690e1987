"""`frames.txt`: what went into the master, frame by frame, so that an output can be held against its report."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

from stages.contract import Timeline
from stages.errors import DeliveryError
from stages.media.framehash import METHOD
from stages.packets import FrameHash

NAME: Final = "frames.txt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hashes:
    """Of all frames of a delivery. sha256: of `frames.txt`, 64 hexadecimal digits; method: of each frame's hash."""

    method: str
    frames: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Line:
    """One frame: its index, its time in units of the clip's time base, and its hash."""

    index: int
    pts: int
    digest: str


def write_hashes(folder: Path, hashes: Timeline[FrameHash], time_base: Fraction) -> Hashes:
    """Write `frames.txt`: three lines of comments, and a line `index pts hash` for every frame.

    Raises:
        OSError: the folder cannot be written.
    """
    digest, count = hashlib.sha256(), 0
    with (folder / NAME).open("wb") as file:
        for line in _lines(hashes, time_base):
            count += not line.startswith("#")
            file.write(line.encode())
            digest.update(line.encode())
    return Hashes(method=METHOD, frames=count, sha256=digest.hexdigest())


def _lines(hashes: Timeline[FrameHash], time_base: Fraction) -> Iterator[str]:
    first = next((one for one in hashes if one is not None), None)
    yield f"# hash {METHOD}\n# time_base {time_base}\n# pixel_format {first.pixel_format if first else '-'}\n"
    for one in hashes:
        if one is not None:
            yield f"{one.at.index} {one.at.pts} {one.digest}\n"


def read_hashes(path: Path) -> tuple[str, Fraction, list[Line]]:
    """Pixel format, time base and lines of a `frames.txt`.

    Raises:
        DeliveryError: it is none.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
        about = dict(line[2:].split(" ", 1) for line in lines if line.startswith("#"))
        rows = [line.split() for line in lines if not line.startswith("#")]
        return about["pixel_format"], Fraction(about["time_base"]), [Line(int(i), int(p), d) for i, p, d in rows]
    except (OSError, ValueError, KeyError) as error:
        raise DeliveryError(f"{path}: cannot be read as a list of frames: {error}") from error
