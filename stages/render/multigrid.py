"""Kernels and storage of the multigrid solver in stages.render.membrane.

A level's arrays are (rows + 2, (columns + 2) * CHANNELS), channels side by side, with a rim of ghosts that repeats the
outermost samples: the array's own border is no boundary, nothing is known there and the surface runs out level. The
levels lie one after another in flat arrays, so that a whole solve is one call.
"""

# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numba
import numpy as np
from numpy.typing import NDArray

from stages.packets import Floats

Counts = NDArray[np.int64]
Bytes = NDArray[np.uint8]

OUTSIDE, CORNER, RIM, INSIDE = range(4)
"""What a sample is: of no account, given but next to what is sought over a corner only, given, sought."""

CHANNELS: Final = 3
"""A constant to the compiler, without which it does not vectorise what goes by samples."""
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

    @classmethod
    def of(cls, grids: Sequence[tuple[Floats, Bytes]]) -> Levels:
        """grids: values (rows, columns, CHANNELS) where given, and what each sample is, (rows, columns)."""
        sizes = [(state.shape[0] + 2, (state.shape[1] + 2) * CHANNELS) for _, state in grids]
        starts = np.cumsum([0, *(rows * width for rows, width in sizes)])
        lines = np.cumsum([0, *(rows for rows, _ in sizes)])
        table = np.array([(s, *size, line) for s, size, line in zip(starts, sizes, lines, strict=False)], np.int64)
        flat, spans = scratch("levels", (4, int(starts[-1]))), np.zeros((int(lines[-1]), 2), np.int64)
        flat.fill(0)
        levels = cls(flat[0], flat[1], flat[2], flat[3], spans, table)
        for k, (given, state) in enumerate(grids):
            _load(given, state, levels.values, levels.spare, levels.free, spans, table[k])
        return levels

    def solve(self, cycles: int) -> Floats:
        """(rows, columns, CHANNELS) of the finest level, after so many V-cycles on every level.

        Lies in memory that the thread's next `Levels` will use.
        """
        _solve(self.values, self.spare, self.source, self.free, self.spans, self.table, cycles)
        _, rows, width, _ = self.table[0]
        whole = self.values[: rows * width].reshape(rows, width)
        return whole[1:-1, CHANNELS:-CHANNELS].reshape(rows - 2, -1, CHANNELS)


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
    rows, columns = state.shape
    known, again, may = _of(values, row), _of(spare, row), _of(free, row)
    for y in range(rows):
        first, last = columns, -1
        for x in range(columns):
            if state[y, x] == OUTSIDE:
                continue
            at = (x + 1) * CHANNELS
            if state[y, x] == INSIDE:
                first, last = min(first, x), x
                for c in range(CHANNELS):
                    may[y + 1, at + c] = np.float32(1)
            else:
                for c in range(CHANNELS):
                    known[y + 1, at + c] = given[y, x, c]
        if last >= 0:
            spans[row[3] + y + 1, 0], spans[row[3] + y + 1, 1] = (first + 1) * CHANNELS, (last + 2) * CHANNELS
    _ghosts(known)
    again[:] = known


@numba.njit(cache=True, nogil=True)
def _ghosts(values: Floats) -> None:
    values[0], values[-1] = values[1], values[-2]
    for y in range(values.shape[0]):
        for c in range(CHANNELS):
            values[y, c] = values[y, CHANNELS + c]
            values[y, -1 - c] = values[y, -1 - c - CHANNELS]


@numba.njit(cache=True, nogil=True)
def _solve(
    values: Floats,
    spare: Floats,
    source: Floats,
    free: Floats,
    spans: Counts,
    table: Counts,
    cycles: int,
) -> None:
    """From the coarsest level up: start from the level below, then cycle."""
    arrays = (values, spare, source, free, spans)
    coarsest = len(table) - 1
    for k in range(coarsest, -1, -1):
        if k < coarsest:
            _lift(arrays, table, k)
            # What held values holds corrections from now on, which are zero where values are given.
            _of(values, table[k + 1]).fill(np.float32(0))
            _of(spare, table[k + 1]).fill(np.float32(0))
        for _ in range(cycles):
            for j in range(k, coarsest):
                _smooth(arrays, table, j, 1)
                _residual(arrays, table, j)
                _of(values, table[j + 1]).fill(np.float32(0))
            _smooth(arrays, table, coarsest, 4)
            for j in range(coarsest - 1, k - 1, -1):
                _lift(arrays, table, j)
                _smooth(arrays, table, j, 1)


