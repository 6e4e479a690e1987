"""From chart to picture: where every texel of the face chart lies in an edit, and pictures of the chart drawn there."""

# mypy: disable-error-code="untyped-decorator"
from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

import cv2
import numba
import numpy as np
from numpy.typing import NDArray

from stages.expression import chart
from stages.faces import layouts
from stages.packets import Edit, Face, Floats
from stages.render import mesh, raster

STEP: Final = 2
"""Pixels a side of a sample of the chart's coordinates, of light and of masks."""
_MARGIN: Final = 2  # pixels around the mesh


@dataclass(frozen=True, slots=True)
class Laid:
    """The face of an edit, a sample every `STEP` pixels.

    box: x0, y0, x1, y1 in the edit's own pixels, whole steps. u, v: (h, w) column and row on the chart, in texels of
    `chart.SIZE`; on: (h, w) 1 on the face, 0 beside it.
    """

    box: tuple[int, int, int, int]
    u: Floats
    v: Floats
    on: Floats

    def moved(self, shift: Floats) -> Laid:
        """With what lies at a texel taken from where skin that has shifted there came from; shift: (n, n, 2) texels."""
        off = self.sample(shift)
        return Laid(self.box, self.u - off[..., 0], self.v - off[..., 1], self.on)

    def sample(self, picture: NDArray[np.generic]) -> Floats:
        """(h, w, ...) of a picture of the whole chart at any size, linearly."""
        scale = np.float32(len(picture) / chart.SIZE)
        # A texel's centre lies at a whole number whatever the size.
        shift = (scale - 1) / 2
        u, v = self.u * scale + shift, self.v * scale + shift
        return np.asarray(cv2.remap(picture, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))


def lay(edit: Edit, places: Floats, face: Face) -> Laid | None:
    """Where an edit's face lies on the chart, what is behind lids and lips included; None outside the picture.

    places: (mesh.COUNT, 2) of the mesh in pixels of the frame. face: tells what is in front.
    """
    points = places[: mesh.FIRST_RING] - np.array(edit.box[:2], np.float32)
    shape = edit.mask.shape
    x0, y0 = (max(0, int(np.floor(value)) - _MARGIN) // STEP * STEP for value in points.min(0))
    x1 = min(shape[1], int(np.ceil(points[:, 0].max())) + _MARGIN)
    y1 = min(shape[0], int(np.ceil(points[:, 1].max())) + _MARGIN)
    if x1 - x0 < STEP or y1 - y0 < STEP:
        return None
    size = -(-(y1 - y0) // STEP), -(-(x1 - x0) // STEP)
    placed = (points - np.array([x0, y0], np.float32) - (STEP - 1) / 2) / STEP
    depth = np.full(mesh.FIRST_RING, np.float32(1e6))
    depth[: layouts.MESH_COUNT] = face.landmarks[: layouts.MESH_COUNT, 2]
    order = np.argsort(-depth[_triangles()].sum(1), kind="stable")
    u, v, on = raster.rasterise(_triangles()[order], placed.astype(np.float32), _rows(), size)
    return Laid((x0, y0, x1, y1), u, v, on)


def full(small: Floats, box: tuple[int, int, int, int]) -> Floats:
    """A picture of samples every `STEP` pixels, at every pixel of `box`."""
    wide = cv2.resize(small, None, fx=STEP, fy=STEP, interpolation=cv2.INTER_LINEAR)
    return np.asarray(wide[: box[3] - box[1], : box[2] - box[0]])


def textured(laid: Laid, texture: Floats) -> Floats:
    """(h, w, 3) at every pixel of the box: a texture of any size, (side, side, 3)."""
    scale = np.float32(len(texture) / chart.SIZE)
    shift = (scale - 1) / 2
    u, v = (full(plane * scale + shift, laid.box) for plane in (laid.u, laid.v))
    return np.asarray(cv2.remap(texture, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))


@numba.njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def mix(under: Floats, texture: Floats, gain: Floats, share: Floats, out: Floats) -> None:
    """out = under + share * (texture * gain - under); out may be `under`."""
    for y in range(under.shape[0]):
        for x in range(under.shape[1]):
            a = share[y, x]
            for k in range(3):
                b = under[y, x, k]
                out[y, x, k] = b + a * (texture[y, x, k] * gain[y, x, k] - b)


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
