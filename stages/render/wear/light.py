"""The performer's light on the identity's skin.

Low frequencies: the ratio of what the frame shows and what the texture shows, both laid flat and averaged over skin;
so it follows the frame's light as it is, and nothing of the performer's features but their broadest shades comes
along. Colour varies more slowly over a face than brightness does, and is averaged more widely.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

import cv2
import numpy as np

from stages.expression import chart
from stages.expression.textures import regions
from stages.faces import layouts
from stages.packets import Floats, Frame

SIDE: Final = chart.SIZE // chart.COARSE
"""Samples a side of the chart's colours."""
FLOOR: Final = np.float32(0.03)
"""Nominal, added before the logarithm: noise in black is no light."""
_FINE: Final = 1.25 * chart.SIZE  # pixels along a face that are looked at, as for every chart
_BRIGHTNESS: Final = 12.0  # samples: standard deviation over which brightness is averaged
_COLOUR: Final = 16.0  # and colour
_ODD: Final = np.float32(0.2)  # natural logarithm by which a sample may differ from those around and count half
_FIRM: Final = np.float32(0.02)  # share of skin around a sample below which the whole face's mean takes over
_STRONGEST: Final = np.float32(1.4)  # natural logarithm of the strongest factor
_LUMA: Final = np.array([0.299, 0.587, 0.114], np.float32)


@dataclass(frozen=True, slots=True)
class Shown:
    """What a face shows on the chart. log: (SIDE, SIDE, 3) natural logarithm of R'G'B'; luma: (SIZE, SIZE) Y' 0..255;
    seen: (SIDE, SIDE) 0..1 how squarely."""

    log: Floats
    luma: Floats
    seen: Floats


def look(picture: Floats, box: tuple[int, int, int, int], places: Floats) -> Shown:
    """Lay the face in a picture (h, w, 3) of a box of the frame flat; places: (468+, 2) of the mesh in its pixels."""
    near = _around(box, places)
    part = picture[near[1] - box[1] : near[3] - box[1], near[0] - box[0] : near[2] - box[0]]
    return _shown(chart.unwrap_crop(_reduced(part) * np.float32(255), near, places))


def look_up(frame: Frame, places: Floats) -> Shown:
    """As `look`, of a face in a frame."""
    return _shown(chart.unwrap(frame, places))


def _shown(face: chart.Chart) -> Shown:
    front = face.front[chart.chart_map().owner]
    seen = cv2.resize(front, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return Shown(np.log(np.maximum(face.colour / 255, 0) + FLOOR), face.luma, seen * (face.colour.max(2) > 0))


def _reduced(picture: Floats) -> Floats:
    """At the size that charts are made from, as `stages.media.planes.rgb8` reduces: halved by area while that is twice
    too large, then linear."""
    while max(picture.shape[:2]) >= 2 * _FINE:
        height, width = picture.shape[0] // 2, picture.shape[1] // 2
        picture = cv2.resize(picture[: 2 * height, : 2 * width], (width, height), interpolation=cv2.INTER_AREA)
    shrink = _FINE / max(picture.shape[:2])
    if shrink >= 1:
        return picture
    size = round(picture.shape[1] * shrink), round(picture.shape[0] * shrink)
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR))


def _around(box: tuple[int, int, int, int], places: Floats) -> tuple[int, int, int, int]:
    """The part of a box that its face needs."""
    face = places[: layouts.MESH_COUNT]
    x0, y0 = (max(int(low) - 2, corner) for low, corner in zip(face.min(0), box[:2], strict=True))
    x1, y1 = (min(int(high) + 3, corner) for high, corner in zip(face.max(0), box[2:], strict=True))
    return (x0, y0, x1, y1) if x0 < x1 and y0 < y1 else box


def of_texture(texture: Floats) -> Floats:
    """(SIDE, SIDE, 3) logarithm of a texture's colours, (side, side, 3) nominal."""
    small = cv2.resize(texture, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(np.log(np.maximum(small, 0) + FLOOR), np.float32)


def ratio(shown: Shown, worn: Floats, free: Floats) -> Floats:
    """(SIDE, SIDE, 3) natural logarithm of the factors that bring a texture into a frame's light.

    worn: see `of_texture`. free: (SIDE, SIDE) 0..1 where both can be compared.
    """
    weight = bare() * shown.seen * free
    off = np.ascontiguousarray((shown.log - worn).transpose(2, 0, 1))
    bright = np.tensordot(_LUMA, off, 1)[None]
    # What differs much from the skin around it is no skin: hair over a forehead, a reflex. It counts less.
    odd = (bright - _averaged(bright, weight, _BRIGHTNESS))[0]
    weight = np.asarray(weight / (1 + np.square(odd / _ODD)), np.float32)
    made = _averaged(off - bright, weight, _COLOUR) + _averaged(bright, weight, _BRIGHTNESS)
    return np.ascontiguousarray(np.clip(made, -_STRONGEST, _STRONGEST).transpose(1, 2, 0))


def _averaged(values: Floats, weight: Floats, sigma: float) -> Floats:
    """(n, SIDE, SIDE) means around each sample of values (n, SIDE, SIDE), weighted."""
    whole = np.tensordot(values, weight, 2)[:, None, None] / max(float(weight.sum()), 1e-6)
    blur = _blur(sigma)
    share, total = blur @ weight @ blur.T, blur @ (values * weight) @ blur.T
    return np.asarray((total + _FIRM * whole) / (share + _FIRM), np.float32)


@cache
def _blur(sigma: float) -> Floats:
    """(SIDE, SIDE) what a Gaussian makes of a column: so broad a one costs less as a product than as a filter."""
    return np.asarray(cv2.GaussianBlur(np.eye(SIDE, dtype=np.float32), (1, 8 * round(sigma) + 1), sigma))


@cache
def bare() -> Floats:
    """(SIDE, SIDE) 1 on skin off eyes, brows and lips and well inside the outline."""
    solid = regions.bare() * chart.inside(layouts.OVAL, -4)
    return np.asarray(cv2.resize(solid, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.float32)


def sized(picture: Floats) -> Floats:
    """(SIDE, SIDE) a picture on the chart at any size."""
    how = cv2.INTER_AREA if len(picture) > SIDE else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, (SIDE, SIDE), interpolation=how))
