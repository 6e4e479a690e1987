"""How long a file says it is: Matroska's top elements and AVI's RIFF chunks carry their size."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_SLACK = 8  # some AVI writers count the eight bytes of the chunk's own head
_UNFINISHED = (0, 0xFFFFFFFF)  # a RIFF chunk whose writer never came back to fill in its size


def cut_short(path: Path, container: str) -> str | None:
    """What is missing at the end of a file by its own account, in words, or None.

    container: FFmpeg's name of the format. An unknown size (a live recording) gives no verdict. Sources: RFC 8794
    (EBML), RFC 9559 (Matroska), OpenDML AVI 1.02: beyond 1 GB a further RIFF chunk follows.
    """
    walk = {"matroska,webm": _matroska_ends, "avi": _riff_ends}.get(container)
    if walk is None:
        return None
    there = path.stat().st_size
    with path.open("rb") as file:
        promised = max(walk(file, there), default=0)
    return f"truncated, {there} of {promised} bytes are there" if promised > there + _SLACK else None


def _matroska_ends(file: BinaryIO, there: int) -> Iterator[int]:
    """Where each element of the top level ends."""
    at = 0
    while at < there:
        file.seek(at)
        name, size = _number(file), _number(file)
        if name is None or size is None or size[0] == (1 << 7 * size[1]) - 1:
            return
        at = file.tell() + size[0]
        yield at


def _number(file: BinaryIO) -> tuple[int, int] | None:
    """An EBML variable-size integer: its value without the marker bit, and its length in bytes."""
    first = file.read(1)
    if not first or not first[0]:
        return None
    length = 9 - first[0].bit_length()
    rest = file.read(length - 1)
    if len(rest) < length - 1:
        return None
    return int.from_bytes(first + rest) & ((1 << 7 * length) - 1), length


def _riff_ends(file: BinaryIO, there: int) -> Iterator[int]:
    """Where each RIFF chunk ends."""
    at = 0
    while at < there:
        file.seek(at)
        head = file.read(8)
        size = int.from_bytes(head[4:], "little")
        if len(head) < 8 or head[:4] != b"RIFF" or size in _UNFINISHED:
            return
        at += 8 + size
        yield at
        at += at % 2
