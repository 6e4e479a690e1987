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
from stages.packets import Moved

Floats = NDArray[np.float32]
Plane = NDArray[Any]
Planes = tuple[Plane, ...]
Quad = tuple[int, int, int, int]
Pair = tuple[int, int]
_F = np.float32


def move(planes: Planes, targets: Planes, place: Quad, span: Pair, edit: Moved, legal: tuple[float, float]) -> None:
    """Add mask * (moved - plane) to every target in whole codes; a step of no code leaves a code as it is.

    planes, targets: whole component planes alike, rows without gaps between them, the second ones written. place: x, y,
    width, height of the edit's box in samples of these planes. span: log2 of the luma samples that one of theirs spans,
    across and down. legal: codes beyond which no change leads.
    """
    if min(place[2:]) > 1:  # a single row or column has no neighbours to take anything from
        pairs = tuple(_pairs(plane) for plane in planes)
        _move(planes, pairs, targets, place, span, edit.offsets, edit.mask, legal)


def _pairs(plane: Plane) -> Plane:
    """(samples - 1,) each sample and the next one as one number, the first in its low bits: read at one go."""
    return np.ndarray((plane.size - 1,), f"<u{2 * plane.itemsize}", plane, strides=(plane.itemsize,))


@numba.njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _move(
    planes: Planes,
    pairs: Planes,
    targets: Planes,
    place: Quad,
    span: Pair,
    offsets: Floats,
    mask: Floats,
    legal: tuple[float, float],
) -> None:
    """Row by row in small buffers: where from, then plane by plane the samples there, then what they change."""
    left, top, width, height = place
    line, dx, dy, share = np.empty(mask.shape[1], _F), np.empty(width, _F), np.empty(width, _F), np.empty(width, _F)
    at, upper, lower = np.empty(width, np.uint32), np.empty_like(pairs[0][:width]), np.empty_like(pairs[0][:width])
    steps, low, high = np.empty(width, _F), _F(legal[0]), _F(legal[1])
    for i in range(height):
        first, last = _row(mask, i, span, 0, width, line, share)
        start, stop = _row(offsets[0], i, span, first, last, line, dx)
        begin, end = _row(offsets[1], i, span, first, last, line, dy)
        first, last = min(start, begin), max(stop, end)
        if first >= last:
            continue
        x, y, much, step, here = dx[first:last], dy[first:last], share[first:last], steps[first:last], at[first:last]
        _look_up(x, y, (first, i), place, span, planes[0].shape[1], here)
        for k in range(len(planes)):
            _read(pairs[k], here, planes[k].shape[1], upper, lower)
            _mix(upper, lower, x, y, much, planes[k][top + i, left + first : left + last], step)
            add_row(targets[k][top + i, left + first : left + last], step, _F(1), low, high)


@numba.njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _look_up(dx: Floats, dy: Floats, first: Pair, place: Quad, span: Pair, stride: int, at: Plane) -> None:
    """Turn offsets, luma samples of a row from `first` (x, y in the box) on, into `at`, the index in a plane of the
    sample to the upper left of where each is taken from, and how far beyond it that lies, 0..1.
    """
    across, down, zero = _F(1) / _F(1 << span[0]), _F(1) / _F(1 << span[1]), _F(0)
    most_x, most_y, right, bottom = _F(place[2] - 1), _F(place[3] - 1), np.int32(place[2] - 2), np.int32(place[3] - 2)
    start, below = np.uint32(place[1] * stride + place[0]), np.int32(stride)
    for j in range(len(at)):  # a loop for each: one that writes all three is not vectorised
        x: Any = min(max(_F(first[0]) + _F(np.int32(j)) + dx[j] * across, zero), most_x)
        column = min(np.int32(x), right)
        dx[j], at[j] = x - _F(column), start + np.uint32(column)
    for j in range(len(at)):
        y: Any = min(max(_F(first[1]) + dy[j] * down, zero), most_y)
        row = min(np.int32(y), bottom)
        dy[j] = y - _F(row)
        at[j] += np.uint32(row * below)


@numba.njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _read(pairs: Plane, at: Plane, stride: int, upper: Plane, lower: Plane) -> None:
    """The pairs at some places, and those below them."""
    below = np.uint32(stride)
    for j in range(len(at)):
        upper[j], lower[j] = pairs[at[j]], pairs[at[j] + below]


@numba.njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _mix(upper: Plane, lower: Plane, x: Floats, y: Floats, share: Floats, source: Plane, out: Floats) -> None:
    """A share of what lies between the samples of two pairs, less the source."""
    bits = np.int32(4 * upper.itemsize)
    ones = np.int32((1 << bits) - 1)
    for j in range(len(out)):
        above, below = np.int32(upper[j]), np.int32(lower[j])
        a, b, c, d = _F(above & ones), _F((above >> bits) & ones), _F(below & ones), _F((below >> bits) & ones)
        e, f = a + (b - a) * x[j], c + (d - c) * x[j]
        out[j] = share[j] * (e + (f - e) * y[j] - _F(source[j]))


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
    first, last = max((start - 1) // 2, 0), min(stop // 2, end)
    out[start] = line[start // 2]
    samples, made = line[first : last + 1], out[2 * first + 1 : 2 * last + 1]
    for x in range(len(samples) - 1):
        made[2 * x] = samples[x] * near + samples[x + 1] * far
        made[2 * x + 1] = samples[x] * far + samples[x + 1] * near
    for j in range(2 * end + 1, stop):
        out[j] = line[end]
