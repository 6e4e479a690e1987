"""From chart to picture: where every texel of the face chart lies in an edit, and pictures of the chart drawn there."""

# mypy: disable-error-code="untyped-decorator"
from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numba
import numpy as np
from numpy.typing import NDArray

from stages.expression import chart
from stages.faces import layouts
from stages.media.painting import packed, pictured
from stages.packets import Face, Floats
from stages.render import mesh, raster

STEP: Final = 2
"""Pixels a side of a sample of the chart's coordinates, of light and of masks."""
_MARGIN: Final = 16
"""Pixels around the mesh: no mask at the border, nor at an eighth of the size, where broad feathers are made."""
_GRID: Final = 4  # pixels; chroma is no coarser
_NOWHERE: Final = np.zeros((0, 0, 2), np.float32)
_F = np.float32


@dataclass(frozen=True, slots=True)
class Laid:
    """The face of an edit, a sample every `STEP` pixels.

    box: x0, y0, x1, y1 in pixels of the frame, on the grid of its chroma. u, v: (h, w) column and row on the
    chart, in texels of `chart.SIZE`; on: (h, w) 1 on the face, 0 beside it.
    """

    box: tuple[int, int, int, int]
    u: Floats
    v: Floats
    on: Floats


@dataclass(frozen=True, slots=True)
class Charts:
    """What a face is painted by, on the chart at any size; all but `parts` is taken where the performer's skin is.

    side: texels of the texture. worn: (n, n, 4) factors on it, and share of it that is skin, see `dressed`. shift:
    (n, n, 2) texels of `chart.SIZE` by which texture and `worn` are taken from elsewhere. parts: (n, n, 2) share that
    is painted, and mask, as large as `worn`.
    """

    side: int
    worn: Floats
    shift: Floats | None
    parts: Floats


