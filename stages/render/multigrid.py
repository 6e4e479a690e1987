"""Kernels and storage of the multigrid solver in stages.render.membrane.

A level's arrays are (rows + 2, (columns + 2) * channels), channels side by side, with a rim of ghosts that repeats the
outermost samples: the array's own border is no boundary, nothing is known there and the surface runs out level. The
levels lie one after another in flat arrays, so that a whole solve is one call.
"""

# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from stages.packets import Floats

Counts = NDArray[np.int64]
Bytes = NDArray[np.uint8]

OUTSIDE, CORNER, RIM, INSIDE = range(4)
"""What a sample is: of no account, given but next to what is sought over a corner only, given, sought."""

_LOCAL = threading.local()
_OVER_A_CORNER = np.float32(1e-3)
"""Weight of a given sample that only interpolation looks at, beside those that the equation does."""


@dataclass(frozen=True, slots=True)
class Levels:
    """The grids of the solver, finest first.

    `free` is 1 where a value is sought and 0 where it is given, `source` the right-hand side, `spans` where in each row
    the free values begin and end; outside the spans `values` and `spare` are the same. table: (levels, 4) where in the
    flat arrays a level begins, its rows, its row's length, where in `spans` it begins.
    """

    values: Floats
    spare: Floats
    source: Floats
    free: Floats
    spans: Counts
    table: Counts
    channels: int

    @classmethod
    def of(cls, grids: Sequence[tuple[Floats, Bytes]]) -> Levels:
        """grids: values (rows, columns, channels) where given, and what each sample is, (rows, columns)."""
        channels = grids[0][0].shape[2]
        sizes = [(state.shape[0] + 2, (state.shape[1] + 2) * channels) for _, state in grids]
        starts = np.cumsum([0, *(rows * width for rows, width in sizes)])
        lines = np.cumsum([0, *(rows for rows, _ in sizes)])
        table = np.array([(s, *size, line) for s, size, line in zip(starts, sizes, lines, strict=False)], np.int64)
        flat, spans = scratch("levels", (4, int(starts[-1]))), np.zeros((int(lines[-1]), 2), np.int64)
        flat.fill(0)
        levels = cls(flat[0], flat[1], flat[2], flat[3], spans, table, channels)
        for k, (given, state) in enumerate(grids):
            _load(given, state, levels.values, levels.spare, levels.free, spans, table[k])
        return levels

    def solve(self, cycles: int) -> Floats:
        """(rows, columns, channels) of the finest level, after so many V-cycles on every level.

        Lies in memory that the thread's next `Levels` will use.
        """
        _solve(self.values, self.spare, self.source, self.free, self.spans, self.table, cycles, self.channels)
        _, rows, width, _ = self.table[0]
        whole = self.values[: rows * width].reshape(rows, width)
        return whole[1:-1, self.channels : -self.channels].reshape(rows - 2, -1, self.channels)


def scratch(name: str, shape: tuple[int, ...]) -> Floats:
    """Memory of this thread for one purpose, not cleared: fresh megabytes cost more than what is done in them."""
    kept: dict[str, Floats] = _LOCAL.__dict__
    size = math.prod(shape)
    if name not in kept or kept[name].size < size:
        kept[name] = np.empty(size, np.float32)
    return kept[name][:size].reshape(shape)


@numba.njit(cache=True, nogil=True)
def _of(flat: Floats, row: Counts) -> Floats:
    return flat[row[0] : row[0] + row[1] * row[2]].reshape((row[1], row[2]))


@numba.njit(cache=True, nogil=True)
def _load(given: Floats, state: Bytes, values: Floats, spare: Floats, free: Floats, spans: Counts, row: Counts) -> None:
    rows, columns, channels = given.shape
    known, again, may = _of(values, row), _of(spare, row), _of(free, row)
    for y in range(rows):
        first, last = columns, -1
        for x in range(columns):
            if state[y, x] == OUTSIDE:
                continue
            at = (x + 1) * channels
            if state[y, x] == INSIDE:
                first, last = min(first, x), x
                for c in range(channels):
                    may[y + 1, at + c] = np.float32(1)
            else:
                for c in range(channels):
                    known[y + 1, at + c] = given[y, x, c]
        if last >= 0:
            spans[row[3] + y + 1, 0], spans[row[3] + y + 1, 1] = (first + 1) * channels, (last + 2) * channels
    _ghosts(known, channels)
    again[:] = known


@numba.njit(cache=True, nogil=True)
def _ghosts(values: Floats, channels: int) -> None:
    values[0], values[-1] = values[1], values[-2]
    for y in range(values.shape[0]):
        for c in range(channels):
            values[y, c] = values[y, channels + c]
            values[y, -1 - c] = values[y, -1 - c - channels]


