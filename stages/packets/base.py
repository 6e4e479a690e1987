"""Time, shapes and pictures: what every packet is made of."""

from __future__ import annotations

from dataclasses import dataclass, fields
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Stamp:
    """Where a packet sits: which clip, which frame (from 0), at what time (`pts` units of `time_base` seconds)."""

    clip: str
    index: int
    pts: int
    time_base: Fraction

    @property
    def seconds(self) -> float:
        """Presentation time in seconds, for printing only."""
        return float(self.pts * self.time_base)

    def __str__(self) -> str:
        return f"{self.clip} frame {self.index} ({self.seconds:.3f}s)"


class ShowsShapes:
    """Prints arrays as `float32(478, 3)`."""

    __slots__ = ()

    def __repr__(self) -> str:
        shown = ", ".join(f"{f.name}={_shape(getattr(self, f.name))}" for f in fields(self))  # type: ignore[arg-type]
        return f"{type(self).__name__}({shown})"


def _shape(value: Any) -> str:
    return f"{value.dtype}{tuple(value.shape)}" if isinstance(value, np.ndarray) else repr(value)


def check(array: NDArray[Any], shape: tuple[int, ...], dtype: type, what: str) -> None:
    """Refuse an array of another shape (-1 fits any) or type.

    Raises:
        ValueError: it is, with `what` in front.
    """
    fits = array.ndim == len(shape) and all(want in (-1, got) for want, got in zip(shape, array.shape, strict=True))
    if not fits or array.dtype != dtype:
        raise ValueError(f"{what} must be {np.dtype(dtype)}{shape}, not {array.dtype}{array.shape}")


@dataclass(frozen=True, slots=True, repr=False)
class Packet(ShowsShapes):
    """The base of everything on a wire."""

    at: Stamp
