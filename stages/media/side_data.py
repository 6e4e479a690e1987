"""What a frame carries beside its samples, past two faults of PyAV 18.1.

It frees the name of a PNG's colour profile once more than it should, which ends the process at some later time, and
fails on kinds it has no name for, such as the EXIF of a JPEG.
"""

from __future__ import annotations

from math import cos, radians, sin
from typing import Any

import av
import numpy as np
from av.sidedata.sidedata import Type

_NAMED_PROFILES = frozenset({"png", "apng"})
_ONE = 1 << 16  # fixed point of a display matrix


def side_data(native: av.VideoFrame, codec: str) -> list[Any]:
    """The frame's side data; nothing where PyAV cannot be asked for it."""
    if codec in _NAMED_PROFILES:
        return []
    try:
        return list(native.side_data)
    except ValueError:
        return []


def display_matrix(native: av.VideoFrame, codec: str) -> list[int] | None:
    """How players turn the picture, or None: upright."""
    for data in side_data(native, codec):
        if data.type == Type.DISPLAYMATRIX:
            return [int(number) for number in np.frombuffer(data, np.int32)]
    if not native.rotation:
        return None
    angle = radians(-native.rotation)
    across, down = round(cos(angle) * _ONE), round(sin(angle) * _ONE)
    return [across, down, 0, -down, across, 0, 0, 0, 1 << 30]
