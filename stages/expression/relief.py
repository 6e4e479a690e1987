"""The relief of a face: its chart without light, what brows, lids, lips and folds look like wherever the lamp stands.

Every texel of the chart (`stages.expression.chart`) is divided by the mean brightness around it, as in the local
contrast normalisation of Jarrett et al., *What is the best multi-stage architecture for object recognition?*, 2009. A
landmark tracker shows half of a lowered brow and a tenth of a raised cheek; the rest of the movement is seen here, as a
brow that has left its place on the chart.
"""

from __future__ import annotations

from functools import cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from stages.expression.chart import SIZE, Chart, chart_map
from stages.packets import Bytes, Floats

SIDE: Final = 64
"""Texels on a side of a relief."""
UNSEEN: Final = 0
"""What a texel holds that is off the face or turned away from the camera."""
NONE: Final = 128
"""What a texel without contrast holds."""
STEPS: Final = 160.0
"""Steps of a byte for a brightness that is twice the mean around it."""
_AROUND: Final = 4.7  # texels, standard deviation of the mean's window
_DARK: Final = 10.0  # 8-bit codes that keep noise in the dark from looking like contrast
_MOST: Final = 0.79  # contrast that still fits a byte
_TURNED_AWAY: Final = 0.15  # of its area that a triangle shows; what shows less is smeared


def relief(chart: Chart) -> Bytes:
    """(SIDE, SIDE) of a chart."""
    face, around, owner = _face()
    brightness = _reduced(chart.luma * _whole())
    mean = cv2.GaussianBlur(brightness, (0, 0), _AROUND) / around
    contrast = (brightness - mean) / (mean + np.float32(_DARK))
    coded: Bytes = np.rint(np.clip(contrast, -_MOST, _MOST) * np.float32(STEPS) + np.float32(NONE)).astype(np.uint8)
    coded[~face | (chart.front[owner] < _TURNED_AWAY)] = UNSEEN
    return coded


def contrast(coded: Bytes) -> Floats:
    """float32 of any shape: relative brightness above the mean around; NaN where unseen."""
    decoded: Floats = (coded.astype(np.float32) - np.float32(NONE)) / np.float32(STEPS)
    decoded[coded == UNSEEN] = np.nan
    return decoded


@cache
def _whole() -> Floats:
    """(SIZE, SIZE) 1 on the face."""
    return (chart_map().owner >= 0).astype(np.float32)


@cache
def _face() -> tuple[NDArray[np.bool_], Floats, NDArray[np.int32]]:
    """(SIDE, SIDE) texels wholly on the face; the face's share blurred as brightness is; the triangle of each texel."""
    share, step = _reduced(_whole()), SIZE // SIDE
    around = np.maximum(cv2.GaussianBlur(share, (0, 0), _AROUND), np.float32(1e-3)).astype(np.float32)
    return share > 0.99, around, chart_map().owner[step // 2 :: step, step // 2 :: step]


def _reduced(chart: Floats) -> Floats:
    """(SIDE, SIDE) means over the chart."""
    return np.asarray(cv2.resize(chart, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.float32)
