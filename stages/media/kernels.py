"""Pixel kernels between native codes and R'G'B', compiled once for 8 and once for 16 bits a sample, and cached.

`planes` are whole component planes whose rows are contiguous, `origin` the luma x, y of a box in them (on the chroma
grid for what writes), `chroma` the log2 of the luma samples a chroma sample spans across and down, `k` the constants of
`constants()`. Rows pass through small buffers, so that the inner loops are straight and vectorised.
"""

# mypy: disable-error-code="untyped-decorator"
from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from stages.media.colour import Coding

Floats = NDArray[np.float32]
Plane = NDArray[Any]
Planes = tuple[Plane, Plane, Plane]
Pair = tuple[int, int]
Change = tuple[Floats, Floats, Floats]  # before, after, mask
_F = np.float32


def constants(coding: Coding) -> Floats:
    """float32 (15,): what the kernels need of a `Coding`.

    0 code of black, 1 R'G'B' a luma code, 2 code of no colour, 3 and 4 R and B a Cr and Cb code, 5 and 6 (minus) G a Cr
    and Cb code, 7 luma codes a unit, 8 and 9 Cr and Cb codes a unit of R - Y and B - Y, 10 and 11 lowest and highest
    code, 12 to 14 luma weights (H.273 equations 38 to 40).
    """
    kr, kb = coding.kr, coding.kb
    kg = 1.0 - kr - kb
    red, blue = 2 * (1 - kr) / coding.c_span, 2 * (1 - kb) / coding.c_span
    black = [coding.y_zero, 1 / coding.y_span, coding.c_zero, red, blue, red * kr / kg, blue * kb / kg]
    back = [coding.y_span, 1 / red, 1 / blue, coding.low, coding.high, kr, kg, kb]
    return np.array(black + back, np.float32)


@numba.njit(cache=True, nogil=True, fastmath=True)
def yuv_to_rgb(planes: Planes, origin: Pair, chroma: Pair, k: Floats, out: Floats) -> None:
    """Fill out (h, w, 3) with R'G'B'; each chroma sample is repeated over its block."""
    y, u, v = planes
    h, w = out.shape[0], out.shape[1]
    cb, cr = np.empty(w, _F), np.empty(w, _F)
    k0, k1, k3, k4, k5, k6 = k[0], k[1], k[3], k[4], k[5], k[6]
    for i in range(h):
        _spread(u, v, origin, chroma, i, k[2], cb, cr)
        row, target = y[origin[1] + i, origin[0] : origin[0] + w], out[i]
        for j in range(w):
            luma = (_F(row[j]) - k0) * k1
            target[j, 0] = luma + k3 * cr[j]
            target[j, 1] = luma - k6 * cb[j] - k5 * cr[j]
            target[j, 2] = luma + k4 * cb[j]


@numba.njit(cache=True, nogil=True, fastmath=True)
def yuv_to_rgb8(planes: Planes, origin: Pair, chroma: Pair, k: Floats, out: Plane) -> None:
    """Fill out (3, h, w) with R, G and B planes of rounded, clipped 8-bit values."""
    y, u, v = planes
    h, w = out.shape[1], out.shape[2]
    cb, cr = np.empty(w, _F), np.empty(w, _F)
    top, half = _F(255), _F(0.5)
    k0, k1, k3, k4, k5, k6 = k[0], k[1] * top, k[3] * top, k[4] * top, k[5] * top, k[6] * top
    for i in range(h):
        _spread(u, v, origin, chroma, i, k[2], cb, cr)
        row = y[origin[1] + i, origin[0] : origin[0] + w]
        red, green, blue = out[0, i], out[1, i], out[2, i]
        for j in range(w):  # a loop for each: one that writes all three is not vectorised
            red[j] = _byte((_F(row[j]) - k0) * k1 + half + k3 * cr[j])
        for j in range(w):
            green[j] = _byte((_F(row[j]) - k0) * k1 + half - k6 * cb[j] - k5 * cr[j])
        for j in range(w):
            blue[j] = _byte((_F(row[j]) - k0) * k1 + half + k4 * cb[j])


@numba.njit(cache=True, nogil=True, fastmath=True)
def _byte(value: Any) -> Any:
    return np.int32(min(max(value, _F(0)), _F(255)))


@numba.njit(cache=True, nogil=True, fastmath=True)
def _spread(u: Plane, v: Plane, origin: Pair, chroma: Pair, i: int, zero: float, cb: Floats, cr: Floats) -> None:
    """Signed chroma codes of luma row i; kept from the row above inside a block."""
    row = (origin[1] + i) >> chroma[1]
    if i and row == (origin[1] + i - 1) >> chroma[1]:
        return
    _stretch(u[row], origin[0], chroma[0], zero, cb)
    _stretch(v[row], origin[0], chroma[0], zero, cr)


