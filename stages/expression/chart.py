"""The face chart: every face laid flat on the same small picture, so that one spot of skin is one texel.

Unwrapping by the mesh takes pose, size and most of the expression out of a face; what is left is what the skin itself
shows (as in Bartlett et al., *Measuring facial expressions by computer image analysis*, 1999). A texel's triangle and
its place in it never change, so a frame costs one gather of landmarks and one bilinear sample a texel.
"""

# mypy: disable-error-code="untyped-decorator"
from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

import cv2
import numba
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from stages.faces import layouts
from stages.media import planes
from stages.packets import Floats, Frame

Doubles = NDArray[np.float64]
Indices = NDArray[np.int32]
Mask = NDArray[np.bool_]

SIZE: Final = 192
"""Texels on a side; the outer eye corners lie half of it apart."""
COARSE: Final = 3
"""Texels of the chart a side of a texel of its colours."""
_FINE: Final = 1.25 * SIZE  # pixels along a face's longer side; what is larger is reduced to that first
_EDGE: Final = 0.015  # of the chart, left free around the face
_UNROLLED: Final = 0.5  # share of the texture atlas in a texel's place across; the rest is the face seen from the front
_LUMA: Final = np.array([[0.299, 0.587, 0.114]], np.float32)  # BT.601: what RGB was made from matters little here


@dataclass(frozen=True, slots=True)
class Map:
    """What is constant about the chart; n texels lie on the face, in order of rows.

    flat: (n,) their places, row * SIZE + column. triangle: (n,) the row of `layouts.TRIANGLES` each lies in, and
    owner: (SIZE, SIZE) the same as a picture, -1 off the face. shares: (898, 3, 3) turns a texel's column, row and 1
    into the shares of a triangle's corners. off: (m,) places off the face, nearest: (m,) the closest to each on it.
    """

    flat: Indices
    triangle: Indices
    owner: Indices
    shares: Floats
    off: Indices
    nearest: Indices


@dataclass(frozen=True, slots=True)
class Chart:
    """One face laid flat.

    luma: (SIZE, SIZE) float32 non-linear Y' 0..255, going on off the face as at its nearest texel. colour:
    (SIZE / COARSE, SIZE / COARSE, 3) float32 R'G'B' 0..255, a sample for every block of texels, 0 off the face. front:
    (898,) float32 0..1, how squarely a triangle faced the camera, 0 where it shows its back. pixels: (h, w) float32 Y',
    the level box around the face it was sampled from, and points: (468, 2) the mesh's points there, the first pixel's
    centre at 0, 0.
    """

    luma: Floats
    colour: Floats
    front: Floats
    pixels: Floats
    points: Floats


def unwrap(frame: Frame, landmarks: Floats) -> Chart:
    """Lay a face with these (478, 3) landmarks in luma pixels flat; beyond the frame its edge is repeated.

    A large face is always reduced to the same size first, by area: detail must not depend on how near it is.
    """
    box = _box(landmarks)
    sides = np.array([box[2] - box[0], box[3] - box[1]], np.float32)
    shrink = min(1.0, _FINE / float(np.ptp(landmarks[: layouts.MESH_COUNT, :2], axis=0).max()))
    width, height = np.maximum(np.rint(sides * shrink), 2).astype(int).tolist()
    picture = planes.rgb8(frame, box, (width, height) if shrink < 1 else None).astype(np.float32)
    ratio = np.array([picture.shape[1], picture.shape[0]], np.float32) / sides
    # Continuous coordinates put a pixel's centre at .5, an array at 0.
    points = (landmarks[: layouts.MESH_COUNT, :2] - np.array(box[:2], np.float32)) * ratio - np.float32(0.5)
    return _laid(picture, points)


def unwrap_crop(crop: Floats, box: tuple[int, int, int, int], landmarks: Floats) -> Chart:
    """As `unwrap`, of a picture that was cut out of a frame: crop (h, w, 3) R'G'B' 0..255 shows `box` at any size."""
    place = landmarks[: layouts.MESH_COUNT, :2] - np.array(box[:2], np.float32)
    sides = np.array([box[2] - box[0], box[3] - box[1]], np.float32)
    held = np.array(crop.shape[1::-1], np.float32)
    shrink = min(1.0, _FINE / float(np.ptp(place * held / sides, axis=0).max()))
    width, height = np.maximum(np.rint(held * shrink), 2).astype(int).tolist()
    picture = cv2.resize(crop, (width, height), interpolation=cv2.INTER_AREA) if shrink < 1 else crop
    ratio = np.array([width, height], np.float32) / sides
    return _laid(np.ascontiguousarray(picture, np.float32), (place * ratio - np.float32(0.5)).astype(np.float32))


