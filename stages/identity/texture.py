"""A photo laid flat on the face chart, at the detail that the photo has, with how well it shows each texel.

Texels of lips and lids are taken from a little outside their rims: a landmark is a pixel off now and then, and a rim
that brought a tooth, the dark seam of closed lips or a sliver of the eye along would show as a ring wherever the face
opens its mouth or eyes further than in the photo.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from stages.expression import chart
from stages.faces import layouts
from stages.identity.flat import Flat, grown
from stages.packets import Floats
from stages.render import mesh, raster

LEAST, MOST = 192, 1024
"""Texels on a side of a texture."""
STEP: Final = 32  # texels that sides are multiples of
FINE: Final = 1.15
"""Texels a pixel of the photo between the eyes, so that resampling costs no detail."""
LIP_PULL: Final = 0.17
"""Share of a lip's thickness by which its inner rim is taken from further out."""
LID_PULL: Final = 0.15
"""Share of the way to the next ring of points by which a lid's rim is taken from further out."""
SQUARE: Final = (0.12, 0.65)
"""Shares of its own area that a patch of skin shows the camera between which its weight rises from none to full."""
EDGE: Final = 0.04
"""Of the chart's side: the outline's weight rises over this, for hair and background show there."""

_SKIN: Final = mesh.TRIANGLES[(mesh.TRIANGLES < layouts.MESH_COUNT).all(1)]
# fmt: off
_AROUND_RIGHT_EYE: Final = (243, 190, 56, 28, 27, 29, 30, 247, 130, 25, 110, 24, 23, 22, 26, 112)
# fmt: on


def side_for(landmarks: Floats) -> int:
    """Texels on a side that hold all that a photo with these landmarks (478, 3) in pixels shows."""
    apart = float(np.linalg.norm(landmarks[33, :2] - landmarks[263, :2]))
    wanted = int(np.ceil(2 * FINE * apart / STEP)) * STEP
    return min(max(wanted, LEAST), MOST)


def places(side: int) -> Floats:
    """(468, 2) where the mesh's points lie on a chart of `side` texels, the first texel's centre at 0, 0."""
    scaled: Floats = (chart.places() + np.float32(0.5)) * np.float32(side / chart.SIZE) - np.float32(0.5)
    return scaled


def lay_flat(picture: Floats, landmarks: Floats, side: int) -> Flat:
    """Lay a face flat. picture: (h, w, 3) R'G'B'; landmarks: (478, 3) in its pixels, its first pixel's centre at .5."""
    points = landmarks[: layouts.MESH_COUNT, :2].astype(np.float32)
    shrink = min(1.0, side / (2 * float(np.linalg.norm(points[33] - points[263]))))
    if shrink < 1:
        size = tuple(max(2, round(length * shrink)) for length in picture.shape[1::-1])
        ratio = np.array(size, np.float32) / np.array(picture.shape[1::-1], np.float32)
        points = np.multiply(points, ratio, dtype=np.float32)
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    points = _off_the_rims(points) - np.float32(0.5)
    spots = places(side)
    rows = np.column_stack([points - spots, _squareness(points)]).astype(np.float32)
    dx, dy, square = raster.rasterise(_SKIN, spots, rows, (side, side))
    y, x = np.mgrid[:side, :side].astype(np.float32)
    x, y = x + dx, y + dy
    flat = cv2.remap(picture, x, y, cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REPLICATE)
    inside = (x > 0) & (y > 0) & (x < picture.shape[1] - 1) & (y < picture.shape[0] - 1)
    # Holes are filled from their rims, so that a texel sampled between the two brings nothing foreign along.
    whole = grown(flat, ((skin(side) > 0) & inside).astype(np.float32))
    return Flat(whole, (_ramp(square, *SQUARE) * inside * skin(side)).astype(np.float32))


@lru_cache(maxsize=8)
def skin(side: int) -> Floats:
    """(side, side) 0..1: 1 on skin, 0 off the face and in the holes of eyes and mouth, rising from the outline in."""
    ones = np.ones((layouts.MESH_COUNT, 3), np.float32)
    here = raster.rasterise(_SKIN, places(side), ones, (side, side))[2] > 0
    outline = np.zeros((side, side), np.uint8)
    cv2.fillPoly(outline, [np.rint(places(side)[layouts.OVAL]).astype(np.int32)], 1)
    depth = distance_transform_edt(np.pad(outline, 1))[1:-1, 1:-1] / (EDGE * side)
    shown: Floats = (here * np.clip(depth, 0.05, 1)).astype(np.float32)
    shown.setflags(write=False)
    return shown


def _off_the_rims(points: Floats) -> Floats:
    moved = points.copy()
    for rim, around, share in (
        (layouts.LIPS_INNER, layouts.LIPS_OUTER, LIP_PULL),
        (layouts.RIGHT_EYE, np.array(_AROUND_RIGHT_EYE), LID_PULL),
        (layouts.LEFT_EYE, layouts.MIRROR[list(_AROUND_RIGHT_EYE)], LID_PULL),
    ):
        moved[rim] += np.float32(share) * (points[around] - points[rim])
    return moved


def _squareness(points: Floats) -> Floats:
    """(468,) how much of its own area the skin around a point shows the camera, 0 to 1."""
    front = chart.facing(points)
    total, count = np.zeros(layouts.MESH_COUNT, np.float32), np.zeros(layouts.MESH_COUNT, np.float32)
    for corner in range(3):
        np.add.at(total, layouts.TRIANGLES[:, corner], front)
        np.add.at(count, layouts.TRIANGLES[:, corner], 1)
    return np.asarray(total / np.maximum(count, 1), np.float32)


def _ramp(values: Floats, none: float, full: float) -> NDArray[np.float32]:
    share = np.clip((values - none) / (full - none), 0, 1)
    smooth: Floats = (share * share * (3 - 2 * share)).astype(np.float32)
    return smooth
