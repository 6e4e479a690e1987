"""Rasterise a deformed triangle mesh to a dense backward map.

Every vertex has a place in the output and an attribute row: how far away its pixel lies in the source (dx, dy) and how
much it belongs to the edit (mask). The rasteriser writes the affine interpolation of those rows. What is written is a
displacement, not a coordinate, so that a mesh at rest gives exact zeros whatever the rounding.

Triangles own the sample points inside them, left and top edges included, right and bottom ones not, and two triangles
compute a shared edge from the same two points in the same order: no sample is missed and none is written by both.
Where the mesh overlaps itself the triangles are painted far to near; those that show their back are left out.
"""

# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

from typing import Final

import cv2
import numba
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Indices = NDArray[np.int32]
_F: Final = np.float32

CHANNELS: Final = 3
"""dx, dy, mask."""


def rasterise(
    triangles: Indices, points: Floats, rows: Floats, shape: tuple[int, int], step: int = 1
) -> tuple[Floats, Floats, Floats]:
    """Interpolate `rows` over the mesh.

    triangles: (T, 3) in painting order, clockwise on screen (x right, y down). points: (N, 2) pixel coordinates, the
    centre of the first pixel at 0, 0. rows: (N, 3) dx, dy in pixels and mask 0..1. shape: rows and columns of the
    result. step: 1, or 2 to evaluate every other pixel and interpolate between (a quarter of the work).

    Returns dx, dy and mask, each float32 of `shape`; zero where there is no triangle.
    """
    height, width = shape
    coarse = painted(triangles, points, rows, shape, step)
    if step == 1:
        return coarse[0], coarse[1], coarse[2]
    full = [cv2.resize(channel, None, fx=step, fy=step, interpolation=cv2.INTER_LINEAR) for channel in coarse]
    dx, dy, mask = (channel[:height, :width] for channel in full)
    return dx, dy, mask


def painted(triangles: Indices, points: Floats, rows: Floats, shape: tuple[int, int], step: int) -> Floats:
    """(CHANNELS, ceil(rows / step), ceil(columns / step)): `rasterise` before anything is interpolated."""
    coarse = np.zeros((CHANNELS, -(-shape[0] // step), -(-shape[1] // step)), np.float32)
    # A coarse sample sits in the middle of the pixels that it stands for, as cv2.resize assumes.
    placed = (points.astype(np.float64) - (step - 1) / 2) / step
    _paint(triangles, np.concatenate([placed, rows], 1), coarse)
    return coarse


def facing(triangles: Indices, points: Floats) -> Floats:
    """Twice the signed area of each triangle in square pixels, (T,); positive when it shows its front."""
    a, b, c = (points[triangles[:, k]] for k in range(3))
    area: Floats = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    return area


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _paint(triangles: Indices, vertices: Doubles, out: Floats) -> None:
    """vertices: (N, 2 + CHANNELS) place and row of each."""
    slope = np.empty((CHANNELS, 4))  # d/dx, d/dy, least, greatest
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ux, uy = vertices[b, 0] - vertices[a, 0], vertices[b, 1] - vertices[a, 1]
        vx, vy = vertices[c, 0] - vertices[a, 0], vertices[c, 1] - vertices[a, 1]
        area = ux * vy - uy * vx
        if area <= 1e-9:
            continue
        for k in range(CHANNELS):
            here, one, two = vertices[a, 2 + k], vertices[b, 2 + k], vertices[c, 2 + k]
            slope[k, 0] = ((one - here) * vy - (two - here) * uy) / area
            slope[k, 1] = ((two - here) * ux - (one - here) * vx) / area
            slope[k, 2] = min(here, one, two)
            slope[k, 3] = max(here, one, two)
        _fill(_by_height(a, b, c, vertices), vertices, slope, out)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _fill(corners: tuple[int, int, int], vertices: Doubles, slope: Doubles, out: Floats) -> None:
    top, mid, low = corners
    height, width = out.shape[1], out.shape[2]
    first = max(0, int(np.ceil(vertices[top, 1])))
    last = min(height, int(np.ceil(vertices[low, 1])))
    long_run, upper_run, lower_run = _run(vertices, top, low), _run(vertices, top, mid), _run(vertices, mid, low)
    # A sliver's slopes are steep and rounded: its values are held between those of its corners.
    x_step, x_least, x_most = _F(slope[0, 0]), _F(slope[0, 2]), _F(slope[0, 3])
    y_step, y_least, y_most = _F(slope[1, 0]), _F(slope[1, 2]), _F(slope[1, 3])
    m_step, m_least, m_most = _F(slope[2, 0]), _F(slope[2, 2]), _F(slope[2, 3])
    for y in range(first, last):
        long = _crossing(vertices, top, long_run, y)
        short = (
            _crossing(vertices, top, upper_run, y) if y < vertices[mid, 1] else _crossing(vertices, mid, lower_run, y)
        )
        x0 = max(0, int(np.ceil(min(long, short))))
        x1 = min(width, int(np.ceil(max(long, short))))
        if x0 >= x1:
            continue
        across, down = x0 - vertices[top, 0], y - vertices[top, 1]
        x_start = _F(vertices[top, 2] + slope[0, 0] * across + slope[0, 1] * down)
        y_start = _F(vertices[top, 3] + slope[1, 0] * across + slope[1, 1] * down)
        m_start = _F(vertices[top, 4] + slope[2, 0] * across + slope[2, 1] * down)
        dx, dy, mask = out[0, y, x0:x1], out[1, y, x0:x1], out[2, y, x0:x1]
        for k in range(x1 - x0):
            far = _F(np.int32(k))
            dx[k] = min(max(x_start + x_step * far, x_least), x_most)
            dy[k] = min(max(y_start + y_step * far, y_least), y_most)
            mask[k] = min(max(m_start + m_step * far, m_least), m_most)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _by_height(a: int, b: int, c: int, vertices: Doubles) -> tuple[int, int, int]:
    if vertices[b, 1] < vertices[a, 1]:
        a, b = b, a
    if vertices[c, 1] < vertices[b, 1]:
        b, c = c, b
        if vertices[b, 1] < vertices[a, 1]:
            a, b = b, a
    return a, b, c


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _run(vertices: Doubles, upper: int, lower: int) -> float:
    """How far an edge goes to the right from row to row. Neighbours name its upper end first, and get the same bits."""
    run: float = (vertices[lower, 0] - vertices[upper, 0]) / (vertices[lower, 1] - vertices[upper, 1])
    return run


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _crossing(vertices: Doubles, upper: int, run: float, y: int) -> float:
    """Where the edge from `upper` on crosses row y."""
    crossing: float = vertices[upper, 0] + (y - vertices[upper, 1]) * run
    return crossing
