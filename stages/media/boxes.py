"""Boxes of QuickTime and MP4 files: a size, a kind of four characters, and a payload that may be boxes again.

Source: ISO/IEC 14496-12 (ISO base media file format), 4.2; QuickTime calls them atoms.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

_HEAD: Final = struct.Struct(">I4s")
_TO_THE_END, _LONG = 0, 1  # sizes that mean something else
INDEX: Final = b"moov"


@dataclass(frozen=True, slots=True)
class Box:
    """One box; `bytes(box)` is how it stands in a file."""

    kind: bytes
    payload: bytes

    def __bytes__(self) -> bytes:
        return _HEAD.pack(_HEAD.size + len(self.payload), self.kind) + self.payload

    def children(self) -> list[Box]:
        """The boxes that the payload consists of; ends early where it is damaged."""
        found, at = [], 0
        while at + _HEAD.size <= len(self.payload):
            size, kind = _HEAD.unpack_from(self.payload, at)
            if size < _HEAD.size or at + size > len(self.payload):
                break
            found.append(Box(kind, self.payload[at + _HEAD.size : at + size]))
            at += size
        return found

    def find(self, *path: bytes) -> Box | None:
        """The first box at `path` below this one."""
        if not path:
            return self
        inner = (child.find(*path[1:]) for child in self.children() if child.kind == path[0])
        return next((box for box in inner if box is not None), None)

    def changed(self, change: Callable[[Box], Box]) -> Box:
        """This box with every child put through `change`."""
        return Box(self.kind, b"".join(bytes(change(child)) for child in self.children()))


def index(path: Path) -> Box:
    """The box that tells of all tracks; empty where there is none."""
    with path.open("rb") as file:
        for kind, start, end in _top(file, path.stat().st_size):
            if kind == INDEX:
                return _read(file, start, end)
    return Box(INDEX, b"")


def edit_index(path: Path, change: Callable[[Box], Box]) -> None:
    """Put every box of the index of the finished file at `path` through `change`.

    Raises:
        ValueError: the index is not at the end of the file, as FFmpeg puts it.
    """
    size = path.stat().st_size
    with path.open("r+b") as file:
        kind, start, end = list(_top(file, size))[-1]
        if (kind, end) != (INDEX, size):
            raise ValueError(f"{path.name} does not end with its index")
        before = _read(file, start, end)
        after = before.changed(change)
        if after != before:
            file.seek(start - _HEAD.size)
            file.write(bytes(after))
            file.truncate()


def track_id(trak: Box) -> int:
    """A track's id, 0 where there is none; its place depends on whether times are 4 or 8 bytes long."""
    header = trak.find(b"tkhd")
    at = 20 if header and header.payload[:1] == b"\1" else 12
    return int.from_bytes(header.payload[at : at + 4]) if header else 0


def _read(file: BinaryIO, start: int, end: int) -> Box:
    file.seek(start)
    return Box(INDEX, file.read(end - start))


def _top(file: BinaryIO, there: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind and payload (its first byte, and the one behind its last) of each box of the top level."""
    at = 0
    while at + _HEAD.size <= there:
        file.seek(at)
        size, kind = _HEAD.unpack(file.read(_HEAD.size))
        if size == _LONG:
            size = int.from_bytes(file.read(8))
        elif size == _TO_THE_END:
            size = there - at
        if at + size < file.tell() or at + size > there:
            return
        yield kind, file.tell(), at + size
        at += size
