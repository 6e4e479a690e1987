"""Colour coding of native frames: matrix coefficients and quantisation ranges (ITU-T H.273, sections 8.2 and 8.3)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import av

from stages.errors import ClipError
from stages.media.pixels import Layout, layout
from stages.packets import Colour

UNSPECIFIED = 2
SD_HEIGHT = 576
# H.273 table 4: matrix code point -> (Kr, Kb).
LUMA_WEIGHTS = {
    1: (0.2126, 0.0722),  # BT.709
    4: (0.30, 0.11),  # FCC
    5: (0.299, 0.114),  # BT.470 BG
    6: (0.299, 0.114),  # BT.601
    7: (0.212, 0.087),  # SMPTE 240M
    9: (0.2627, 0.0593),  # BT.2020 non-constant luminance
}
_JPEG, _MPEG = 2, 1


@dataclass(frozen=True, slots=True)
class Coding:
    """How the codes of a frame mean R'G'B' 0..1.

    kr, kb: luma weights. y_zero, y_span: code of black, codes from black to white. c_zero, c_span: code of no colour,
    codes from Cb = -.5 to .5. low, high: the codes that may be written.
    """

    kr: float
    kb: float
    y_zero: float
    y_span: float
    c_zero: float
    c_span: float
    low: float
    high: float


def colour_of(native: av.VideoFrame) -> Colour:
    """The tags of a decoded frame. RGB and `yuvj` formats are full range unless tagged otherwise."""
    name = native.format.name
    full = native.color_range == _JPEG or name.startswith("yuvj")
    full = full or (native.format.is_rgb and native.color_range != _MPEG)
    return Colour(int(native.colorspace), int(native.color_primaries), int(native.color_trc), full)


def coding(pixel_format: str, colour: Colour, height: int) -> Coding:
    """How frames of this format and these tags are coded; an unspecified matrix is BT.601 up to 576 rows, else BT.709.

    Raises:
        ClipError: a matrix that is no weighting of R'G'B' (YCgCo, ICtCp, constant luminance), or see `layout`.
    """
    return _coding(layout(pixel_format), colour.matrix, colour.full_range, height <= SD_HEIGHT)


@lru_cache(maxsize=64)
def _coding(form: Layout, matrix: int, full: bool, small: bool) -> Coding:
    if form.model != "yuv" or matrix in (0, UNSPECIFIED, 3):
        matrix = 6 if small else 1
    if matrix not in LUMA_WEIGHTS:
        raise ClipError(
            f"colour matrix {matrix} (H.273) cannot be edited: convert the clip to BT.709 or BT.2020 ncl first"
        )
    unit, top = float(1 << (form.depth - 8)), float((1 << form.depth) - 1)
    half = float(1 << (form.depth - 1))
    kr, kb = LUMA_WEIGHTS[matrix]
    if full:
        return Coding(kr, kb, 0.0, top, half, top, 0.0, top)
    # Codes 0 and 255 (times 2^(n-8)) are timing references in a digital interface, not picture (BT.709 part 2, item 6).
    return Coding(kr, kb, 16 * unit, 219 * unit, half, 224 * unit, unit, 255 * unit - 1)