@numba.njit(cache=True, nogil=True)
def _smooth(arrays: tuple[Floats, Floats, Floats, Floats, Counts], table: Counts, k: int, times: int) -> None:
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
        _relax(values, spare, source, free, spans, np.float32(1.3910))
        _relax(spare, values, source, free, spans, np.float32(0.5618))


@numba.njit(cache=True, nogil=True, fastmath=True)
def _relax(values: Floats, into: Floats, source: Floats, free: Floats, spans: Counts, weight: np.float32) -> None:
    """into = values + weight * free * (mean of neighbours - values + source)."""
    for y in range(1, values.shape[0] - 1):
        start, end = spans[y]
        if start < end:
            out, here = into[y, start:end], values[y, start:end]
            _left_over(values, source, free, y, start, end, out)
            for x in range(here.size):
                out[x] = here[x] + weight * out[x]
    _ghosts(into)


@numba.njit(cache=True, nogil=True, fastmath=True)
def _left_over(values: Floats, source: Floats, free: Floats, y: int, start: int, end: int, out: Floats) -> None:
    """A part of a row of the residual: free * (mean of neighbours - values + source)."""
    quarter = np.float32(0.25)
    # Slices, because the compiler vectorises only what it knows not to wrap around.
    left, right = values[y, start - CHANNELS : end - CHANNELS], values[y, start + CHANNELS : end + CHANNELS]
    above, below, here = values[y - 1, start:end], values[y + 1, start:end], values[y, start:end]
    add, may = source[y, start:end], free[y, start:end]
    for x in range(here.size):
        out[x] = may[x] * (quarter * (above[x] + below[x] + left[x] + right[x]) - here[x] + add[x])


@numba.njit(cache=True, nogil=True, fastmath=True)
def _residual(arrays: tuple[Floats, Floats, Floats, Floats, Counts], table: Counts, k: int) -> None:
    """What the equation leaves over, summed over each two by two samples, as the coarser level's source."""
    values, source, free = _of(arrays[0], table[k]), _of(arrays[2], table[k]), _of(arrays[3], table[k])
    spans = arrays[4][table[k, 3] : table[k, 3] + table[k, 1]]
    into, may = _of(arrays[2], table[k + 1]), _of(arrays[3], table[k + 1])
    into.fill(np.float32(0))
    width = values.shape[1]
    row, pair = np.zeros(width, np.float32), np.zeros(width + 2 * CHANNELS, np.float32)
    for y in range(1, into.shape[0] - 1):
        pair.fill(np.float32(0))
        for line in range(2 * y - 1, min(2 * y + 1, values.shape[0] - 1)):
            start, end = spans[line]
            if start < end:
                _left_over(values, source, free, line, start, end, row[start:end])
                part, total = row[start:end], pair[start:end]
                for x in range(part.size):
                    total[x] += part[x]
        _pairs(pair, may[y], into[y])


