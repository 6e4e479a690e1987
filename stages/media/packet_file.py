"""Coded pictures of one chunk on disk: packets as the encoder made them, with exact time, until they are joined.

No container does for this: they round time, rewrite decoding times or hold other packets back. A record is a header and
the packet's bytes; a tail with their number stands at the end, so that a cut file is known.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO, Final

import av
from av.packet import PacketSideData, packet_sidedata_type_from_literal

_MAGIC: Final = b"GLBPKT01"
_HEAD: Final = struct.Struct("<qqq?II")  # pts, dts, duration, key frame, bytes, bytes of side data
_TAIL: Final = struct.Struct("<Q8s")  # number of packets, magic
_CARRIED: Final = "matroska_block_additional"  # VP9's alpha; all other side data is for statistics


class PacketWriter:
    """Writes packets beside `path`; `commit()` gives the whole file its name."""

    def __init__(self, path: Path) -> None:
        self.path, self._count = path, 0
        self._part = path.with_name(f".{path.name}.part")
        self._file: BinaryIO = self._part.open("wb")
        self._file.write(_MAGIC)

    def write(self, packet: av.Packet) -> None:
        """Append one."""
        side = b"".join(bytes(data) for data in packet.iter_sidedata() if data.data_type == _CARRIED)
        times = packet.pts, packet.pts if packet.dts is None else packet.dts, packet.duration or 0
        self._file.write(_HEAD.pack(*times, packet.is_keyframe, packet.size, len(side)))
        self._file.write(side)
        self._file.write(packet)
        self._count += 1

    def commit(self) -> None:
        """Close, wait until it is on disk, and rename."""
        self._file.write(_TAIL.pack(self._count, _MAGIC))
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._part.replace(self.path)

    def discard(self) -> None:
        """Leave nothing behind."""
        with suppress(OSError):  # the disk may be the reason for giving up
            self._file.close()
        self._part.unlink(missing_ok=True)


def times(path: Path) -> list[tuple[int, int]]:
    """Presentation and decoding times of a file's packets, in decoding order.

    Raises:
        ValueError: the file is not whole.
    """
    with path.open("rb") as file:
        return [(pts, dts) for pts, dts, *_ in _heads(file, path)]


def read(path: Path, time_base: Fraction) -> Iterator[av.Packet]:
    """The packets of a file, in decoding order.

    Raises:
        ValueError: the file is not whole.
    """
    with path.open("rb") as file:
        for pts, dts, duration, key, size, extra in _heads(file, path, skip=False):
            side = file.read(extra)
            packet = av.Packet(file.read(size))
            packet.pts, packet.dts, packet.duration, packet.time_base = pts, dts, duration, time_base
            packet.is_keyframe = key
            if side:
                packet.set_sidedata(_carried(side), move=True)
            yield packet


def _heads(file: BinaryIO, path: Path, skip: bool = True) -> Iterator[tuple[int, int, int, bool, int, int]]:
    size = os.fstat(file.fileno()).st_size
    count, end = 0, b""
    if size >= len(_MAGIC) + _TAIL.size:
        count, end = _TAIL.unpack(os.pread(file.fileno(), _TAIL.size, size - _TAIL.size))
    if end != _MAGIC:
        raise ValueError(f"{path} is not a whole chunk")
    file.seek(len(_MAGIC))
    for _ in range(count):
        head = _HEAD.unpack(file.read(_HEAD.size))
        yield head
        if skip:
            file.seek(head[-1] + head[-2], os.SEEK_CUR)


def _carried(data: bytes) -> PacketSideData:
    kind = packet_sidedata_type_from_literal(_CARRIED)
    side = PacketSideData(kind, len(data))  # type: ignore[call-arg]
    side.update(data)
    return side
