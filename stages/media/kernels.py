"""Pixel kernels between native codes and R'G'B', compiled once and cached.

Every kernel takes whole component planes (rows contiguous) and the luma origin of a box, and works on planes with
chroma subsampled by 2**sx across and 2**sy down. `k` is a row of constants made by `constants()`.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from stages.media.colour import Coding

Floats = NDArray[np.float32]
Plane = NDArray[Any]


def constants(coding: Coding) -> Floats:
    """float32 (12,): what the kernels need of a `Coding`, ready to multiply codes with."""
    kr, kb = coding.kr, coding.kb
    kg = 1.0 - kr - kb
    to_c = 1.0 / coding.c_span
    return np.array(
        [
            coding.y_zero,
            1.0 / coding.y_span,
            coding.c_zero,
            2 * (1 - kr) * to_c,
            2 * (1 - kb) * to_c,
            2 * kr * (1 - kr) / kg * to_c,
            2 * kb * (1 - kb) / kg * to_c,
            coding.y_span,
            coding.c_span / (2 * (1 - kr)),
            coding.c_span / (2 * (1 - kb)),
            coding.low,
            coding.high,
            kr,
            kg,
            kb,
        ],
        np.float32,
    )


@numba.njit(cache=True, nogil=True, fastmath=True)
def yuv_to_rgb(y: Plane, u: Plane, v: Plane, x0: int, y0: int, sx: int, sy: int, k: Floats, out: Floats) -> None:
    """Fill out (h, w, 3) with R'G'B' of the box at x0, y0; chroma is repeated over its block."""
    h, w = out.shape[0], out.shape[1]
    for i in range(h):
        row, crow = y[y0 + i], (y0 + i) >> sy
        urow, vrow = u[crow], v[crow]
        for j in range(w):
            c = (x0 + j) >> sx
            luma = (np.float32(row[x0 + j]) - k[0]) * k[1]
            cb, cr = np.float32(urow[c]) - k[2], np.float32(vrow[c]) - k[2]
            out[i, j, 0] = luma + k[3] * cr
            out[i, j, 1] = luma - k[6] * cb - k[5] * cr
            out[i, j, 2] = luma + k[4] * cb


@numba.njit(cache=True, nogil=True, fastmath=True)
def yuv_to_rgb8(y: Plane, u: Plane, v: Plane, x0: int, y0: int, sx: int, sy: int, k: Floats, out: Plane) -> None:
    """Like `yuv_to_rgb`, as rounded and clipped 8-bit values."""
    h, w = out.shape[0], out.shape[1]
    for i in range(h):
        row, crow = y[y0 + i], (y0 + i) >> sy
        urow, vrow = u[crow], v[crow]
        for j in range(w):
            c = (x0 + j) >> sx
            luma = (np.float32(row[x0 + j]) - k[0]) * k[1]
            cb, cr = np.float32(urow[c]) - k[2], np.float32(vrow[c]) - k[2]
            out[i, j, 0] = _byte(luma + k[3] * cr)
            out[i, j, 1] = _byte(luma - k[6] * cb - k[5] * cr)
            out[i, j, 2] = _byte(luma + k[4] * cb)


@numba.njit(inline="always")
def _byte(value: float) -> int:
    return np.uint8(min(max(value * np.float32(255) + np.float32(0.5), np.float32(0)), np.float32(255)))


@numba.njit(cache=True, nogil=True)
def add_luma(y: Plane, x0: int, y0: int, before: Floats, after: Floats, mask: Floats, k: Floats) -> None:
    """Add mask * luma(after - before), rounded, to the luma (or gray) plane; a difference of no code changes nothing."""
    h, w = mask.shape
    for i in range(h):
        row = y[y0 + i]
        for j in range(w):
            red = after[i, j, 0] - before[i, j, 0]
            green = after[i, j, 1] - before[i, j, 1]
            blue = after[i, j, 2] - before[i, j, 2]
            step = np.rint(mask[i, j] * k[7] * (k[12] * red + k[13] * green + k[14] * blue))
            if step != 0:
                row[x0 + j] = _clip(row[x0 + j], step, k)


@numba.njit(cache=True, nogil=True)
def add_chroma(
    u: Plane, v: Plane, x0: int, y0: int, sx: int, sy: int, before: Floats, after: Floats, mask: Floats, k: Floats
) -> None:
    """Add to each chroma sample the mean of mask * chroma(after - before) over the luma samples of its block."""
    h, w = mask.shape
    across, down = 1 << sx, 1 << sy
    for ci in range((h + down - 1) >> sy):
        rows = min(down, h - (ci << sy))
        for cj in range((w + across - 1) >> sx):
            columns = min(across, w - (cj << sx))
            cb = cr = np.float32(0)
            for i in range(ci << sy, (ci << sy) + rows):
                for j in range(cj << sx, (cj << sx) + columns):
                    red = mask[i, j] * (after[i, j, 0] - before[i, j, 0])
                    green = mask[i, j] * (after[i, j, 1] - before[i, j, 1])
                    blue = mask[i, j] * (after[i, j, 2] - before[i, j, 2])
                    luma = k[12] * red + k[13] * green + k[14] * blue
                    cb += blue - luma
                    cr += red - luma
            share = np.float32(1) / np.float32(rows * columns)
            row, column = (y0 >> sy) + ci, (x0 >> sx) + cj
            step = np.rint(cb * share * k[9])
            if step != 0:
                u[row, column] = _clip(u[row, column], step, k)
            step = np.rint(cr * share * k[8])
            if step != 0:
                v[row, column] = _clip(v[row, column], step, k)


@numba.njit(cache=True, nogil=True)
def add_channel(
    plane: Plane, x0: int, y0: int, channel: int, before: Floats, after: Floats, mask: Floats, k: Floats
) -> None:
    """Add mask * (after - before) of one of R, G, B to its plane."""
    h, w = mask.shape
    for i in range(h):
        row = plane[y0 + i]
        for j in range(w):
            step = np.rint(mask[i, j] * k[7] * (after[i, j, channel] - before[i, j, channel]))
            if step != 0:
                row[x0 + j] = _clip(row[x0 + j], step, k)


@numba.njit(inline="always")
def _clip(code: int, step: float, k: Floats) -> float:
    return min(max(np.float32(code) + step, k[10]), k[11])