def lay(box: tuple[int, int, int, int], places: Floats, face: Face) -> Laid | None:
    """Where the face in a box of the frame lies on the chart, what is behind lids and lips included; None outside.

    places: (mesh.COUNT, 2) of the mesh in pixels of the frame. face: tells what is in front.
    """
    points = places[: mesh.FIRST_RING] - np.array(box[:2], np.float32)
    width, height = box[2] - box[0], box[3] - box[1]
    x0, y0 = (max(0, int(value) - _MARGIN) // _GRID * _GRID for value in points.min(0))
    x1, y1 = (-(-(int(value) + _MARGIN) // _GRID) * _GRID for value in points.max(0))
    x1, y1 = min(width, x1), min(height, y1)
    if x1 - x0 < STEP or y1 - y0 < STEP:
        return None
    size = -(-(y1 - y0) // STEP), -(-(x1 - x0) // STEP)
    placed = (points - np.array([x0, y0], np.float32) - (STEP - 1) / 2) / STEP
    depth = np.full(mesh.FIRST_RING, np.float32(1e6))
    depth[: layouts.MESH_COUNT] = face.landmarks[: layouts.MESH_COUNT, 2]
    order = np.argsort(-depth[_triangles()].sum(1), kind="stable")
    u, v, on = raster.rasterise(_triangles()[order], placed.astype(np.float32), _rows(), size)
    return Laid((box[0] + x0, box[1] + y0, box[0] + x1, box[1] + y1), u, v, on)


def prepare(parts: Floats) -> None:
    """Compile."""
    one, spot = np.ones((2, 2, 3), np.float32), np.ones((2, 2), np.float32)
    worn, laid = dressed(one, one, spot, spot), Laid((0, 0, 2, 2), *spot[None, :1, :1].repeat(3, 0))
    for shift in (None, parts):
        pictured(*sampled(laid, Charts(len(one), worn, shift, parts), 1.0), packed(one), one)


def dressed(fill: Floats, lit: Floats, skin: Floats, excess: Floats | None = None) -> Floats:
    """(n, n, 4) see `Charts.worn`; fill, lit: (n, n, 3) factors; skin: (n, n) 0..1; excess: (n, n) a factor less 1."""
    worn = np.empty((*skin.shape, 4), np.float32)
    _dress(fill, lit, skin, np.zeros_like(skin) if excess is None else excess, worn)
    return worn


def sampled(laid: Laid, charts: Charts, strength: float) -> tuple[Floats, Floats]:
    """(6, h, w) and (h, w): samples and mask of a face, as of `stages.packets.Painted`; strength: 0..1 of the mask."""
    samples, mask = np.empty((6, *laid.on.shape), np.float32), np.empty(laid.on.shape, np.float32)
    shift = charts.shift if charts.shift is not None else _NOWHERE
    _look_up(laid.u, laid.v, laid.on, charts.side, shift, charts.worn, charts.parts, samples, mask)
    mask *= np.float32(strength)
    return samples, mask


@numba.njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _dress(fill: Floats, lit: Floats, skin: Floats, excess: Floats, out: Floats) -> None:
    for y in range(skin.shape[0]):
        for x in range(skin.shape[1]):
            more = _F(1) + excess[y, x]
            for k in range(3):
                out[y, x, k] = fill[y, x, k] * lit[y, x, k] * more
            out[y, x, 3] = skin[y, x]


@numba.njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _look_up(
    u: Floats,
    v: Floats,
    on: Floats,
    side: int,
    shift: Floats,
    worn: Floats,
    parts: Floats,
    out: Floats,
    mask: Floats,
) -> None:
    """All that is known of a sample, linearly from the charts. shift: empty where nothing has shifted."""
    shifts, factors, shares = shift.ravel(), worn.ravel(), parts.ravel()
    for y in range(u.shape[0]):
        for x in range(u.shape[1]):
            if on[y, x] == 0:
                out[:, y, x] = 0
                mask[y, x] = 0
                continue
            column, row = u[y, x], v[y, x]
            at = _spot(column, row, len(parts))
            may = _between(shares, at, 2, 0)
            mask[y, x] = _between(shares, at, 2, 1)
            if len(shift):
                at = _spot(column, row, len(shift))
                column, row = column - _between(shifts, at, 2, 0), row - _between(shifts, at, 2, 1)
                at = _spot(column, row, len(worn))
            out[0, y, x], out[1, y, x] = _texel(column, side), _texel(row, side)
            for k in range(3):
                out[2 + k, y, x] = _between(factors, at, 4, k)
            out[5, y, x] = may * _between(factors, at, 4, 3)


@numba.njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _spot(column: float, row: float, side: int) -> Any:
    """Where a place lies on a chart of `side` texels: the index of its four neighbours, row by row, and their weights.

    Indices without a sign spare the compiler the question whether they count from the end.
    """
    x, y = _texel(column, side), _texel(row, side)
    j, i = np.uint32(x), np.uint32(y)
    p, q = x - _F(j), y - _F(i)
    r, s, line, one = _F(1) - p, _F(1) - q, np.uint32(side), np.uint32(1)
    at = i * line + j
    return (at, at + one, at + line, at + line + one), (r * s, p * s, r * q, p * q)


@numba.njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _texel(place: float, side: int) -> Any:
    """A column or row of `chart.SIZE` on a chart of `side` texels, where it has a neighbour; a texel's centre lies at a
    whole number whatever the size."""
    scale = _F(side) / _F(chart.SIZE)
    return min(max(place * scale + (scale - _F(1)) / _F(2), _F(0)), _F(side) - _F(1.001))


@numba.njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _between(values: Floats, spot: Any, channels: int, channel: int) -> Any:
    """One channel there."""
    (a, b, c, d), (e, f, g, h), n, k = spot[0], spot[1], np.uint32(channels), np.uint32(channel)
    upper = values[a * n + k] * e + values[b * n + k] * f
    return upper + (values[c * n + k] * g + values[d * n + k] * h)


@cache
def _triangles() -> NDArray[np.int32]:
    """Skin and what lies behind lids and lips, without the rings around the face."""
    triangles: NDArray[np.int32] = mesh.TRIANGLES[(mesh.TRIANGLES < mesh.FIRST_RING).all(1)]
    return triangles


@cache
def _rows() -> Floats:
    """(FIRST_RING, 3) column and row on the chart, and 1."""
    spots = mesh.place(chart.places(), 1.0)[: mesh.FIRST_RING]
    rows: Floats = np.concatenate([spots, np.ones((len(spots), 1), np.float32)], 1)
    return rows
