"""Rims of lips and lids, moved to where a photo surely shows lip and lid and nothing of what lies between them."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np

from stages.faces import layouts
from stages.packets import Floats

LID: Final = 0.15
"""Share of the way to the next ring of points by which a lid's rim is taken from further out."""
LIP: Final = 0.15
"""Share of a lip's thickness by which its inner rim is taken from further out, at least."""
LIP_MOST: Final = 0.45
"""And at most: in the middle of a lip there is nothing but lip."""
OFF: Final = 0.8
"""Pixels by which a landmark's rim may be off; taken from further out on top of the share."""
UNLIKE: Final = 0.11
"""Step of colour along a lip, nominal R'G'B', that is no lip any more: a tooth, the seam, the dark of the mouth."""
_STEPS: Final = 12
# fmt: off
_AROUND_RIGHT_EYE: Final = np.array((243, 190, 56, 28, 27, 29, 30, 247, 130, 25, 110, 24, 23, 22, 26, 112))
_BETWEEN: Final = (
    np.array((62, 183, 42, 41, 38, 12, 268, 271, 272, 407, 292, 325, 319, 403, 316, 15, 86, 179, 89, 96)),
    np.array((76, 184, 74, 73, 72, 11, 302, 303, 304, 408, 306, 307, 320, 404, 315, 16, 85, 180, 90, 77)),
)
"""Rings of a lip's points between `layouts.LIPS_INNER` and `layouts.LIPS_OUTER`, in their order."""
# fmt: on
_EYES: Final = (
    (layouts.RIGHT_EYE, _AROUND_RIGHT_EYE),
    (layouts.LEFT_EYE, layouts.MIRROR[_AROUND_RIGHT_EYE]),
)


def off(points: Floats, picture: Floats) -> Floats:
    """Points (468, 3) in pixels of a picture, centres at whole numbers, with rims moved outward."""
    moved = points.copy()
    for rim, around in _EYES:
        moved[rim] += _share(points, rim, around, LID)[:, None] * (points[around] - points[rim])
    lips = layouts.LIPS_INNER, layouts.LIPS_OUTER
    share = _level(np.maximum(_share(points, *lips, LIP), _clear(points, picture)))
    across = points[lips[1]] - points[lips[0]]
    for ring in (layouts.LIPS_INNER, *_BETWEEN):  # all that lies nearer than the rim's new place makes way
        off_rim = ((points[ring] - points[lips[0]])[:, :2] * across[:, :2]).sum(1)
        there = np.clip(off_rim / np.maximum(np.square(across[:, :2]).sum(1), 1e-6), 0, 1)
        moved[ring] += (share * (1 - there))[:, None] * across
    return moved


def _share(points: Floats, rim: layouts.Indices, around: layouts.Indices, least: float) -> Floats:
    """(n,) of the way from each rim point outward."""
    apart = np.linalg.norm(points[around, :2] - points[rim, :2], axis=1)
    return np.asarray(np.minimum(least + OFF / np.maximum(apart, OFF), LIP_MOST), np.float32)


def _clear(points: Floats, picture: Floats) -> Floats:
    """(n,) of the way from each point of the inner rim across the lip from where on colours are the lip's own."""
    inner, outer = points[layouts.LIPS_INNER, :2], points[layouts.LIPS_OUTER, :2]
    way = np.linspace(0, LIP_MOST + 0.1, _STEPS, dtype=np.float32)
    spots = inner[:, None] + way[:, None] * (outer - inner)[:, None]
    fine = cv2.GaussianBlur(picture, (0, 0), 0.6)
    seen = cv2.remap(fine, spots[..., 0], spots[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    own = seen[:, -3:].mean(1, keepdims=True)
    unlike = np.abs(seen - own).max(-1) > UNLIKE
    last = np.where(unlike.any(1), _STEPS - 1 - unlike[:, ::-1].argmax(1), -1)
    share: Floats = np.where(last >= 0, way[np.minimum(last + 1, _STEPS - 1)], 0).astype(np.float32)
    return np.minimum(share, np.float32(LIP_MOST))


def _level(share: Floats) -> Floats:
    """A rim's shares without steps: each at least the mean of its neighbours and itself."""
    around = (np.roll(share, 1) + share + np.roll(share, -1)) / 3
    level: Floats = np.maximum(share, around).astype(np.float32)
    return level
