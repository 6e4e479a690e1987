"""Settings without which an encoder does not code the same pictures the same way twice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import cv2

_AVX512_SKX: Final = 256
"""OpenCV's number of the part of AVX-512 that x264 looks for (`CV_CPU_AVX512_SKX`)."""


def steadied(codec: str, options: Mapping[str, str]) -> dict[str, str]:
    """An encoder's options and what else it needs.

    x264's macroblock tree in AVX-512 code reads what it did not write on small pictures (seen at 320 x 180, core 165):
    a second encoder in the same process, such as of the next chunk, coded them otherwise. Where the processor has
    AVX-512, x264 is told to stay with AVX2; `asm` in the user's own `x264-params` wins.
    """
    given = options.get("x264-params", "")
    wide = cv2.checkHardwareSupport(_AVX512_SKX)
    if codec != "libx264" or not wide or any(one.startswith("asm=") for one in given.split(":")):
        return dict(options)
    return {**options, "x264-params": ":".join(filter(None, (given, "asm=avx2")))}
