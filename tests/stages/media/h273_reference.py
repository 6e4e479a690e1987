"""Colour conversion in float64, written from the equations of ITU-T H.273 and nothing of ours."""

from __future__ import annotations

import numpy as np

WEIGHTS = {1: (0.2126, 0.0722), 4: (0.3, 0.11), 6: (0.299, 0.114), 7: (0.212, 0.087), 9: (0.2627, 0.0593)}


def to_rgb(codes, matrix, depth, full):
    kr, kb = WEIGHTS[matrix]
    y, cb, cr = codes
    if full:
        luma = y / (2**depth - 1)
        blue, red = ((c - 2 ** (depth - 1)) / (2**depth - 1) for c in (cb, cr))
    else:
        luma = (y / 2 ** (depth - 8) - 16) / 219
        blue, red = ((c / 2 ** (depth - 8) - 128) / 224 for c in (cb, cr))
    r, b = luma + 2 * (1 - kr) * red, luma + 2 * (1 - kb) * blue
    return np.stack([r, (luma - kr * r - kb * b) / (1 - kr - kb), b], -1)


def to_codes(rgb, matrix, depth, full):
    kr, kb = WEIGHTS[matrix]
    r, g, b = np.moveaxis(np.asarray(rgb, np.float64), -1, 0)
    luma = kr * r + (1 - kr - kb) * g + kb * b
    blue, red = (b - luma) / (2 * (1 - kb)), (r - luma) / (2 * (1 - kr))
    if full:
        top = 2**depth - 1
        return luma * top, blue * top + 2 ** (depth - 1), red * top + 2 ** (depth - 1)
    unit = 2 ** (depth - 8)
    return (luma * 219 + 16) * unit, (blue * 224 + 128) * unit, (red * 224 + 128) * unit
