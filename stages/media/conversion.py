"""Whole-frame conversion for encoders that do not take the source's pixel format. Nothing else may convert a frame."""

from __future__ import annotations

import av
import numpy as np

from stages.media.colour import SD_HEIGHT
from stages.media.containers import relabelled
from stages.media.pixels import alpha, set_alpha

_LIMITED, _FULL = 1, 2  # AVCOL_RANGE_MPEG, AVCOL_RANGE_JPEG
_BT709, _BT601, _RGB = 1, 5, 0
# Code points of H.273 that swscale knows under the same number.
_KNOWN = frozenset({1, 4, 5, 6, 7, 9})


def convert(native: av.VideoFrame, wanted: str) -> av.VideoFrame:
    """`native` in the pixel format `wanted` by swscale, tagged for what it then is; itself where nothing differs.

    Between YUV and RGB the tagged matrix is used (unspecified: BT.601 up to 576 rows, BT.709 above); RGB comes out full
    range, YUV made of RGB limited range, as players expect.
    """
    name = native.format.name
    if name == wanted:
        return native
    if relabelled(name) == wanted:
        return _relabel(native, wanted)
    made = _converted(native, wanted)
    opaque = alpha(native)
    if opaque is not None:  # swscale shifts alpha up, which leaves what was opaque a little short of it
        set_alpha(made, opaque)
    return made


def _converted(native: av.VideoFrame, wanted: str) -> av.VideoFrame:
    to_rgb, from_rgb = av.VideoFormat(wanted).is_rgb, native.format.is_rgb
    if to_rgb == from_rgb:
        return native.reformat(format=wanted)
    matrix = native.colorspace if native.colorspace in _KNOWN else _BT601 if native.height <= SD_HEIGHT else _BT709
    known = _BT601 if matrix == 6 else matrix
    if to_rgb:
        other = native.reformat(format=wanted, src_colorspace=known, dst_color_range=_FULL)
        other.colorspace, other.color_range = _RGB, _FULL
        return other
    other = native.reformat(format=wanted, dst_colorspace=known, src_color_range=_FULL, dst_color_range=_LIMITED)
    other.colorspace, other.color_range = matrix, _LIMITED
    return other


def _relabel(native: av.VideoFrame, name: str) -> av.VideoFrame:
    """The same samples under another name of their format, marked full range."""
    other = av.VideoFrame(native.width, native.height, name)
    for source, target in zip(native.planes, other.planes, strict=True):
        rows = np.frombuffer(memoryview(source), np.uint8).reshape(source.height, -1)
        copy = np.frombuffer(memoryview(target), np.uint8).reshape(target.height, -1)
        copy[:, : source.width] = rows[:, : source.width]
    other.pts, other.time_base, other.duration = native.pts, native.time_base, native.duration
    other.colorspace, other.color_range = native.colorspace, _FULL
    other.color_primaries, other.color_trc = native.color_primaries, native.color_trc
    return other
