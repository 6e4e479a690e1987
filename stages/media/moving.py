"""Samples that move: resampling by a map at half resolution, of planes as they are coded and of R'G'B'.

A map holds, for the middle of every two by two luma pixels of a box, where a value is taken from and how much of it
counts (`stages.packets.Moved`); between, it is linear. So are values between samples, and beyond the box its border
goes on. Chroma at half the resolution meets the map sample by sample.
"""

# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from stages.media.kernels import add_row

Floats = NDArray[np.float32]
Plane = NDArray[Any]
Quad = tuple[int, int, int, int]
Pair = tuple[int, int]
_F = np.float32


@numba.njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def move(
    plane: Plane, target: Plane, place: Quad, span: Pair, offsets: Floats, mask: Floats, low: float, high: float
) -> None:
    """Add mask * (moved - plane) to `target` in whole codes; a step of no code leaves a code as it is.

    plane, target: whole component planes alike, the second one written. place: x, y, width, height of the box in
    samples of the plane. span: log2 of the luma samples that one of the plane's spans, across and down. offsets, mask:
    as of `Moved`. low, high: codes beyond which no change leads.
    """
    left, top, width, height = np.uint32(place[0]), np.uint32(place[1]), place[2], place[3]
    line, dx, dy, share = np.empty(mask.shape[1], _F), np.empty(width, _F), np.empty(width, _F), np.empty(width, _F)
    across, down, zero = _F(1) / _F(1 << span[0]), _F(1) / _F(1 << span[1]), _F(0)
    most_x, most_y = _F(width - 1), _F(height - 1)
    one, right, bottom = np.uint32(1), np.uint32(width - 1), np.uint32(height - 1)
    for i in range(height):
        first, last = _row(mask, i, span, 0, width, line, share)
        _row(offsets[0], i, span, first, last, line, dx)
        _row(offsets[1], i, span, first, last, line, dy)
        source, steps, right_of, below_of = plane[top + i, left:], share[first:last], dx[first:last], dy[first:last]
        for j in range(len(steps)):
            if steps[j] <= zero or (right_of[j] == zero and below_of[j] == zero):
                steps[j] = zero
                continue
            x: Any = min(max(_F(first + j) + right_of[j] * across, zero), most_x)
            y: Any = min(max(_F(i) + below_of[j] * down, zero), most_y)
            column, row = np.uint32(x), np.uint32(y)
            u, v = x - _F(column), y - _F(row)
            near, far = column + left, min(column + one, right) + left
            above, below = row + top, min(row + one, bottom) + top
            a, b, c, d = _F(plane[above, near]), _F(plane[above, far]), _F(plane[below, near]), _F(plane[below, far])
            upper, lower = a + (b - a) * u, c + (d - c) * u
            steps[j] *= upper + (lower - upper) * v - _F(source[first + j])
        add_row(target[top + i, left + first : left + last], steps, _F(1), _F(low), _F(high))


@numba.njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def resampled(picture: Floats, offsets: Floats, mask: Floats) -> tuple[Floats, Floats]:
    """A picture (h, w, 3) as it has moved, and the mask (h, w). What does not move keeps its values exactly."""
    height, width = picture.shape[0], picture.shape[1]
    out, whole = picture.copy(), np.zeros((height, width), np.float32)
    line, dx, dy = np.empty(mask.shape[1], _F), np.empty(width, _F), np.empty(width, _F)
    zero, one, right, bottom = _F(0), _F(1), _F(width - 1), _F(height - 1)
    for i in range(height):
        first, last = _row(mask, i, (0, 0), 0, width, line, whole[i])
        _row(offsets[0], i, (0, 0), first, last, line, dx)
        _row(offsets[1], i, (0, 0), first, last, line, dy)
        for j in range(first, last):
            if whole[i, j] <= zero or (dx[j] == zero and dy[j] == zero):
                continue
            x: Any = min(max(_F(j) + dx[j], zero), right)
            y: Any = min(max(_F(i) + dy[j], zero), bottom)
            near, above = np.uint32(x), np.uint32(y)
            far, below = np.uint32(min(near + 1, width - 1)), np.uint32(min(above + 1, height - 1))
            u, v = x - _F(near), y - _F(above)
            a, b, c, d = (one - u) * (one - v), u * (one - v), (one - u) * v, u * v
            for k in range(3):
                upper = a * picture[above, near, k] + b * picture[above, far, k]
                out[i, j, k] = upper + c * picture[below, near, k] + d * picture[below, far, k]
    return out, whole


@numba.njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _row(values: Floats, i: int, span: Pair, start: int, stop: int, line: Floats, out: Floats) -> Pair:
    """One channel of the map at the samples start..stop of row i of a plane, into `out`; `line` is scratch.

    Returns the first of them that is not 0, and the one after the last; twice the same if all are.
    """
    rows, columns = values.shape
    place = min(max((i + 0.5) * (1 << span[1]) / 2 - 0.5, 0.0), rows - 1.0)
    row = int(place)
    other, share = min(row + 1, rows - 1), _F(place - row)
    low, high = max((start << span[0]) // 2 - 1, 0), min((stop << span[0]) // 2 + 1, columns)
    # Slices count from 0, which is how the compiler knows that no index is negative, and vectorises.
    between, upper, lower = line[low:high], values[row, low:high], values[other, low:high]
    for x in range(len(between)):
        between[x] = upper[x] * (_F(1) - share) + lower[x] * share
    if span[0] == 0:
        _enlarged(line, start, stop, out)
    elif span[0] == 1:
        out[start:stop] = line[start:stop]
    else:
        for j in range(start, stop):
            out[j] = line[min(j << (span[0] - 1), columns - 1)]
    while start < stop and out[start] == _F(0):
        start += 1
    while stop > start and out[stop - 1] == _F(0):
        stop -= 1
    return start, stop


@numba.njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _enlarged(line: Floats, start: int, stop: int, out: Floats) -> None:
    """Twice as many samples, linear between."""
    near, far, end = _F(0.75), _F(0.25), len(line) - 1
    first, last = max((start - 1) // 2, 0), min((stop - 1) // 2, end)
    out[start] = line[start // 2]
    samples, made = line[first : last + 1], out[2 * first + 1 : 2 * last + 1]
    for x in range(len(samples) - 1):
        made[2 * x] = samples[x] * near + samples[x + 1] * far
        made[2 * x + 1] = samples[x] * far + samples[x + 1] * near
    for j in range(2 * end + 1, stop):
        out[j] = line[end]
