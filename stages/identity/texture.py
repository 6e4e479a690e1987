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
from scipy.ndimage import distance_transform_edt

from stages.expression import chart
from stages.faces import layouts
from stages.identity import rims
from stages.identity.flat import Flat, grown, ramp
from stages.packets import Floats
from stages.render import mesh, raster

LEAST, MOST = 192, 1024
"""Texels on a side of a texture."""
STEP: Final = 32  # texels that sides are multiples of
FINE: Final = 1.15
"""Texels a pixel of the photo between the eyes, so that resampling costs no detail."""
SQUARE: Final = (0.12, 0.65)
"""Shares of its own area that a patch of skin shows the camera between which its weight rises from none to full."""
EDGE: Final = 0.04
"""Of the chart's side: the outline's weight rises over this, for hair and background show there."""
BEHIND: Final = (0.04, 0.10)
"""Distances between the outer eye corners by which skin lies behind other skin on the same line of sight: still seen,
and hidden (by the nose of a turned face, say). Landmarks' depth is no better known than that."""

_SKIN: Final = mesh.TRIANGLES[(mesh.TRIANGLES < layouts.MESH_COUNT).all(1)]


def side_for(landmarks: Floats) -> int:
    """Texels on a side that hold all that a photo with these landmarks (478, 3) in pixels shows."""
    wanted = int(np.ceil(2 * FINE * _eyes_apart(landmarks) / STEP)) * STEP
    return min(max(wanted, LEAST), MOST)


def places(side: int) -> Floats:
    """(468, 2) where the mesh's points lie on a chart of `side` texels, the first texel's centre at 0, 0."""
    scaled: Floats = (chart.places() + np.float32(0.5)) * np.float32(side / chart.SIZE) - np.float32(0.5)
    return scaled


def lay_flat(picture: Floats, landmarks: Floats, side: int) -> Flat:
    """Lay a face flat. picture: (h, w, 3) R'G'B'; landmarks: (478, 3) in its pixels, its first pixel's centre at .5."""
    picture, points = _reduced(picture, landmarks[: layouts.MESH_COUNT].astype(np.float32), side)
    points = points - np.array([0.5, 0.5, 0], np.float32)
    x, y, depth = _spread(rims.off(points, picture), side)
    flat = cv2.remap(picture, x, y, cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REPLICATE)
    inside = (x > 0) & (y > 0) & (x < picture.shape[1] - 1) & (y < picture.shape[0] - 1)
    # Holes are filled from their rims, so that a texel sampled between the two brings nothing foreign along.
    whole = grown(flat, ((skin(side) > 0) & inside).astype(np.float32))
    seen = _facing(points, side) * _before(points, (x, y, depth), picture.shape[:2])
    return Flat(whole, (seen * inside * skin(side)).astype(np.float32))


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


def _reduced(picture: Floats, points: Floats, side: int) -> tuple[Floats, Floats]:
    """A photo that is finer than the texture, by area to the texture's detail, and points in its pixels."""
    shrink = side / (2 * _eyes_apart(points))
    if shrink >= 1:
        return picture, points
    width, height = (max(2, round(length * shrink)) for length in picture.shape[1::-1])
    ratio = np.array([width / picture.shape[1], height / picture.shape[0], shrink], np.float32)
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), points * ratio


def _spread(points: Floats, side: int) -> tuple[Floats, Floats, Floats]:
    """Column, row and depth in the photo of every texel, each (side, side)."""
    y, x = np.mgrid[:side, :side].astype(np.float32)
    rows = points.copy()
    rows[:, :2] -= places(side)
    dx, dy, depth = raster.rasterise(_SKIN, places(side), rows, (side, side))
    return x + dx, y + dy, depth


def _facing(points: Floats, side: int) -> Floats:
    """(side, side) 0..1 by how much of its own area the skin shows the camera."""
    front = chart.facing(points[:, :2])
    total, count = np.zeros((2, layouts.MESH_COUNT), np.float32)
    for corner in range(3):
        np.add.at(total, layouts.TRIANGLES[:, corner], front)
        np.add.at(count, layouts.TRIANGLES[:, corner], 1)
    shown = np.repeat((total / np.maximum(count, 1))[:, None], 3, 1).astype(np.float32)
    return ramp(raster.rasterise(_SKIN, places(side), shown, (side, side))[2], *SQUARE)


def _before(points: Floats, where: tuple[Floats, Floats, Floats], shape: tuple[int, int]) -> Floats:
    """(side, side) 0..1: 1 where no other skin lies before a texel's own; `where`: its column, row and depth."""
    x, y, depth = where
    nearest_last = np.argsort(-points[_SKIN, 2].mean(1), kind="stable")
    far = float(points[:, 2].max())
    rows = np.repeat(points[:, 2:] - far, 3, 1)
    nearest = raster.rasterise(_SKIN[nearest_last], points[:, :2], rows, shape)[2] + far
    behind = depth - cv2.remap(nearest, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.float32(1) - ramp(behind / np.float32(_eyes_apart(points)), *BEHIND)


def _eyes_apart(points: Floats) -> float:
    return float(np.linalg.norm(points[33, :2] - points[263, :2]))