@numba.njit(cache=True, nogil=True)
def _solve(
    values: Floats,
    spare: Floats,
    source: Floats,
    free: Floats,
    spans: Counts,
    table: Counts,
    cycles: int,
    channels: int,
) -> None:
    """From the coarsest level up: start from the level below, then cycle."""
    arrays = (values, spare, source, free, spans)
    coarsest = len(table) - 1
    for k in range(coarsest, -1, -1):
        if k < coarsest:
            _lift(arrays, table, k, channels)
            # What held values holds corrections from now on, which are zero where values are given.
            _of(values, table[k + 1]).fill(np.float32(0))
            _of(spare, table[k + 1]).fill(np.float32(0))
        for _ in range(cycles):
            for j in range(k, coarsest):
                _smooth(arrays, table, j, 1, channels)
                _residual(arrays, table, j, channels)
                _of(values, table[j + 1]).fill(np.float32(0))
            _smooth(arrays, table, coarsest, 16, channels)
            for j in range(coarsest - 1, k - 1, -1):
                _lift(arrays, table, j, channels)
                _smooth(arrays, table, j, 1, channels)


@numba.njit(cache=True, nogil=True)
def _smooth(
    arrays: tuple[Floats, Floats, Floats, Floats, Counts], table: Counts, k: int, times: int, channels: int
) -> None:
    """Two damped Jacobi steps, by the inverse roots of Chebyshev's polynomial of degree two on 0.5..2.

    That is what a coarser grid cannot see.
    """
    values, spare, source, free = (
        _of(arrays[0], table[k]),
        _of(arrays[1], table[k]),
        _of(arrays[2], table[k]),
        _of(arrays[3], table[k]),
    )
    spans = arrays[4][table[k, 3] : table[k, 3] + table[k, 1]]
    for _ in range(times):
        _relax(values, spare, source, free, spans, np.float32(1.3910), channels)
        _relax(spare, values, source, free, spans, np.float32(0.5618), channels)


@numba.njit(cache=True, nogil=True, fastmath=True)
def _relax(
    values: Floats, into: Floats, source: Floats, free: Floats, spans: Counts, weight: np.float32, channels: int
) -> None:
    """into = values + weight * free * (mean of neighbours - values + source)."""
    for y in range(1, values.shape[0] - 1):
        start, end = spans[y]
        if start < end:
            out, here = into[y, start:end], values[y, start:end]
            _left_over(values, source, free, y, start, end, channels, out)
            for x in range(here.size):
                out[x] = here[x] + weight * out[x]
    _ghosts(into, channels)


@numba.njit(cache=True, nogil=True, fastmath=True)
def _left_over(
    values: Floats, source: Floats, free: Floats, y: int, start: int, end: int, channels: int, out: Floats
) -> None:
    """A part of a row of the residual: free * (mean of neighbours - values + source)."""
    quarter = np.float32(0.25)
    # Slices, because the compiler vectorises only what it knows not to wrap around.
    left, right = values[y, start - channels : end - channels], values[y, start + channels : end + channels]
    above, below, here = values[y - 1, start:end], values[y + 1, start:end], values[y, start:end]
    add, may = source[y, start:end], free[y, start:end]
    for x in range(here.size):
        out[x] = may[x] * (quarter * (above[x] + below[x] + left[x] + right[x]) - here[x] + add[x])


@numba.njit(cache=True, nogil=True, fastmath=True)
def _residual(arrays: tuple[Floats, Floats, Floats, Floats, Counts], table: Counts, k: int, channels: int) -> None:
    """What the equation leaves over, summed over each two by two samples, as the coarser level's source."""
    values, source, free = _of(arrays[0], table[k]), _of(arrays[2], table[k]), _of(arrays[3], table[k])
    spans = arrays[4][table[k, 3] : table[k, 3] + table[k, 1]]
    into, may = _of(arrays[2], table[k + 1]), _of(arrays[3], table[k + 1])
    into.fill(np.float32(0))
    width = values.shape[1]
    row, pair = np.zeros(width, np.float32), np.zeros(width + 2 * channels, np.float32)
    for y in range(1, into.shape[0] - 1):
        pair.fill(np.float32(0))
        for line in range(2 * y - 1, min(2 * y + 1, values.shape[0] - 1)):
            start, end = spans[line]
            if start < end:
                _left_over(values, source, free, line, start, end, channels, row[start:end])
                part, total = row[start:end], pair[start:end]
                for x in range(part.size):
                    total[x] += part[x]
        _pairs(pair, may[y], into[y], channels)


