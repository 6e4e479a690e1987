"""Read an ncnn model into plain Python: layers from the `.param` text, weights from the `.bin` beside it.

Format: ncnn's wiki, *param and model file structure*. Half-precision weights come out as float32.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

_MAGIC: Final = "7767517"
_FLOAT32, _FLOAT16 = 0, 0x01306B47  # what stands before the weights of a convolution
_ARRAYS: Final = -23300  # keys from here down hold arrays: -23300 - k is array k, its length first

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Layer:
    """One layer: ncnn's type, its blobs by name, and its parameters by number (array parameters as tuples)."""

    kind: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    parameters: dict[int, float | tuple[float, ...]]

    def number(self, key: int, default: float = 0) -> float:
        """A scalar parameter."""
        value = self.parameters.get(key, default)
        if isinstance(value, tuple):
            raise ValueError(f"parameter {key} of {self.name} is an array")
        return value

    def array(self, key: int) -> tuple[float, ...]:
        """An array parameter; empty if it is not given."""
        value = self.parameters.get(key, ())
        return value if isinstance(value, tuple) else (value,)


def layers(text: str) -> tuple[Layer, ...]:
    """Parse a `.param` file.

    Raises:
        ValueError: it is none.
    """
    magic, _, *lines = text.splitlines()
    if magic.strip() != _MAGIC:
        raise ValueError(f"not an ncnn text file: it begins with {magic[:20]!r}")
    return tuple(_layer(line.split()) for line in lines if line.strip())


def _layer(words: list[str]) -> Layer:
    kind, name, taken, made = words[0], words[1], int(words[2]), int(words[3])
    blobs, rest = words[4 : 4 + taken + made], words[4 + taken + made :]
    return Layer(kind, name, tuple(blobs[:taken]), tuple(blobs[taken:]), dict(_parameters(rest)))


def _parameters(words: list[str]) -> Iterator[tuple[int, float | tuple[float, ...]]]:
    for word in words:
        key, value = word.split("=")
        if int(key) <= _ARRAYS:
            yield _ARRAYS - int(key), tuple(float(part) for part in value.split(",")[1:])
        else:
            yield int(key), float(value)


@dataclass
class Weights:
    """The weights, in the order in which layers ask for them."""

    data: bytes
    place: int = 0

    def tagged(self, count: int) -> Floats:
        """A layer's main weights, behind their precision mark.

        Raises:
            ValueError: they are quantised, or the file is shorter than that.
        """
        mark = int.from_bytes(self._take(4), "little")
        if mark == _FLOAT32:
            return self.plain(count)
        if mark != _FLOAT16:
            raise ValueError(f"ncnn weights with mark {mark:#x} cannot be read")
        padded = (2 * count + 3) // 4 * 4
        return np.frombuffer(self._take(padded), np.float16, count).astype(np.float32)

    def plain(self, count: int) -> Floats:
        """Biases and slopes: float32 with no mark."""
        return np.frombuffer(self._take(4 * count), np.float32, count)

    def finish(self) -> None:
        """Raises ValueError if something is left over."""
        if self.place != len(self.data):
            raise ValueError(f"ncnn weights: {len(self.data) - self.place} bytes are left over")

    def _take(self, size: int) -> Any:
        part = self.data[self.place : self.place + size]
        if len(part) < size:
            raise ValueError("ncnn weights: the file is too short")
        self.place += size
        return part
