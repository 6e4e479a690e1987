"""Flicker: what changes from frame to frame besides what moves.

The frame before is warped onto the frame by the source's own dense optical flow (`stages.media.flow`), and the mean
absolute difference left inside the mask is taken, of the output and of the source: a warping error as of Lai et al.,
*Learning blind video temporal consistency*, 2018, over the source's own.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from stages.media.flow import backward_flow, moved
from stages.packets import Floats, Frame
from stages.quality.luma import luma

_LEAST: Final = 0.1 / 255
"""Added to both residuals: below a tenth of an 8-bit code there is nothing to divide by."""


def flicker(
    source: tuple[Frame, Frame], result: tuple[Frame, Frame], box: tuple[int, int, int, int], mask: Floats, size: int
) -> float:
    """Residual of `result` (the frame before, the frame) over that of `source`, inside `mask` (h, w) of `box`.

    1 is as steady as the source. size: longest side at which it is computed. NaN where the mask is empty.
    """
    scale = min(1.0, size / max(mask.shape))
    small = max(8, round(mask.shape[1] * scale)), max(8, round(mask.shape[0] * scale))
    weights = _shrunk(mask, small)
    total = float(weights.sum())
    if total <= 0:
        return float("nan")
    then, now, then_made, now_made = (_shrunk(luma(frame, box), small) for frame in (*source, *result))
    flow = backward_flow(then, now)
    own, made = (
        float((residual(*pair, flow) * weights).sum()) / total for pair in ((then, now), (then_made, now_made))
    )
    return (made + _LEAST) / (own + _LEAST)


def residual(then: Floats, now: Floats, flow: Floats) -> Floats:
    """|now - then moved by `flow`|, (h, w)."""
    apart: Floats = np.abs(now - moved(then, flow))
    return apart


def _shrunk(picture: NDArray[np.float32], size: tuple[int, int]) -> Floats:
    if (picture.shape[1], picture.shape[0]) == size:
        return picture
    small: Floats = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return small