def _laid(picture: Floats, points: Floats) -> Chart:
    """Lay a picture flat, (h, w, 3) R'G'B' 0..255, by where the mesh's points lie in it."""
    table, pixels = chart_map(), cv2.transform(picture, _LUMA)
    places = _placed(points, layouts.TRIANGLES, table.shares)
    luma = np.zeros((SIZE, SIZE), np.float32)
    colour = np.zeros((SIZE // COARSE, SIZE // COARSE, 3), np.float32)
    _sample(pixels, picture, places, table.flat, table.triangle, luma, colour)
    luma.ravel()[table.off] = luma.ravel()[table.nearest]
    return Chart(luma, colour, _facing(points, layouts.TRIANGLES, _areas()), pixels, points)


def facing(points: Floats) -> Floats:
    """(898,) 0..1 how squarely each triangle of the mesh's (468, 2) points faces the camera, as `Chart.front`."""
    return np.asarray(_facing(np.ascontiguousarray(points, np.float32), layouts.TRIANGLES, _areas()))


@cache
def places() -> Floats:
    """(468, 2) where the mesh's points lie on the chart, in texels, the first texel's centre at 0, 0."""
    across = layouts.CANONICAL[:, 0] / np.abs(layouts.CANONICAL[:, 0]).max()
    unrolled = 2 * layouts.UV[:, 0] - 1
    x = (1 - _UNROLLED) * across + _UNROLLED * unrolled / np.abs(unrolled).max()
    y = layouts.CANONICAL[:, 1]
    down = (y.max() - y) / (y.max() - y.min())
    spot = np.stack([(x / np.abs(x).max() + 1) / 2, down], 1)
    placed: Floats = ((_EDGE + (1 - 2 * _EDGE) * spot) * SIZE - 0.5).astype(np.float32)
    placed.setflags(write=False)
    return placed


@cache
def chart_map() -> Map:
    """The constant map; built once, in well under a second."""
    spot = places().astype(np.float64)
    owner = np.full((SIZE, SIZE), -1, np.int32)
    shares = np.zeros((len(layouts.TRIANGLES), 3, 3))
    for index, triangle in enumerate(layouts.TRIANGLES):
        corners = np.column_stack([spot[triangle], np.ones(3)])
        if abs(np.linalg.det(corners)) > 1e-6:
            shares[index] = np.linalg.inv(corners).T
            _claim(index, spot[triangle], shares[index], owner)
    flat, off = (np.flatnonzero(chosen).astype(np.int32) for chosen in (owner >= 0, owner < 0))
    rows, columns = distance_transform_edt(owner < 0, return_distances=False, return_indices=True)
    nearest = (rows * SIZE + columns).ravel()[off].astype(np.int32)
    return Map(flat, owner.ravel()[flat], owner, shares.astype(np.float32), off, nearest)


def inside(ring: Indices, grow: float = 0.0) -> Mask:
    """(SIZE, SIZE) texels within a ring of mesh points, grown by so many texels (less than 0 shrinks)."""
    filled = np.zeros((SIZE, SIZE), np.uint8)
    cv2.fillPoly(filled, [np.rint(places()[ring]).astype(np.int32)], 1)
    if grow:
        size = 2 * round(abs(grow)) + 1
        ball = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
        filled = cv2.dilate(filled, ball) if grow > 0 else cv2.erode(filled, ball)
    mask: Mask = filled > 0
    return mask


@cache
def plain_skin() -> Mask:
    """(SIZE, SIZE) texels well inside the face and off eyes, brows and lips."""
    rims = (layouts.LEFT_EYE, layouts.RIGHT_EYE, layouts.LIPS_OUTER, layouts.LEFT_BROW, layouts.RIGHT_BROW)
    plain: Mask = well_inside() & ~np.any([inside(rim, 3) for rim in rims], axis=0)
    return plain


@cache
def well_inside() -> Mask:
    """(SIZE, SIZE) texels so far within the outline that hair, ears and what lies behind seldom show."""
    inner = inside(layouts.OVAL, -13)
    return inner & inner[:, ::-1]


def _claim(index: int, corners: Doubles, shares: Doubles, owner: Indices) -> None:
    """Give a triangle the texels whose centres lie in it and are no other's."""
    low = np.maximum(np.floor(corners.min(0)).astype(int), 0)
    high = np.minimum(np.ceil(corners.max(0)).astype(int) + 1, SIZE)
    y, x = np.mgrid[low[1] : high[1], low[0] : high[0]]
    within = (np.stack([x, y, np.ones_like(x)], -1) @ shares.T >= -1e-6).all(-1) & (owner[y, x] < 0)
    owner[y[within], x[within]] = index


def _box(landmarks: Floats) -> tuple[int, int, int, int]:
    """The level box around the face, a pixel wider, on even pixels."""
    face = landmarks[: layouts.MESH_COUNT, :2]
    x0, y0 = (int(np.floor((value - 2) / 2)) * 2 for value in face.min(0))
    x1, y1 = (int(np.ceil((value + 2) / 2)) * 2 for value in face.max(0))
    return x0, y0, x1, y1


@cache
def _areas() -> Floats:
    """(898,) area of each triangle as the canonical face lies in space, as a share of the whole."""
    a, b, c = (layouts.CANONICAL[layouts.TRIANGLES[:, k]].astype(np.float64) for k in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    share: Floats = (area / area.sum()).astype(np.float32)
    return share


@numba.njit(cache=True, nogil=True, fastmath=True)
def _facing(points: Floats, triangles: Indices, areas: Floats) -> Floats:
    """(898,) 0..1 of each triangle's own area that is seen; 0 for those that show their back.

    The face's own scale is taken from the middle of the ratios of what is turned toward the camera.
    """
    ratio = np.empty(len(triangles), np.float32)
    for t in range(len(triangles)):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ux, uy = points[b, 0] - points[a, 0], points[b, 1] - points[a, 1]
        vx, vy = points[c, 0] - points[a, 0], points[c, 1] - points[a, 1]
        ratio[t] = max(uy * vx - ux * vy, np.float32(0)) / areas[t]
    whole = np.sort(ratio)[(8 * len(ratio)) // 10]
    facing: Floats = np.minimum(ratio / max(whole, np.float32(1e-6)), np.float32(1))
    return facing


@numba.njit(cache=True, nogil=True, fastmath=True)
def _placed(points: Floats, triangles: Indices, shares: Floats) -> Floats:
    """(898, 2, 3) turns a texel's column, row and 1 into its place in the pixels, triangle by triangle."""
    places = np.empty((len(triangles), 2, 3), np.float32)
    for t in range(len(triangles)):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        for k in range(2):
            for j in range(3):
                whole = points[a, k] * shares[t, 0, j] + points[b, k] * shares[t, 1, j] + points[c, k] * shares[t, 2, j]
                places[t, k, j] = whole
    return places


@numba.njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _sample(
    pixels: Floats, picture: Floats, places: Floats, flat: Indices, triangle: Indices, luma: Floats, colour: Floats
) -> None:
    """Fill the texels bilinearly; of colours the middle one of every block, from the nearest pixel."""
    right, low = np.float32(pixels.shape[1] - 1.001), np.float32(pixels.shape[0] - 1.001)
    # Indices without a sign spare the compiler the question whether they count from the end.
    step, side = np.uint32(pixels.shape[1]), np.uint32(luma.shape[1])
    source, target = pixels.ravel(), luma.ravel()
    middle, block = np.uint32(COARSE // 2), np.uint32(COARSE)
    for i in range(len(flat)):
        at = np.uint32(flat[i])
        row = at // side
        column = at - row * side
        to = places[triangle[i]]
        x = to[0, 0] * np.float32(column) + to[0, 1] * np.float32(row) + to[0, 2]
        y = to[1, 0] * np.float32(column) + to[1, 1] * np.float32(row) + to[1, 2]
        x, y = min(max(x, np.float32(0)), right), min(max(y, np.float32(0)), low)
        left, top = np.uint32(x), np.uint32(y)
        across, down = x - np.float32(left), y - np.float32(top)
        p = top * step + left
        upper = source[p] + (source[p + 1] - source[p]) * across
        lower = source[p + step] + (source[p + step + 1] - source[p + step]) * across
        target[at] = upper + (lower - upper) * down
        if row % block == middle and column % block == middle:
            nearest = picture[np.uint32(y + np.float32(0.5)), np.uint32(x + np.float32(0.5))]
            for k in range(3):
                colour[row // block, column // block, k] = nearest[k]
