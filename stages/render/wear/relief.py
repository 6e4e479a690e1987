"""The fine structure of skin on the face chart: wrinkles, brows, pores, without light; and how it has shifted.

Detail is the logarithm of luma less its mean over the skin around. Where two pictures of one person differ by a shift,
the shift is found by least squares in soft windows (Lucas & Kanade, *An iterative image registration technique*,
1981); what remains between them are folds and shades, as an expression ratio image has them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

import cv2
import numpy as np

from stages.expression import chart
from stages.expression.textures import regions
from stages.packets import Floats

AROUND: Final = 10.0
"""Texels: standard deviation of the mean that is taken away."""
_FLOOR: Final = np.float32(6)  # 8-bit codes added before the logarithm: noise in black is no fold
_FINE: Final = 0.8  # texels: standard deviation of a smoothing that leaves wrinkles and takes grain
_FAINT: Final = np.float32(0.05)
"""Natural logarithm of luma at which half of a wrinkle is believed: what is fainter is grain and the performer's own
complexion. Without it likeness is .01 lower; expression reads the same."""
_HALF: Final = chart.SIZE // 2  # shifts are found at half the size
_WINDOW: Final = 3.5  # texels of the half size: standard deviation of a window
_STIFF: Final = np.float32(6e-4)  # squared slope of log luma below which nothing is taken to have shifted
_FARTHEST: Final = np.float32(3.0)  # texels of the half size
_ROUNDS: Final = 3
_COARSER: Final = 4  # the mean around is made at so many times the texel


def detail(luma: Floats) -> Floats:
    """(SIZE, SIZE) of a chart's luma, 0..255."""
    log = cv2.GaussianBlur(np.log(np.maximum(luma, 0) + _FLOOR), (0, 0), _FINE)
    side = chart.SIZE // _COARSER
    small = cv2.resize(log, (side, side), interpolation=cv2.INTER_AREA)
    mean = cv2.GaussianBlur(small * _bare(), (0, 0), AROUND / _COARSER) / _around()
    return np.asarray(log - cv2.resize(mean, (chart.SIZE, chart.SIZE), interpolation=cv2.INTER_LINEAR), np.float32)


@dataclass(frozen=True, slots=True)
class Anchor:
    """A relief that others are registered with; slopes are made once."""

    picture: Floats
    across: Floats
    down: Floats
    xx: Floats
    xy: Floats
    yy: Floats


def anchor(of: Floats) -> Anchor:
    """of: (SIZE, SIZE) detail."""
    small = _halved(of)
    across, down = cv2.Scharr(small, -1, 1, 0, scale=1 / 32), cv2.Scharr(small, -1, 0, 1, scale=1 / 32)
    xx, xy, yy = (_pooled(a * b) for a, b in ((across, across), (across, down), (down, down)))
    xx, yy = xx + _STIFF, yy + _STIFF
    whole = xx * yy - xy * xy
    return Anchor(small, across, down, *(np.asarray(one / whole, np.float32) for one in (xx, xy, yy)))


def flow(now: Floats, to: Anchor) -> Floats:
    """(SIZE // 2, SIZE // 2, 2) texels of the chart by which the skin of `to` lies elsewhere in `now`."""
    small = _halved(now)
    found = np.zeros((_HALF, _HALF, 2), np.float32)
    y, x = _grid()
    for turn in range(_ROUNDS):
        moved = cv2.remap(small, x + found[..., 0], y + found[..., 1], cv2.INTER_LINEAR) if turn else small
        off = np.clip(moved - to.picture, -0.5, 0.5)
        a, b = _pooled(to.across * off), _pooled(to.down * off)
        found[..., 0] -= to.yy * a - to.xy * b
        found[..., 1] -= to.xx * b - to.xy * a
        np.clip(found, -_FARTHEST, _FARTHEST, out=found)
    return np.asarray(2 * found * _loose()[..., None], np.float32)


def laid(picture: Floats, shift: Floats) -> Floats:
    """(SIZE, SIZE) a picture on the chart, taken from where `shift` says."""
    wide = cv2.resize(shift, (chart.SIZE, chart.SIZE), interpolation=cv2.INTER_LINEAR)
    y, x = _whole()
    return np.asarray(
        cv2.remap(picture, x + wide[..., 0], y + wide[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    )


def cored(change: Floats) -> Floats:
    """Less what is faint, without a step; change: natural logarithms."""
    square = np.square(change)
    return np.asarray(change * (square / (square + _FAINT**2)), np.float32)


def _halved(picture: Floats) -> Floats:
    return np.asarray(cv2.resize(picture, (_HALF, _HALF), interpolation=cv2.INTER_AREA))


def _pooled(product: Floats) -> Floats:
    return np.asarray(cv2.GaussianBlur(product * _steady(), (0, 0), _WINDOW))


@cache
def _steady() -> Floats:
    return _halved(regions.steady())


@cache
def _loose() -> Floats:
    """(_HALF, _HALF) 0 at the rims of eyes and mouth, whose place is known, rising to 1 away from them."""
    far = cv2.distanceTransform((_steady() > 0.99).astype(np.uint8), cv2.DIST_L2, 5)
    t = np.clip((far - 1) / np.float32(6), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


@cache
def _bare() -> Floats:
    side = chart.SIZE // _COARSER
    return np.asarray(cv2.resize(regions.bare(), (side, side), interpolation=cv2.INTER_AREA), np.float32)


@cache
def _around() -> Floats:
    return np.asarray(np.maximum(cv2.GaussianBlur(_bare(), (0, 0), AROUND / _COARSER), 1e-2), np.float32)


@cache
def _whole() -> tuple[Floats, Floats]:
    y, x = np.mgrid[: chart.SIZE, : chart.SIZE].astype(np.float32)
    return y, x


@cache
def _grid() -> tuple[Floats, Floats]:
    y, x = np.mgrid[:_HALF, :_HALF].astype(np.float32)
    return y, x
