"""From a frame's own R'G'B' to Oklab's cone responses and back, whatever its transfer and primaries.

Oklab (Ottosson, *A perceptual color space for image processing*, 2020) is a matrix on the cube roots of cone responses.
Distances in it are close to seen ones, and its lightness keeps apart from its hue, so that means and covariances of
skin say what an eye would. Signs are kept throughout: a value below black comes back as it was.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stages.packets import Colour, Floats

Doubles = NDArray[np.float64]

LINEAR, SRGB, PQ, HLG = 8, 13, 16, 18
"""H.273 table 3. What else there is is shown on displays of BT.1886 and taken as that power."""

_BT1886: Final = 2.4
_M1, _M2 = 2610 / 16384, 2523 / 4096 * 128  # SMPTE ST 2084
_C1, _C2, _C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
_HLG_A, _HLG_B, _HLG_C = 0.17883277, 0.28466892, 0.55991073  # BT.2100 table 5
_WHITE: Final = (0.3127, 0.3290)
_BT709: Final = ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060))
_PRIMARIES: Final = {
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),  # BT.2020
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),  # P3-D65
}
"""H.273 table 2: code point -> x, y of red, green, blue. SD primaries are near enough to BT.709's."""

_CONES: Final = np.array(
    [[0.8189330101, 0.3618667424, -0.1288597137], [0.0329845436, 0.9293118715, 0.0361456387],
     [0.0482003018, 0.2643662691, 0.6338517070]]
)  # fmt: skip
"""XYZ (D65) to cone responses, Ottosson 2020."""

OKLAB: Final = np.array(
    [[0.2104542553, 0.7936177850, -0.0040720468], [1.9779984951, -2.4285922050, 0.4505937099],
     [0.0259040371, 0.7827717662, -0.8086757660]]
)  # fmt: skip
"""Cube roots of cone responses to L, a, b, Ottosson 2020."""


def cones(rgb: Floats, colour: Colour) -> Doubles:
    """Cube roots of cone responses, (..., 3), of non-linear R'G'B' (..., 3), nominal 0..1."""
    made: Doubles = np.cbrt(linear(rgb, colour.transfer) @ _to_cones(colour.primaries).T)
    return made


def from_cones(roots: Doubles, colour: Colour) -> Doubles:
    """The inverse of `cones`."""
    light = np.power(roots, 3) @ np.linalg.inv(_to_cones(colour.primaries)).T
    return coded(light, colour.transfer)


def linear(rgb: Floats, transfer: int) -> Doubles:
    """Light of non-linear R'G'B', up to a factor (PQ: 1 is 10000 cd/m2; HLG: of the scene)."""
    code = np.abs(rgb.astype(np.float64))
    if transfer == LINEAR:
        light = code
    elif transfer == PQ:
        root = np.power(code, 1 / _M2)
        light = np.power(np.maximum(root - _C1, 0) / np.maximum(_C2 - _C3 * root, 1e-9), 1 / _M1)
    elif transfer == HLG:
        light = np.where(code <= 0.5, code * code / 3, (np.exp((np.minimum(code, 2) - _HLG_C) / _HLG_A) + _HLG_B) / 12)
    elif transfer == SRGB:  # IEC 61966-2-1
        light = np.where(code <= 0.04045, code / 12.92, np.power((code + 0.055) / 1.055, 2.4))
    else:
        light = np.power(code, _BT1886)
    signed: Doubles = np.copysign(light, rgb)
    return signed


def coded(light: Doubles, transfer: int) -> Doubles:
    """The inverse of `linear`."""
    amount = np.abs(light)
    if transfer == LINEAR:
        code = amount
    elif transfer == PQ:
        power = np.power(amount, _M1)
        code = np.power((_C1 + _C2 * power) / (1 + _C3 * power), _M2)
    elif transfer == HLG:
        bright = _HLG_A * np.log(np.maximum(12 * amount - _HLG_B, 1e-9)) + _HLG_C
        code = np.where(amount <= 1 / 12, np.sqrt(3 * amount), bright)
    elif transfer == SRGB:
        code = np.where(amount <= 0.0031308, amount * 12.92, 1.055 * np.power(amount, 1 / 2.4) - 0.055)
    else:
        code = np.power(amount, 1 / _BT1886)
    made: Doubles = np.copysign(code, light)
    return made


@lru_cache(maxsize=8)
def _to_cones(primaries: int) -> Doubles:
    """(3, 3) linear RGB to cone responses; white gives 1, 1, 1."""
    xy = np.array([*_PRIMARIES.get(primaries, _BT709), _WHITE])
    xyz = np.column_stack([xy[:, 0] / xy[:, 1], np.ones(4), (1 - xy.sum(1)) / xy[:, 1]]).T
    matrix = _CONES @ (xyz[:, :3] * np.linalg.solve(xyz[:, :3], xyz[:, 3]))
    made: Doubles = matrix / matrix.sum(1, keepdims=True)
    return made