@numba.njit(cache=True, nogil=True, fastmath=True)
def _pairs(pair: Floats, may: Floats, out: Floats, channels: int) -> None:
    """Sum samples two by two; the first of all is a ghost."""
    step = np.uint64(channels)
    for x in range(1, out.size // channels - 1):
        at, left = np.uint64(x) * step, np.uint64(2 * x - 1) * step
        for c in range(channels):
            k = np.uint64(c)
            out[at + k] = may[at + k] * (pair[left + k] + pair[left + step + k])


@numba.njit(cache=True, nogil=True, fastmath=True)
def _lift(arrays: tuple[Floats, Floats, Floats, Floats, Counts], table: Counts, k: int, channels: int) -> None:
    """Add the coarser level, interpolated between its samples' centres, where values are free."""
    coarse, into, free = _of(arrays[0], table[k + 1]), _of(arrays[0], table[k]), _of(arrays[3], table[k])
    spans = arrays[4][table[k, 3] : table[k, 3] + table[k, 1]]
    near, far = np.float32(0.75), np.float32(0.25)
    length = into.shape[1] + 2 * channels
    wide = np.empty((3, length), np.float32)
    for j in range(2):
        _widen(coarse[j], wide[(j + 1) % 3], channels)
    for y in range(1, coarse.shape[0] - 1):
        _widen(coarse[y + 1], wide[(y + 2) % 3], channels)
        for line in range(2 * y - 1, min(2 * y + 1, into.shape[0] - 1)):
            start, end = spans[line]
            if start < end:
                here = wide[(y + 1) % 3, start:end]
                beside = wide[y % 3 if line % 2 else (y + 2) % 3, start:end]
                out, may = into[line, start:end], free[line, start:end]
                for x in range(out.size):
                    out[x] += may[x] * (near * here[x] + far * beside[x])
    _ghosts(into, channels)


@numba.njit(cache=True, nogil=True, fastmath=True)
def _widen(row: Floats, wide: Floats, channels: int) -> None:
    """A coarse row at twice its samples."""
    near, far = np.float32(0.75), np.float32(0.25)
    step = np.uint64(channels)
    last = min(row.size // channels - 1, wide.size // (2 * channels))
    for x in range(1, last):
        at, left = np.uint64(x) * step, np.uint64(2 * x - 1) * step
        for c in range(channels):
            k = np.uint64(c)
            here = near * row[at + k]
            wide[left + k] = here + far * row[at - step + k]
            wide[left + step + k] = here + far * row[at + step + k]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def halve(values: Floats, weight: Floats, state: Bytes, into: Floats, weight_into: Floats, state_into: Bytes) -> None:
    """A coarse sample is free if all of its four are, and otherwise has the weighted mean of what is given in them.

    weight: (h, w), or empty where it follows from the state alone.
    """
    rows, columns, channels = values.shape
    first = weight.size == 0
    for y in range(into.shape[0]):
        top, low = 2 * y, min(2 * y + 1, rows - 1)
        for x in range(into.shape[1]):
            left, right = 2 * x, min(2 * x + 1, columns - 1)
            s = (state[top, left], state[top, right], state[low, left], state[low, right])
            least = min(s[0], s[1], s[2], s[3])
            weight_into[y, x] = np.float32(0)
            state_into[y, x] = least
            if least == INSIDE or max(s[0], s[1], s[2], s[3]) == OUTSIDE:
                continue
            total = np.float32(0)
            for c in range(channels):
                into[y, x, c] = np.float32(0)
            for j in range(4):
                v, u = (top if j < 2 else low), (right if j % 2 else left)
                if s[j] == OUTSIDE or s[j] == INSIDE:
                    continue
                much = (np.float32(1) if s[j] == RIM else _OVER_A_CORNER) if first else weight[v, u]
                total += much
                for c in range(channels):
                    into[y, x, c] += much * values[v, u, c]
            weight_into[y, x], state_into[y, x] = total, RIM if total > 0 else OUTSIDE
            if total > 0:
                for c in range(channels):
                    into[y, x, c] /= total


@numba.njit(cache=True, nogil=True)
def seat(values: Floats, state: Bytes, deep: Bytes, fine: Floats) -> None:
    """Put what is given into `fine`, and relax what is sought and not `deep`, there and back, by Gauss and Seidel.

    fine: (h, w, channels) or larger.
    """
    rows, columns, channels = values.shape
    count = 0
    for y in range(rows):
        for x in range(columns):
            count += state[y, x] == INSIDE and not deep[y, x]
    spots = np.empty((count, 2), np.int32)
    at = 0
    for y in range(rows):
        for x in range(columns):
            if deep[y, x] or state[y, x] == OUTSIDE:
                continue
            if state[y, x] == INSIDE:
                spots[at, 0], spots[at, 1] = y, x
                at += 1
            else:
                for c in range(channels):
                    fine[y, x, c] = values[y, x, c]
    quarter = np.float32(0.25)
    for turn in range(2 * count):
        y, x = spots[turn if turn < count else 2 * count - 1 - turn]
        left, right, above, below = max(x - 1, 0), min(x + 1, columns - 1), max(y - 1, 0), min(y + 1, rows - 1)
        for c in range(channels):
            fine[y, x, c] = quarter * (fine[y, left, c] + fine[y, right, c] + fine[above, x, c] + fine[below, x, c])


@numba.njit(cache=True, nogil=True)
def fill(solved: Floats, state: Bytes, into: Floats) -> None:
    """Copy what was sought, run by run."""
    for y in range(state.shape[0]):
        x = 0
        while x < state.shape[1]:
            first = x
            while x < state.shape[1] and state[y, x]:
                x += 1
            here, there = solved[y, first:x], into[y, first:x]
            for i in range(here.shape[0]):
                for c in range(here.shape[1]):
                    there[i, c] = here[i, c]
            x += 1
