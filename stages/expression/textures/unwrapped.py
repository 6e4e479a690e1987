"""Pages of a clip's album as reliefs that can be compared texel by texel: unwrapped, registered, without light.

A tracker shows half of a lowered brow, so what is left of a movement on the chart is taken out first: every relief is
laid onto the clip's middle one by a smooth flow (Lucas & Kanade, *An iterative image registration technique*, 1981).
A fold has no counterpart to flow to and stays. What varies slowly over the skin is light and pose, and is divided out
as by the local mean of `stages.expression.relief`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from stages.expression import chart, clarity, occlusion
from stages.expression.textures import regions
from stages.expression.trust import free
from stages.packets import Floats, Page

AROUND: Final = 10.0
"""Texels: standard deviation of the mean that is divided out; broader shades are light."""
FINE: Final = 0.7
"""Texels: standard deviation of a smoothing that leaves wrinkles and takes grain."""
_FLOOR: Final = np.float32(6)  # 8-bit codes added before the logarithm: noise in black is no fold
_WINDOW: Final = 7.0  # texels: standard deviation of the flow's window
_STIFF: Final = np.float32(4e-4)  # squared slope of log luma below which nothing is taken to have shifted
_FARTHEST: Final = 4.0  # texels
_TURNED_AWAY: Final = (0.15, 0.4)  # of its area that a triangle shows: counts for nothing, for all


@dataclass(frozen=True, slots=True)
class Reliefs:
    """n pages. detail: (n, SIZE, SIZE) natural logarithm of luma less that of its surroundings; seen: (n, SIZE, SIZE)
    0..1 how far that can be believed."""

    detail: Floats
    seen: Floats


def reliefs(pages: Sequence[Page]) -> Reliefs:
    """All pages of one person."""
    charts = [chart.unwrap_crop(page.pixels.astype(np.float32) * 255, page.box, page.landmarks) for page in pages]
    logs = np.stack([_log(one) for one in charts])
    weights = np.array([_clear(one) for one in charts], np.float32)
    seen = np.stack([_facing(one) for one in charts]) * weights[:, None, None]
    laid = _registered(logs, weights)
    return Reliefs(np.stack([_without_light(log) for log in laid]), seen)


def _log(face: chart.Chart) -> Floats:
    log: Floats = cv2.GaussianBlur(np.log(np.maximum(face.luma, 0) + _FLOOR), (0, 0), FINE)
    return log


def _clear(face: chart.Chart) -> float:
    """0..1 how sharp, well lit and uncovered a face is."""
    return clarity.sharpness(face) * clarity.light(face) * free(occlusion.covered(face)) ** 2


def _facing(face: chart.Chart) -> Floats:
    least, full = _TURNED_AWAY
    shown = np.clip((face.front[chart.chart_map().owner] - least) / (full - least), 0, 1)
    return np.asarray(shown, np.float32)


def _without_light(log: Floats) -> Floats:
    """Less the mean of the skin around."""
    bare = regions.bare()
    share = np.maximum(cv2.GaussianBlur(bare, (0, 0), AROUND), np.float32(1e-3))
    detail: Floats = log - cv2.GaussianBlur(log * bare, (0, 0), AROUND) / share
    return detail


def _registered(logs: Floats, weights: Floats) -> Floats:
    """Every page laid onto the middle one."""
    detail = np.stack([log - cv2.GaussianBlur(log, (0, 0), AROUND) for log in logs])
    trusted = detail[weights >= np.median(weights)]
    middle = np.median(trusted, axis=0).astype(np.float32)
    return np.stack([_remapped(log, _flow(one, middle)) for log, one in zip(logs, detail, strict=True)])


def _flow(detail: Floats, middle: Floats) -> Floats:
    """(SIZE, SIZE, 2) where each texel of `middle` lies in `detail`, less its own place."""
    flow = np.zeros((chart.SIZE, chart.SIZE, 2), np.float32)
    across, down = cv2.Scharr(middle, -1, 1, 0, scale=1 / 32), cv2.Scharr(middle, -1, 0, 1, scale=1 / 32)
    xx, xy, yy = (_pooled(a * b) for a, b in ((across, across), (across, down), (down, down)))
    xx, yy = xx + _STIFF, yy + _STIFF
    whole = xx * yy - xy * xy
    for _ in range(2):
        off = _remapped(detail, flow) - middle
        x, y = _pooled(across * off), _pooled(down * off)
        step = np.stack([yy * x - xy * y, xx * y - xy * x], -1) / whole[..., None]
        flow = np.clip(flow - step, -_FARTHEST, _FARTHEST).astype(np.float32)
    return flow


def _pooled(product: Floats) -> Floats:
    pooled: Floats = cv2.GaussianBlur(product * regions.steady(), (0, 0), _WINDOW)
    return pooled


def _remapped(log: Floats, flow: Floats) -> Floats:
    y, x = np.mgrid[: chart.SIZE, : chart.SIZE].astype(np.float32)
    laid: Floats = cv2.remap(log, x + flow[..., 0], y + flow[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return laid
