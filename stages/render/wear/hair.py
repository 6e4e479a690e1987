"""Hair over the forehead and the temples of a photo: it is no skin, and on somebody else's forehead it ends nowhere.

Hair is darker than skin or streaked, or both; seams of a fringe are closed, so that a bright lock counts as hair too.
"""

from __future__ import annotations

from functools import cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from stages.expression import chart
from stages.expression.textures import regions
from stages.faces import layouts
from stages.packets import Floats

_FLOOR: Final = np.float32(0.03)
_DARK: Final = (0.22, 0.45)  # natural logarithm of luma below the face's skin: skin up to there, hair from there
_STREAKED: Final = (0.07, 0.13)  # standard deviation of the logarithm of luma over a few texels: the same
_FEW: Final = 2.5  # texels
_AROUND: Final = 5  # texels that hair is taken to reach further
_SOFT: Final = 2.0  # texels of the edge
_LUMA: Final = np.array([0.299, 0.587, 0.114], np.float32)


def free(texture: Floats) -> Floats:
    """(SIZE, SIZE) 0..1 where a texture (side, side, 3) shows skin and no hair."""
    small = cv2.resize(texture, (chart.SIZE, chart.SIZE), interpolation=cv2.INTER_AREA)
    log = np.log(np.maximum(small @ _LUMA, 0) + _FLOOR)
    skin = float(np.median(log[_cheeks()]))
    mean = cv2.GaussianBlur(log, (0, 0), _FEW)
    streaks = np.sqrt(np.maximum(cv2.GaussianBlur(np.square(log - mean), (0, 0), _FEW), 0))
    hair = np.maximum(_ramp(skin - mean, _DARK), _ramp(streaks, _STREAKED)) * _upper()
    ball = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * _AROUND + 1,) * 2)
    # Specks are moles and wrinkles; what is left after they are gone grows back a little further than it was.
    opened = cv2.morphologyEx(hair.astype(np.float32), cv2.MORPH_OPEN, ball[::2, ::2])
    return np.asarray(1 - cv2.GaussianBlur(cv2.dilate(opened, ball), (0, 0), _SOFT), np.float32)


def _ramp(values: Floats, limits: tuple[float, float]) -> Floats:
    return np.asarray(np.clip((values - limits[0]) / (limits[1] - limits[0]), 0, 1), np.float32)


@cache
def _cheeks() -> NDArray[np.bool_]:
    below = np.arange(chart.SIZE)[:, None] > chart.places()[33, 1]
    cheeks: NDArray[np.bool_] = (regions.skin() > 0.9) & below
    return cheeks


@cache
def _upper() -> Floats:
    """(SIZE, SIZE) 1 above the brows and outside their tails, 0 on the brows and below."""
    upper = np.repeat(np.arange(chart.SIZE)[:, None] < chart.places()[33, 1], chart.SIZE, 1)
    for ring in (layouts.LEFT_BROW, layouts.RIGHT_BROW, layouts.LEFT_EYE, layouts.RIGHT_EYE):
        upper &= ~chart.inside(ring, 6)
    x = chart.places()[:, 0]
    between = (np.arange(chart.SIZE) > x[46]) & (np.arange(chart.SIZE) < x[276])
    brows = np.arange(chart.SIZE)[:, None] > chart.places()[[65, 295], 1].min()
    return np.asarray(upper & ~(between & brows), np.float32)
