"""Packets on disk: one wire over a whole clip as a file that grows while measuring and is read back frame by frame.

A record is a JSON skeleton of the packet and the raw bytes of its arrays; an index of offsets stands at the end. A
packet that is the very one of the frame before is written and decoded once; an empty record stands for it, so that the
index can be made anew from the records. Memory stays constant however long the clip is. Files are data: reading one
runs no code.
"""

from __future__ import annotations

import json
import math
import os
import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import fields, is_dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, overload

import numpy as np

from runner.disk import naming
from stages import packets
from stages.contract import Timeline
from stages.packets import Packet

_MAGIC = b"GLBSPL01"
_HEAD = struct.Struct("<II")  # bytes of skeleton, bytes of arrays
_TAIL = struct.Struct("<Q8s")  # number of records, magic: a cut file ends otherwise
_JSON = json.JSONEncoder(separators=(",", ":"))
_PLAIN = (int, float, str, bool, type(None))
PacketT = TypeVar("PacketT", bound=Packet)


def encode(packet: Packet | None) -> tuple[bytes, list[bytes]]:
    """A packet as JSON skeleton and the buffers its arrays refer to."""
    buffers: list[bytes] = []
    return _JSON.encode(_skeleton(packet, buffers)).encode(), buffers


def _skeleton(value: Any, buffers: list[bytes]) -> Any:
    if type(value) in _PLAIN:
        return value
    if isinstance(value, np.ndarray):
        buffers.append(np.ascontiguousarray(value).tobytes())
        return {"a": value.dtype.str, "s": value.shape}
    if isinstance(value, Fraction):
        return {"f": [value.numerator, value.denominator]}
    if isinstance(value, tuple):
        return {"t": [_skeleton(item, buffers) for item in value]}
    if is_dataclass(value):
        kind: Any = type(value)
        return {"p": kind.__name__, "v": {name: _skeleton(getattr(value, name), buffers) for name in _names(kind)}}
    return value


@cache
def _names(kind: type[Any]) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


def decode(skeleton: bytes, arrays: bytes) -> Packet | None:
    """What `encode` was given. Arrays are read-only views into `arrays`."""
    view, cursor = memoryview(arrays), [0]
    value = _value(json.loads(skeleton), view, cursor)
    assert value is None or isinstance(value, Packet)
    return value


def _value(node: Any, view: memoryview, cursor: list[int]) -> Any:
    if not isinstance(node, dict):
        return node
    if "a" in node:
        dtype, shape = np.dtype(node["a"]), tuple(node["s"])
        count = math.prod(shape)
        array = np.frombuffer(view, dtype, count, cursor[0]).reshape(shape)
        cursor[0] += count * dtype.itemsize
        return array
    if "f" in node:
        return Fraction(*node["f"])
    if "t" in node:
        return tuple(_value(item, view, cursor) for item in node["t"])
    kind = getattr(packets, node["p"])
    return kind(**{name: _value(item, view, cursor) for name, item in node["v"].items()})


Mark = tuple[int, int]
"""How far a spool is written: bytes, packets."""


