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
    for y in range(first, last):
        long = _edge(vertices, top, low, y)
        short = _edge(vertices, top, mid, y) if y < vertices[mid, 1] else _edge(vertices, mid, low, y)
        x0 = max(0, int(np.ceil(min(long, short))))
        x1 = min(width, int(np.ceil(max(long, short))))
        across, down = x0 - vertices[top, 0], y - vertices[top, 1]
        for k in range(CHANNELS):
            start = np.float32(vertices[top, 2 + k] + slope[k, 0] * across + slope[k, 1] * down)
            dx, least, greatest = np.float32(slope[k, 0]), np.float32(slope[k, 2]), np.float32(slope[k, 3])
            line = out[k, y]
            for x in range(x0, x1):
                # A sliver's slopes are steep and rounded: hold its values between those of its corners.
                line[x] = min(max(start + dx * np.float32(x - x0), least), greatest)


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
def _edge(vertices: Doubles, upper: int, lower: int, y: int) -> float:
    """Where the edge crosses row y. Callers pass the upper end first, so that neighbours get the same bits."""
    run = (vertices[lower, 0] - vertices[upper, 0]) / (vertices[lower, 1] - vertices[upper, 1])
    crossing: float = vertices[upper, 0] + (y - vertices[upper, 1]) * run
    return crossing
