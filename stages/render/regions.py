"""Where an edit's skin is."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from stages.faces import layouts
from stages.packets import Edit, Floats

OPENINGS: Final = (layouts.RIGHT_EYE, layouts.LEFT_EYE, layouts.LIPS_INNER)
FEATURES: Final = (layouts.RIGHT_EYE, layouts.LEFT_EYE, layouts.LIPS_OUTER, layouts.RIGHT_BROW, layouts.LEFT_BROW)
_COARSE: Final = 2
"""Pixels a side of a sample of the mask."""


def around(edit: Edit, rings: tuple[NDArray[np.int32], ...]) -> Floats:
    """(h, w) 1 on skin, 0 within `rings` of vertices with a soft rim; 1 throughout where no mesh was drawn."""
    x0, y0, x1, y1 = edit.box
    if not len(edit.places):
        return np.ones((y1 - y0, x1 - x0), np.float32)
    small = np.ones((-(-(y1 - y0) // _COARSE), -(-(x1 - x0) // _COARSE)), np.float32)
    spots = (edit.places - np.array([x0, y0], np.float32) - (_COARSE - 1) / 2) / _COARSE
    for ring in rings:
        cv2.fillPoly(small, [np.rint(spots[ring] * 16).astype(np.int32)], 0, cv2.LINE_8, 4)
    soft = cv2.blur(small, (3, 3))
    fine: Floats = cv2.resize(soft, None, fx=_COARSE, fy=_COARSE, interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(fine[: y1 - y0, : x1 - x0])