class SpoolWriter:
    """Appends packets to a temporary file; `commit()` gives it its name, in one rename.

    tag: tells the temporary file from those of other runs. mark: go on there, with what a run of the same tag left.

    Raises:
        ValueError: what was left does not reach to `mark`.
    """

    def __init__(self, path: Path, tag: str | None = None, mark: Mark | None = None) -> None:
        self.path = path
        self._temporary = path.with_name(f".{path.name}.{tag or os.getpid()}")
        self._offsets: list[int] = []
        self._last: Packet | None = None
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: BinaryIO = self._temporary.open("r+b" if mark else "wb")
        if mark:
            self._go_on(*mark)
        else:
            self._file.write(_MAGIC)

    def append(self, packet: Packet | None) -> None:
        """Write the next frame's packet."""
        with naming(self._temporary):
            self._append(packet)

    def _append(self, packet: Packet | None) -> None:
        if packet is not None and packet is self._last:
            self._offsets.append(self._offsets[-1])
            self._file.write(_HEAD.pack(0, 0))
            return
        self._last = packet
        self._offsets.append(self._file.tell())
        skeleton, buffers = encode(packet)
        self._file.write(_HEAD.pack(len(skeleton), sum(map(len, buffers))))
        self._file.write(skeleton)
        self._file.writelines(buffers)

    def mark(self) -> Mark:
        """How far it is written, on disk."""
        with naming(self._temporary):
            self._file.flush()
            os.fsync(self._file.fileno())
        return self._file.tell(), len(self._offsets)

    def commit(self) -> Spool[Packet]:
        """Write the index, close, and rename into place."""
        with naming(self._temporary):
            self._file.write(np.asarray(self._offsets, "<u8").tobytes())
            self._file.write(_TAIL.pack(len(self._offsets), _MAGIC))
            self._file.close()
        self._temporary.replace(self.path)
        return Spool(self.path)

    def close(self) -> None:
        """Let go; what was marked stays."""
        with suppress(OSError):  # of what came later nothing is wanted, and a full disk has been told of
            self._file.close()

    def discard(self) -> None:
        """Close and delete what was written so far."""
        with suppress(OSError):  # the disk may be the reason for giving up
            self._file.close()
        self._temporary.unlink(missing_ok=True)

    def _go_on(self, size: int, count: int) -> None:
        """Read the records' heads, and cut off what stands after them."""
        at = len(_MAGIC)
        self._file.seek(at)
        while at < size and len(head := self._file.read(_HEAD.size)) == _HEAD.size:
            length = sum(_HEAD.unpack(head))
            self._offsets.append(at if length else self._offsets[-1])
            at = self._file.seek(length, os.SEEK_CUR)
        if (at, len(self._offsets)) != (size, count) or os.fstat(self._file.fileno()).st_size < size:
            self._file.close()
            raise ValueError(f"{self._temporary} is not what was left")
        self._file.truncate(size)


class Spool(Timeline[PacketT]):
    """A committed wire, read as it is indexed. Safe to share between threads.

    Raises:
        ValueError: the file is not a complete spool.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = -1
        self._latest: tuple[int, PacketT | None] = (-1, None)  # one read, one write: threads may share it
        self._descriptor = os.open(path, os.O_RDONLY)
        size = os.fstat(self._descriptor).st_size
        tail = self._read(_TAIL.size, size - _TAIL.size) if size >= len(_MAGIC) + _TAIL.size else b""
        count, end = _TAIL.unpack(tail) if tail else (0, b"")
        if end != _MAGIC:
            raise ValueError(f"{path} is not a complete spool")
        self._offsets = np.frombuffer(self._read(8 * count, size - _TAIL.size - 8 * count), "<u8")

    def _read(self, count: int, offset: int) -> bytes:
        return os.pread(self._descriptor, count, offset)

    def __len__(self) -> int:
        return len(self._offsets)

    @overload
    def __getitem__(self, index: int) -> PacketT | None: ...
    @overload
    def __getitem__(self, index: slice) -> list[PacketT | None]: ...
    def __getitem__(self, index: int | slice) -> PacketT | list[PacketT | None] | None:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        offset = int(self._offsets[index])
        latest = self._latest
        if latest[0] != offset:
            self._latest = latest = (offset, self._decoded(offset))
        return latest[1]

    def _decoded(self, offset: int) -> PacketT | None:
        skeleton, arrays = _HEAD.unpack(self._read(_HEAD.size, offset))
        body = self._read(skeleton + arrays, offset + _HEAD.size)
        return decode(body[:skeleton], body[skeleton:])  # type: ignore[return-value]

    def __iter__(self) -> Iterator[PacketT | None]:
        return (self[i] for i in range(len(self)))

    def __del__(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
