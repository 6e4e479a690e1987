"""Kernels and storage of the multigrid solver in stages.render.membrane.

A level's arrays are (rows + 2, (columns + 2) * channels), channels side by side, with a rim of ghosts that repeats the
outermost samples: the array's own border is no boundary, nothing is known there and the surface runs out level.
"""

# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from stages.packets import Floats


@dataclass(frozen=True, slots=True)
class Level:
    """One grid: `free` is 1 where a value is sought and 0 where it is given, `source` the right-hand side."""

    values: Floats
    spare: Floats
    source: Floats
    free: Floats
    channels: int

    @classmethod
    def of(cls, rows: int, columns: int, channels: int) -> Level:
        """Zeros."""
        values, spare, source, free = np.zeros((4, rows + 2, (columns + 2) * channels), np.float32)
        return cls(values, spare, source, free, channels)

    def coarser(self) -> Level:
        """The next grid, of half as many samples either way."""
        rows, columns = self.values.shape[0] - 2, self.values.shape[1] // self.channels - 2
        return Level.of(-(-rows // 2), -(-columns // 2), self.channels)


@numba.njit(cache=True, nogil=True)
def _ghosts(values: Floats, channels: int) -> None:
    values[0], values[-1] = values[1], values[-2]
    for y in range(values.shape[0]):
        for c in range(channels):
            values[y, c] = values[y, channels + c]
            values[y, -1 - c] = values[y, -1 - c - channels]


@numba.njit(cache=True, nogil=True, fastmath=True)
def relax(values: Floats, into: Floats, source: Floats, free: Floats, weight: np.float32, channels: int) -> None:
    """One damped Jacobi step: into = values + weight * free * (mean of neighbours - values + source)."""
    for y in range(1, values.shape[0] - 1):
        _left_over(values, source, free, y, channels, into[y])
        here, out = values[y], into[y]
        for x in range(here.size):
            out[x] = here[x] + weight * out[x]
    _ghosts(into, channels)


@numba.njit(cache=True, nogil=True, fastmath=True)
def _left_over(values: Floats, source: Floats, free: Floats, y: int, channels: int, out: Floats) -> None:
    """One row of the residual: free * (mean of neighbours - values + source)."""
    quarter = np.float32(0.25)
    inner = values.shape[1] - 2 * channels
    # Slices, because the compiler vectorises only what it knows not to wrap around.
    left, right = values[y, :inner], values[y, 2 * channels :]
    above, below = values[y - 1, channels:], values[y + 1, channels:]
    here = values[y, channels:]
    add, may, result = source[y, channels:], free[y, channels:], out[channels:]
    for x in range(inner):
        result[x] = may[x] * (quarter * (above[x] + below[x] + left[x] + right[x]) - here[x] + add[x])


@numba.njit(cache=True, nogil=True, fastmath=True)
def residual(values: Floats, source: Floats, free: Floats, into: Floats, channels: int) -> None:
    """What the equation leaves over, summed over each two by two samples (the coarser step is twice as wide)."""
    into.fill(0)
    width = values.shape[1]
    row = np.zeros(width + channels, np.float32)
    for y in range(1, values.shape[0] - 1):
        _left_over(values, source, free, y, channels, row)
        out = into[(y + 1) // 2]
        for x in range(1, out.size // channels - 1):
            at, left = out[x * channels :], row[(2 * x - 1) * channels :]
            for c in range(channels):
                at[c] += left[c] + left[c + channels]


@numba.njit(cache=True, nogil=True, fastmath=True)
def lift(coarse: Floats, into: Floats, free: Floats, channels: int) -> None:
    """Add the coarse level, interpolated between its samples' centres, where values are free."""
    near, far = np.float32(0.75), np.float32(0.25)
    blend = np.empty(coarse.shape[1], np.float32)
    for y in range(1, into.shape[0] - 1):
        here = coarse[(y + 1) // 2]
        beside = coarse[(y + 1) // 2 - 1 if y % 2 else (y + 1) // 2 + 1]
        for x in range(blend.size):
            blend[x] = near * here[x] + far * beside[x]
        for x in range(1, into.shape[1] // channels - 1):
            middle = (x + 1) // 2 * channels
            one, other = blend[middle:], blend[middle - channels if x % 2 else middle + channels :]
            out, may = into[y, x * channels :], free[y, x * channels :]
            for c in range(channels):
                out[c] += may[c] * (near * one[c] + far * other[c])
    _ghosts(into, channels)


@numba.njit(cache=True, nogil=True)
def load(difference: Floats, inside: NDArray[np.bool_], values: Floats, free: Floats) -> None:
    """Fill a level from what is known outside the mask."""
    rows, columns, channels = difference.shape
    for y in range(rows):
        known, may = values[y + 1, channels:], free[y + 1, channels:]
        for x in range(columns):
            sought = inside[y, x]
            for c in range(channels):
                known[x * channels + c] = np.float32(0) if sought else difference[y, x, c]
                may[x * channels + c] = np.float32(1) if sought else np.float32(0)
    _ghosts(values, channels)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def shrink(values: Floats, free: Floats, into: Floats, free_into: Floats, channels: int) -> None:
    """A coarse sample is given if any of its four is, by the mean of those that are."""
    last_row, last_column = values.shape[0] - 2, values.shape[1] // channels - 2
    for y in range(1, into.shape[0] - 1):
        top, low = 2 * y - 1, min(2 * y, last_row)
        for x in range(1, into.shape[1] // channels - 1):
            left, right = (2 * x - 1) * channels, min(2 * x, last_column) * channels
            a, b = np.float32(1) - free[top, left], np.float32(1) - free[top, right]
            c, d = np.float32(1) - free[low, left], np.float32(1) - free[low, right]
            given = a + b + c + d
            for k in range(channels):
                at = x * channels + k
                free_into[y, at] = given == 0
                # Where a value is sought it is zero still, so that the plain sum counts the given ones only.
                total = values[top, left + k] + values[top, right + k] + values[low, left + k] + values[low, right + k]
                into[y, at] = total / max(given, np.float32(1))
    _ghosts(into, channels)
