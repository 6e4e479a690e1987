"""Sharpness: how much fine contrast an edit left of what the source had in the same place."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np

from stages.packets import Floats, Frame
from stages.quality.luma import luma

_WIDTH: Final = 0.012
"""Standard deviation in interocular distances of the blur that fine contrast is what is left of: pores, hair, rims."""

_LEAST: Final = 0.1 / 255


def ratio(before: Frame, after: Frame, mask: tuple[tuple[int, int, int, int], Floats], scale: float) -> float:
    """RMS of fine contrast inside the mask, `after` over `before`. scale: pixels per interocular distance.

    1 keeps it, below 1 is softer. NaN where the mask is empty.
    """
    box, weights = mask
    total = float(weights.sum())
    if total <= 0:
        return float("nan")
    powers = (float((_fine(luma(frame, box), _WIDTH * scale) ** 2 * weights).sum()) for frame in (before, after))
    old, new = (float(np.sqrt(power / total)) for power in powers)
    return (new + _LEAST) / (old + _LEAST)


def _fine(picture: Floats, sigma: float) -> Floats:
    fine: Floats = picture - cv2.GaussianBlur(picture, (0, 0), max(sigma, 0.8))
    return fine
