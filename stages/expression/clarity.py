"""How sharp and how well lit the picture of a face is, from 0 to 1."""

from __future__ import annotations

from functools import cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from stages.expression import chart
from stages.faces import layouts
from stages.packets import Floats

_EYES: Final = np.concatenate([layouts.LEFT_EYE, layouts.RIGHT_EYE, layouts.BROWS])
_NARROW, _WIDE = 0.8, 1.8  # pixels: standard deviations of the two smoothings
_EDGES: Final = 0.12  # share of the pixels around the eyes that count as edges
_CRISPEST: Final = 0.8  # of them, whose width counts: lid rims are crisper than brows, whatever the lens
_SAMPLE: Final = 48  # pixels to each side of the nose in which noise is measured
SHARP: Final = 1.5
"""Pixels an edge may be blurred by (standard deviation) and count as sharp."""
BLURRED: Final = 3.0
"""Pixels of blur at which nothing of the sharpness is left."""
DARK: Final = (18.0, 55.0)
"""8-bit luma of the skin between which light rises from none to enough."""
GRAINY: Final = (5.0, 20.0)
"""Ratios of the skin's luma to its noise between which light rises from none to enough."""
CLIPPED: Final = (0.05, 0.5)
"""Shares of the skin that is clipped between which light falls from enough to none."""


def sharpness(face: chart.Chart) -> float:
    """By how much the edges of eyes and brows are blurred, in pixels of the face at the size that it is looked at.

    An edge smoothed twice, by different widths, tells its own width by the ratio of its slopes (Zhuo & Sim, *Defocus
    map estimation from a single image*, 2011). Noise is smoothed away first, so it does not pass for sharpness.
    """
    points = face.points[_EYES]
    low = np.maximum(np.floor(points.min(0)).astype(int) - 4, 0)
    high = np.ceil(points.max(0)).astype(int) + 5
    eyes = face.pixels[low[1] : high[1], low[0] : high[0]]
    if min(eyes.shape) < 5:
        return 0.0  # a face of a few pixels, or none of it in the picture
    narrow, wide = (_slopes(cv2.GaussianBlur(eyes, (0, 0), width)) for width in (_NARROW, _WIDE))
    edges = wide >= np.quantile(wide, 1 - _EDGES)
    ratio = float(np.quantile(narrow[edges] / np.maximum(wide[edges], 1e-3), _CRISPEST)) ** 2
    width = np.sqrt(max(_WIDE**2 - ratio * _NARROW**2, 0.0) / max(ratio - 1, 1e-3))
    return float(np.clip((BLURRED - width) / (BLURRED - SHARP), 0, 1))


def light(face: chart.Chart) -> float:
    """Whether the skin is bright enough, above its noise and not clipped; the product of the three."""
    skin = face.luma.ravel()[_skin()]
    level = float(np.median(skin))
    clipped = float(np.mean((skin > 251) | (skin < 2)))
    return _ramp(level, *DARK) * _ramp(level / max(_noise(face), 1e-3), *GRAINY) * (1 - _ramp(clipped, *CLIPPED))


def _noise(face: chart.Chart) -> float:
    """Standard deviation of the noise in codes (Immerkaer, *Fast noise variance estimation*, 1996), by the median."""
    column, row = np.rint(face.points[layouts.NOSE].mean(0)).astype(int)
    top, left = max(row - _SAMPLE, 0), max(column - _SAMPLE, 0)
    part = face.pixels[top : row + _SAMPLE, left : column + _SAMPLE]
    mask = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    return float(np.median(np.abs(cv2.filter2D(part, cv2.CV_32F, mask)[::2, ::2]))) / (6 * 0.6745)


def _slopes(smooth: Floats) -> Floats:
    """At every second pixel of every second row: enough to find the crispest edges."""
    across = smooth[1:-1:2, 2::2] - smooth[1:-1:2, :-2:2]
    down = smooth[2::2, 1:-1:2] - smooth[:-2:2, 1:-1:2]
    slopes: Floats = np.sqrt(across * across + down * down)
    return slopes


def _ramp(value: float, none: float, enough: float) -> float:
    return float(np.clip((value - none) / (enough - none), 0, 1))


@cache
def _skin() -> NDArray[np.intp]:
    """Every ninth texel of plain skin."""
    return np.flatnonzero(chart.plain_skin())[::9]
