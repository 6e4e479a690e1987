"""The luma of a region, for scores."""

from __future__ import annotations

from typing import Final

import numpy as np

from stages.media.pixels import turned, upright
from stages.packets import Floats, Frame

_WEIGHTS: Final = (0.2126, 0.7152, 0.0722)
"""Of R', G' and B', ITU-R BT.709; what contrasts are compared with need not know the clip's own."""


def luma(frame: Frame, box: tuple[int, int, int, int]) -> Floats:
    """(h, w) codes of `box` over the highest code, so that one 8-bit code is 1/255 in every depth; offset is kept."""
    form, (x0, y0, x1, y1) = turned(frame.pixel_format, frame.turns), box
    views = upright(frame.native, frame.turns)
    weights = _WEIGHTS if form.model == "rgb" else (1.0,)
    scale = 1 / (((1 << form.depth) - 1) << form.shift)
    total = np.zeros((y1 - y0, x1 - x0), np.float32)
    for view, weight in zip(views, weights, strict=False):
        total += view[y0:y1, x0:x1] * np.float32(weight * scale)
    return total