@numba.njit(cache=True, nogil=True, fastmath=True)
def _pairs(pair: Floats, may: Floats, out: Floats) -> None:
    """Sum samples two by two; the first of all is a ghost."""
    left, right, sums, free = pair[CHANNELS:], pair[2 * CHANNELS :], out[CHANNELS:], may[CHANNELS:]
    for x in range(out.size // CHANNELS - 2):
        for c in range(CHANNELS):
            at, twice = CHANNELS * x + c, 2 * CHANNELS * x + c
            sums[at] = free[at] * (left[twice] + right[twice])


@numba.njit(cache=True, nogil=True, fastmath=True)
def _lift(arrays: tuple[Floats, Floats, Floats, Floats, Counts], table: Counts, k: int) -> None:
    """Add the coarser level, interpolated between its samples' centres, where values are free."""
    coarse, into, free = _of(arrays[0], table[k + 1]), _of(arrays[0], table[k]), _of(arrays[3], table[k])
    spans = arrays[4][table[k, 3] : table[k, 3] + table[k, 1]]
    near, far = np.float32(0.75), np.float32(0.25)
    length = into.shape[1] + 2 * CHANNELS
    wide = np.empty((3, length), np.float32)
    for j in range(2):
        _widen(coarse[j], wide[(j + 1) % 3])
    for y in range(1, coarse.shape[0] - 1):
        _widen(coarse[y + 1], wide[(y + 2) % 3])
        for line in range(2 * y - 1, min(2 * y + 1, into.shape[0] - 1)):
            start, end = spans[line]
            if start < end:
                here = wide[(y + 1) % 3, start:end]
                beside = wide[y % 3 if line % 2 else (y + 2) % 3, start:end]
                out, may = into[line, start:end], free[line, start:end]
                for x in range(out.size):
                    out[x] += may[x] * (near * here[x] + far * beside[x])
    _ghosts(into)


@numba.njit(cache=True, nogil=True, fastmath=True)
def _widen(row: Floats, wide: Floats) -> None:
    """A coarse row at twice its samples; the first of either is a ghost."""
    near, far = np.float32(0.75), np.float32(0.25)
    middle, right = row[CHANNELS:], row[2 * CHANNELS :]
    even, odd = wide[CHANNELS:], wide[2 * CHANNELS :]
    for x in range(min(row.size // CHANNELS - 1, wide.size // (2 * CHANNELS)) - 1):
        for c in range(CHANNELS):
            at, twice = CHANNELS * x + c, 2 * CHANNELS * x + c
            here = near * middle[at]
            even[twice] = here + far * row[at]
            odd[twice] = here + far * right[at]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def halve(
    values: Floats, weight: Floats, state: Bytes, y0: int, x0: int, into: Floats, weight_into: Floats, state_into: Bytes
) -> None:
    """A coarse sample is free if all of its four are, and otherwise has the weighted mean of what is given in them.

    values: what is given; `state`'s first sample is that at `y0`, `x0`. weight: as large as `state`, or empty where it
    follows from the state alone.
    """
    rows, columns = state.shape
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
            for c in range(CHANNELS):
                into[y, x, c] = np.float32(0)
            for j in range(4):
                v, u = (top if j < 2 else low), (right if j % 2 else left)
                if s[j] == OUTSIDE or s[j] == INSIDE:
                    continue
                much = (np.float32(1) if s[j] == RIM else _OVER_A_CORNER) if first else weight[v, u]
                total += much
                for c in range(CHANNELS):
                    into[y, x, c] += much * values[y0 + v, x0 + u, c]
            weight_into[y, x], state_into[y, x] = total, RIM if total > 0 else OUTSIDE
            if total > 0:
                for c in range(CHANNELS):
                    into[y, x, c] /= total


@numba.njit(cache=True, nogil=True)
def seat(values: Floats, state: Bytes, into: Floats) -> None:
    """Put what is given into a solution, (rows, columns, CHANNELS) or larger."""
    for y in range(state.shape[0]):
        for x in range(state.shape[1]):
            if state[y, x] == RIM or state[y, x] == CORNER:
                for c in range(CHANNELS):
                    into[y, x, c] = values[y, x, c]


@numba.njit(cache=True, nogil=True)
def fill(solved: Floats, state: Bytes, y0: int, x0: int, into: Floats) -> None:
    """Copy what is sought, run by run. solved: (rows, columns * CHANNELS) or larger.

    into: (h, w * CHANNELS), in which `state`'s first sample is that at `y0`, `x0`.
    """
    columns = state.shape[1]
    for y in range(state.shape[0]):
        x = 0
        while x < columns:
            while x < columns and state[y, x] != INSIDE:
                x += 1
            first = x
            while x < columns and state[y, x] == INSIDE:
                x += 1
            there, here = into[y0 + y, (x0 + first) * CHANNELS :], solved[y, first * CHANNELS : x * CHANNELS]
            for k in range(here.size):
                there[k] = here[k]


@numba.njit(cache=True, nogil=True)
def settle(state: Bytes, deep: Bytes, y0: int, x0: int, into: Floats) -> None:
    """Relax what is sought and not `deep`, there and back, by Gauss and Seidel. into: (h, w, CHANNELS), in which
    `state`'s first sample is that at `y0`, `x0`.
    """
    rows, columns = state.shape
    count = 0
    for y in range(rows):
        for x in range(columns):
            count += state[y, x] == INSIDE and not deep[y, x]
    spots = np.empty((count, 2), np.int32)
    at = 0
    for y in range(rows):
        for x in range(columns):
            if state[y, x] == INSIDE and not deep[y, x]:
                spots[at, 0], spots[at, 1] = y, x
                at += 1
    quarter = np.float32(0.25)
    for turn in range(2 * count):
        y, x = spots[turn if turn < count else 2 * count - 1 - turn]
        left, right, above, below = max(x - 1, 0), min(x + 1, columns - 1), max(y - 1, 0), min(y + 1, rows - 1)
        for c in range(CHANNELS):
            beside = into[y0 + y, x0 + left, c] + into[y0 + y, x0 + right, c]
            into[y0 + y, x0 + x, c] = quarter * (beside + into[y0 + above, x0 + x, c] + into[y0 + below, x0 + x, c])
