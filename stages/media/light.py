"""Frames as light: what OpenEXR is for.

OpenEXR (*Technical Introduction to OpenEXR*, Academy Software Foundation) holds linear values, colours multiplied by
alpha, and compositing programs read them so. The codes of a clip are turned into light by its own transfer tag.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import av
import numpy as np
from numpy.typing import NDArray

from stages.media.pixels import alpha
from stages.media.planes import clone, crop
from stages.packets import Floats, Frame
from stages.render.spaces import LINEAR, PQ, linear

Light = Literal["code", "linear"]

PQ_WHITE = 100.0
"""1.0 stands for 100 cd/m2 in a file made of PQ, which itself counts in units of 10000 (as OpenColorIO's ST-2084)."""
_RGB, _FULL = 0, 2
_ORDER = (2, 0, 1)  # FFmpeg stores the planes as G, B, R


def light_of(rgb: Floats, transfer: int) -> NDArray[np.float64]:
    """Linear light of non-linear R'G'B' (..., 3) by its transfer (H.273 table 3): white 1, of PQ 100 cd/m2.

    sRGB, PQ and linear as tagged; HLG as light of the scene (BT.2100); all others as a display of BT.1886 shows them.
    """
    light = linear(rgb, transfer)
    return light * (10000 / PQ_WHITE) if transfer == PQ else light


def float_frame(frame: Frame, light: Light, *, half: bool = False) -> av.VideoFrame:
    """`frame` as `gbrpf32le`, or with alpha `gbrapf32le` and colours multiplied by it; a float frame is itself.

    light: "linear" as `light_of`, "code" leaves R'G'B' 0..1 as it is. half: values are rounded to
    half float, which FFmpeg's encoder would cut off. Nothing is clipped. Chroma is repeated over the samples it covers,
    as edits read it.

    Raises:
        ClipError: a pixel format or colour matrix that cannot be read.
    """
    if frame.pixel_format in ("gbrpf32le", "gbrapf32le"):
        return _half(frame.native) if half else frame.native
    stored = replace(frame, turns=0)
    rgb = crop(stored, (0, 0, stored.width, stored.height))
    seen: NDArray[Any] = light_of(rgb, frame.colour.transfer) if light == "linear" else rgb
    matte = alpha(frame.native)
    if matte is not None:
        seen = seen * matte[..., None]
    if half:
        seen = seen.astype(np.float16)
    return packed(frame, seen, matte, light)


def packed(frame: Frame, rgb: NDArray[Any], matte: NDArray[Any] | None, light: Light) -> av.VideoFrame:
    """R, G, B (h, w, 3) and alpha (h, w), turned as stored, as a float frame with the time and tags of `frame`."""
    made: av.VideoFrame = frame.native.reformat(format="gbrpf32le" if matte is None else "gbrapf32le")
    planes = [*(rgb[..., i] for i in range(3)), *([] if matte is None else [matte])]
    for index, samples in zip((*_ORDER, 3), planes, strict=False):
        plane = made.planes[index]
        rows: NDArray[Any] = np.frombuffer(memoryview(plane), np.float32).reshape(plane.height, -1)
        rows[:, : plane.width] = samples
    made.colorspace, made.color_range = _RGB, _FULL
    if light == "linear":
        made.color_trc = LINEAR
    return made


def _half(native: av.VideoFrame) -> av.VideoFrame:
    """A copy whose values are those of half floats."""
    made = clone(native)
    for plane in made.planes:
        values: NDArray[Any] = np.frombuffer(memoryview(plane), np.float32)
        values[:] = values.astype(np.float16)
    return made
