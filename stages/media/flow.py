"""Dense optical flow between two frames (Kroeger et al., *Fast optical flow using dense inverse search*, 2016)."""

from __future__ import annotations

import threading
from typing import Any

import cv2
import numpy as np

from stages.packets import Floats

_LOCAL = threading.local()


def backward_flow(then: Floats, now: Floats) -> Floats:
    """(h, w, 2): where in `then` each pixel of `now` was, as an offset in pixels. Both luma (h, w), nominal 0..1."""
    grey = [np.round(picture * np.float32(255)).clip(0, 255).astype(np.uint8) for picture in (now, then)]
    flow: Floats = _search().calc(grey[0], grey[1], None)
    return flow


def moved(then: Floats, flow: Floats) -> Floats:
    """(h, w) `then` as it lies now, by cubic interpolation; beyond its border the border goes on."""
    height, width = flow.shape[:2]
    x = flow[..., 0] + np.arange(width, dtype=np.float32)
    y = flow[..., 1] + np.arange(height, dtype=np.float32)[:, None]
    laid: Floats = cv2.remap(then, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return laid


def _search() -> Any:
    """One a thread: it keeps buffers."""
    if not hasattr(_LOCAL, "flow"):
        _LOCAL.flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    return _LOCAL.flow
