"""The colours of a face on its chart, coarse: what a hand, hair or a microphone before it changes at once."""

from __future__ import annotations

from functools import cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from stages.expression.chart import COARSE, SIZE, Chart, chart_map
from stages.packets import Bytes, Floats

SIDE: Final = 32
"""Texels on a side."""


def complexion(chart: Chart) -> Bytes:
    """(SIDE, SIDE, 3) R'G'B' 0..255, means over what lies on the face; 0 off it."""
    mean = _reduced(chart.colour) / _share()[..., None]
    coded: Bytes = np.rint(np.clip(mean, 1, 255)).astype(np.uint8)
    coded[~on_face()] = 0
    return coded


@cache
def on_face() -> NDArray[np.bool_]:
    """(SIDE, SIDE) texels that lie on the face for half of their area or more."""
    return np.asarray(_share() >= 0.5)


@cache
def _share() -> Floats:
    """(SIDE, SIDE) share of a texel's samples that lie on the face, never quite 0."""
    sampled = chart_map().owner[COARSE // 2 :: COARSE, COARSE // 2 :: COARSE] >= 0
    return np.maximum(_reduced(sampled.astype(np.float32)), np.float32(1e-3))


def _reduced(samples: Floats) -> Floats:
    """Means over the chart's colour samples, SIZE / COARSE a side."""
    assert len(samples) == SIZE // COARSE
    return np.asarray(cv2.resize(samples, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.float32)