@numba.njit(cache=True, nogil=True, fastmath=True)
def _stretch(codes: Plane, left: int, shift: int, zero: float, out: Floats) -> None:
    """Each code less `zero`, repeated over 1 << shift samples, from luma column `left` on."""
    n = len(out)
    if shift == 0:  # slices: an index that might be negative is not vectorised
        row = codes[left : left + n]
        for j in range(n):
            out[j] = _F(row[j]) - zero
        return
    if shift == 1:
        odd = left & 1
        pairs = (n - odd) >> 1
        row, body = codes[(left + odd) >> 1 :], out[odd : odd + 2 * pairs]
        for c in range(pairs):
            body[2 * c] = body[2 * c + 1] = _F(row[c]) - zero
        for j in (0, n - 1):  # half a block at either end
            out[j] = _F(codes[(left + j) >> 1]) - zero
        return
    for j in range(n):
        out[j] = _F(codes[(left + j) >> shift]) - zero


@numba.njit(cache=True, nogil=True, fastmath=True)
def add_yuv(planes: Planes, origin: Pair, chroma: Pair, change: Change, k: Floats) -> None:
    """Add mask * (after - before) in codes; a chroma sample gets the mean over the luma samples of its block."""
    y, u, v = planes
    before, after, mask = change
    h, w = mask.shape
    luma, cb, cr = np.empty(w, _F), np.zeros(w, _F), np.zeros(w, _F)
    kr, kg, kb = k[12], k[13], k[14]
    for i in range(h):
        b, a, m = before[i], after[i], mask[i]
        for j in range(w):
            red, green, blue = m[j] * (a[j, 0] - b[j, 0]), m[j] * (a[j, 1] - b[j, 1]), m[j] * (a[j, 2] - b[j, 2])
            grey = kr * red + kg * green + kb * blue
            luma[j] = grey
            cb[j] += blue - grey
            cr[j] += red - grey
        add_row(y[origin[1] + i, origin[0] : origin[0] + w], luma, k[7], k[10], k[11])
        below = (i + 1) & ((1 << chroma[1]) - 1)
        if below == 0 or i == h - 1:
            rows = below if below else 1 << chroma[1]
            at = (origin[1] + i) >> chroma[1]
            fold(cb, chroma[0], rows)
            fold(cr, chroma[0], rows)
            columns = (w + (1 << chroma[0]) - 1) >> chroma[0]
            left = origin[0] >> chroma[0]
            add_row(u[at, left : left + columns], cb, k[9], k[10], k[11])
            add_row(v[at, left : left + columns], cr, k[8], k[10], k[11])
            cb[:], cr[:] = 0, 0


@numba.njit(cache=True, nogil=True, fastmath=True)
def add_channel(plane: Plane, origin: Pair, weights: Floats, change: Change, k: Floats) -> None:
    """Add mask * weights . (after - before) to one plane: one of R, G, B, or gray."""
    before, after, mask = change
    h, w = mask.shape
    step = np.empty(w, _F)
    red, green, blue = weights[0], weights[1], weights[2]
    for i in range(h):
        b, a, m = before[i], after[i], mask[i]
        for j in range(w):
            step[j] = m[j] * (red * (a[j, 0] - b[j, 0]) + green * (a[j, 1] - b[j, 1]) + blue * (a[j, 2] - b[j, 2]))
        add_row(plane[origin[1] + i, origin[0] : origin[0] + w], step, k[7], k[10], k[11])


@numba.njit(cache=True, nogil=True, fastmath=True)
def fold(sums: Floats, across: int, rows: int) -> None:
    """Sums over a block's rows, one a luma column -> means over blocks, in the first places."""
    width = len(sums)
    if across == 0:
        for j in range(width):
            sums[j] /= _F(rows)
        return
    if across == 1 and width % 2 == 0:  # nearly always
        share = _F(0.5) / _F(rows)
        for c in range(width >> 1):
            sums[c] = (sums[2 * c] + sums[2 * c + 1]) * share
        return
    for c in range((width + (1 << across) - 1) >> across):
        first, last = c << across, min((c + 1) << across, width)
        total = _F(0)
        for j in range(first, last):
            total += sums[j]
        sums[c] = total / _F(rows * (last - first))


@numba.njit(cache=True, nogil=True, fastmath=True)
def add_row(row: Plane, step: Floats, scale: float, low: float, high: float) -> None:
    """Add rounded steps to a row of codes; a step of no code leaves even a code beyond the legal ones alone."""
    for j in range(len(row)):
        change, old = np.rint(step[j] * scale), _F(row[j])
        row[j] = np.int32(min(max(old + change, low), high) if change != _F(0) else old)
