"""Any change of colour as a cube of differences, laid over a picture by trilinear interpolation.

Only the difference is interpolated: a map that changes nothing changes no bit, and beyond 0..1 the picture keeps its
own steps, with the difference of the nearest colour of the cube.
"""

# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

from functools import cache
from typing import Final

import numba
import numpy as np

from stages.packets import Floats

SIDE: Final = 17
"""Nodes a side. A map that is smooth in Oklab is met within .0003 of nominal 0..1."""


@cache
def nodes() -> Floats:
    """(SIDE**3, 3) R'G'B' of the nodes, blue fastest."""
    steps = np.linspace(0, 1, SIDE, dtype=np.float32)
    made: Floats = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), -1).reshape(-1, 3)
    made.setflags(write=False)
    return made


@numba.njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def apply(picture: Floats, change: Floats, weight: Floats, out: Floats) -> None:
    """out = picture + weight * change there. picture, out: (h, w, 3). change: (SIDE**3, 3). weight: (h, w) 0..1."""
    top, one, flat = np.float32(SIDE - 1), np.float32(1), change.ravel()
    # Indices without a sign spare the compiler the question whether they count from the end.
    blue, green, red = np.uint32(3), np.uint32(3 * SIDE), np.uint32(3 * SIDE * SIDE)
    last = np.float32(SIDE - 2)
    for y in range(picture.shape[0]):
        for x in range(picture.shape[1]):
            much = weight[y, x]
            r, g, b = picture[y, x, 0], picture[y, x, 1], picture[y, x, 2]
            if much == 0:
                out[y, x, 0], out[y, x, 1], out[y, x, 2] = r, g, b
                continue
            u, v, w = _held(r * top, top), _held(g * top, top), _held(b * top, top)
            i, j, k = np.uint32(min(u, last)), np.uint32(min(v, last)), np.uint32(min(w, last))
            u, v, w = u - np.float32(i), v - np.float32(j), w - np.float32(k)
            at = i * red + j * green + k * blue
            for c in range(3):
                p = at + np.uint32(c)
                near = flat[p] + w * (flat[p + blue] - flat[p])
                q = p + green
                over = flat[q] + w * (flat[q + blue] - flat[q])
                q = p + red
                far = flat[q] + w * (flat[q + blue] - flat[q])
                q += green
                corner = flat[q] + w * (flat[q + blue] - flat[q])
                low, high = near + v * (over - near), far + v * (corner - far)
                out[y, x, c] = picture[y, x, c] + much * (low * (one - u) + high * u)


@numba.njit(cache=True, nogil=True)
def _held(value: np.float32, top: np.float32) -> np.float32:
    return min(max(value, np.float32(0)), top)
