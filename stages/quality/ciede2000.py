"""How far apart two colours look: CIELAB and the CIEDE2000 difference, in which 1 is just about seen.

CIE 142-2001; the formula as written out by Sharma, Wu and Dalal, *The CIEDE2000 color-difference formula:
implementation notes, supplementary test data, and mathematical observations*, 2005, all weighting factors 1.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from stages.packets import Colour

Doubles = NDArray[np.float64]
Real = NDArray[np.floating]

# R'G'B' linear, D65 white -> XYZ over the white's own, by H.273 code point of the primaries (SMPTE RP 177).
_BT709: Final = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
_PRIMARIES: Final = {
    9: np.array([[0.6370, 0.1446, 0.1689], [0.2627, 0.6780, 0.0593], [0.0000, 0.0281, 1.0610]]),
    12: np.array([[0.4866, 0.2657, 0.1982], [0.2290, 0.6917, 0.0793], [0.0000, 0.0451, 1.0439]]),
}
_PQ, _HLG = 16, 18
_WHITE: Final = 203.0  # cd/m2 of diffuse white in HDR, ITU-R BT.2408


def lab(picture: Real, colour: Colour) -> Doubles:
    """(..., 3) non-linear R'G'B', nominal 0..1 -> (..., 3) L* a* b* under D65.

    Transfer: PQ (SMPTE ST 2084) and HLG (ITU-R BT.2100) as tagged, diffuse white at L* 100; all others as a display of
    IEC 61966-2-1 shows them. Primaries: BT.2020 and P3 as tagged, else BT.709.
    """
    matrix = _PRIMARIES.get(colour.primaries, _BT709)
    xyz = _linear(np.asarray(picture, np.float64), colour.transfer) @ (matrix / matrix.sum(1, keepdims=True)).T
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz * (29 / 6) ** 2 / 3 + 4 / 29)
    x, y, z = f[..., 0], f[..., 1], f[..., 2]
    made: Doubles = np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)
    return made


def _linear(picture: Doubles, transfer: int) -> Doubles:
    """Light over that of diffuse white."""
    code = np.maximum(picture, 0)
    if transfer == _PQ:
        power = np.minimum(code, 1) ** (1 / 78.84375)
        light: Doubles = (np.maximum(power - 0.8359375, 0) / (18.8515625 - 18.6875 * power)) ** (1 / 0.1593017578125)
        return light * (1e4 / _WHITE)
    if transfer == _HLG:
        scene = np.where(code <= 0.5, code**2 / 3, (np.exp((code - 0.55991073) / 0.17883277) + 0.28466892) / 12)
        return scene / 0.2653  # of diffuse white, at 75 % of the signal
    shown: Doubles = np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)
    return shown


def difference(one: Real, other: Real) -> Doubles:
    """CIEDE2000 between colours (..., 3) in L* a* b*."""
    (l1, a1, b1), (l2, a2, b2) = (np.moveaxis(np.asarray(c, np.float64), -1, 0) for c in (one, other))
    mean = (np.hypot(a1, b1) + np.hypot(a2, b2)) / 2
    stretch = 1.5 - 0.5 * _saturation(mean)
    c1, c2 = np.hypot(stretch * a1, b1), np.hypot(stretch * a2, b2)
    h1, h2 = (np.degrees(np.arctan2(b, stretch * a)) % 360 for a, b in ((a1, b1), (a2, b2)))
    grey = c1 * c2 == 0
    turn = np.where(grey, 0, (h2 - h1 + 180) % 360 - 180)
    turn = np.where((turn == -180) & (h2 > h1), 180, turn)
    hue = np.where(grey, h1 + h2, h1 + turn / 2) % 360
    lightness, chroma = (l1 + l2) / 2, (c1 + c2) / 2
    weight_l = 1 + 0.015 * (lightness - 50) ** 2 / np.sqrt(20 + (lightness - 50) ** 2)
    weight_c, weight_h = 1 + 0.045 * chroma, 1 + 0.015 * chroma * _hue_weight(hue)
    blue = 60 * np.exp(-(((hue - 275) / 25) ** 2))
    rotation = -2 * _saturation(chroma) * np.sin(np.radians(blue))
    dl, dc = (l2 - l1) / weight_l, (c2 - c1) / weight_c
    dh = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn / 2)) / weight_h
    apart: Doubles = np.sqrt(np.maximum(dl**2 + dc**2 + dh**2 + rotation * dc * dh, 0))
    return apart


def _saturation(chroma: Doubles) -> Doubles:
    held: Doubles = np.sqrt(chroma**7 / (chroma**7 + 25.0**7))
    return held


def _hue_weight(hue: Doubles) -> Doubles:
    angles = ((1, -30, -0.17), (2, 0, 0.24), (3, 6, 0.32), (4, -63, -0.20))
    waves = [share * np.cos(np.radians(times * hue + shift)) for times, shift, share in angles]
    weight: Doubles = 1 + np.sum(waves, axis=0)
    return weight
