"""Static HDR metadata (SMPTE ST 2086 and CTA-861.3), from a frame's side data into an encoder's parameters.

PyAV hands side data out as bytes only, and encoders want it before they open, so the C structures are read here:
`AVMasteringDisplayMetadata` is ten rationals (R, G, B and white x, y; lowest and highest luminance) and two flags,
`AVContentLightMetadata` two unsigned integers.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from fractions import Fraction
from typing import Any

from av.sidedata.sidedata import Type

# encoder: (its parameter option, names of the two parameters, units a unit of chromaticity and a cd/m2; 0 = decimals)
_ENCODERS = {
    "libx264": ("x264-params", "mastering-display", "cll", 50000, 10000),
    "libx265": ("x265-params", "master-display", "max-cll", 50000, 10000),
    "libsvtav1": ("svtav1-params", "mastering-display", "content-light", 0, 0),
}
DYNAMIC = frozenset({Type.DOVI_METADATA, Type.DOVI_RPU_BUFFER, Type.DYNAMIC_HDR_PLUS, Type.DYNAMIC_HDR_VIVID})
STATIC = frozenset({Type.MASTERING_DISPLAY_METADATA, Type.CONTENT_LIGHT_LEVEL})


def carried(codec: str, side_data: Iterable[Any], options: dict[str, str]) -> tuple[dict[str, str], list[str]]:
    """`options` with the frame's static HDR metadata added, and the names of what this encoder cannot take.

    Parameters the user gave are left alone.
    """
    if codec not in _ENCODERS:
        return options, [_name(data) for data in side_data if data.type in STATIC | DYNAMIC]
    option, display, light, chroma_unit, luminance_unit = _ENCODERS[codec]
    given, lost = [p for p in options.get(option, "").split(":") if p], []
    for data in side_data:
        if data.type == Type.MASTERING_DISPLAY_METADATA:
            given.append(f"{display}={_display(bytes(data), chroma_unit, luminance_unit)}")
        elif data.type == Type.CONTENT_LIGHT_LEVEL:
            given.append("{}={},{}".format(light, *struct.unpack("2I", bytes(data)[:8])))
        elif data.type in DYNAMIC:
            lost.append(_name(data))
    unique = list({p.partition("=")[0]: p for p in reversed(given)}.values())[::-1]
    return ({**options, option: ":".join(unique)} if unique else options), lost


def _display(data: bytes, chroma_unit: int, luminance_unit: int) -> str:
    numbers = struct.unpack("20i", data[:80])
    values = [Fraction(n, d or 1) for n, d in zip(numbers[::2], numbers[1::2], strict=True)]
    rx, ry, gx, gy, bx, by, wx, wy = (_number(v, chroma_unit) for v in values[:8])
    low, high = (_number(v, luminance_unit) for v in values[8:])
    return f"G({gx},{gy})B({bx},{by})R({rx},{ry})WP({wx},{wy})L({high},{low})"


def _number(value: Fraction, unit: int) -> str:
    return str(round(value * unit)) if unit else f"{float(value):.5f}"


def _name(data: Any) -> str:
    return str(data.type.name).lower().replace("_", " ")
