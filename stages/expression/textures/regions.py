"""Where on the face chart an Action Unit may fold or shade the skin, and where nothing may be touched.

Regions follow the appearance changes that the FACS manual (Ekman, Friesen & Hager 2002) lists for each unit; they are
the patches in which `stages.expression.folds` looks for creases, and a few wider ones between them.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Final

import cv2
import numpy as np

from stages.expression import chart
from stages.expression.folds import PATCHES, mirrored
from stages.faces import layouts
from stages.packets import Floats

_WIDER: Final[Mapping[str, tuple[int, ...]]] = {
    "cheek": (329, 330, 280, 425, 266, 371),  # the apple that AU6 and AU12 raise
    "marionette": (273, 287, 432, 434, 430, 424, 335),  # from the lip's corner down
}
PLACES: Final[Mapping[int, tuple[str, ...]]] = {
    1: ("forehead", "forehead_middle"),
    2: ("forehead",),
    4: ("brow_furrow", "nose_bridge"),
    6: ("crows_feet", "infraorbital", "under_eye", "nasolabial", "cheek"),
    7: ("under_eye",),
    9: ("nose_bridge", "nose_root", "nose_wing", "brow_furrow"),
    10: ("nose_wing", "nasolabial"),
    12: ("nasolabial", "dimple", "cheek", "infraorbital"),
    14: ("dimple",),
    15: ("dimple", "marionette", "chin"),
    17: ("chin", "chin_crease"),
    20: ("nasolabial", "marionette"),
}
"""Unit -> where it shows, on the performer's left; the right is its mirror."""
BESIDE: Final = (5, 18, 25, 26, 43)
"""Units that stretch and shade skin without folding it: explained away, never painted."""

GROWN: Final = 5.0
"""Texels by which a region reaches beyond its patch."""
SOFT: Final = 5.0
"""Texels: standard deviation of a region's edge."""
ACROSS: Final = 6.0
"""Texels from the middle of the face over which one side passes into the other."""
_FREE: Final = (5.0, 2.0)  # texels that eyes, brows, lips and nostrils are grown by, and their edge's softness
_OUTLINE: Final = (7.0, 4.0)  # texels inside the outline at which skin begins, and its softness
_NOSTRILS: Final = ((48, 64, 98, 97, 2, 1, 45, 220, 115), (278, 294, 327, 326, 2, 1, 275, 440, 344))


@cache
def support(number: int) -> Floats:
    """(SIZE, SIZE) 0..1 how much a unit may change each texel, both sides."""
    rings = [ring for name in PLACES[number] for ring in (_rings()[name], mirrored(_rings()[name]))]
    inside = np.any([chart.inside(np.array(ring, np.int32), GROWN) for ring in rings], axis=0)
    soft = cv2.GaussianBlur(inside.astype(np.float32), (0, 0), SOFT)
    allowed: Floats = np.minimum(soft, skin())
    return allowed


@cache
def left() -> Floats:
    """(SIZE, SIZE) 1 on the performer's left, 0 on the right, passing over in the middle."""
    middle = float(chart.places()[layouts.OVAL, 0].mean())
    ramp = np.clip((np.arange(chart.SIZE, dtype=np.float32) - middle) / ACROSS * 0.5 + 0.5, 0, 1)
    sides: Floats = np.broadcast_to(ramp, (chart.SIZE, chart.SIZE))
    return sides


@cache
def skin() -> Floats:
    """(SIZE, SIZE) 1 on skin; 0 on eyes, brows, lips, nostrils and near the outline, softly."""
    free = chart.inside(layouts.OVAL, -_OUTLINE[0]).astype(np.float32)
    for ring in (*features(), *(np.array(ring, np.int32) for ring in _NOSTRILS)):
        free[chart.inside(ring, _FREE[0])] = 0
    soft = cv2.GaussianBlur(free, (0, 0), _FREE[1])
    held: Floats = np.minimum(soft, free)
    return held


@cache
def bare() -> Floats:
    """(SIZE, SIZE) 1 where light may be averaged: skin up to the rims of eyes, brows and lips."""
    free = (chart.chart_map().owner >= 0).astype(np.float32)
    for ring in features():
        free[chart.inside(ring, 2)] = 0
    return free


@cache
def steady() -> Floats:
    """(SIZE, SIZE) 1 where detail tells how skin has shifted; eyes and the mouth's opening move by themselves."""
    free = (chart.chart_map().owner >= 0).astype(np.float32)
    for ring in (layouts.LEFT_EYE, layouts.RIGHT_EYE, layouts.LIPS_INNER):
        free[chart.inside(ring, 2)] = 0
    return free


def features() -> tuple[np.ndarray, ...]:
    """Rings around eyes, brows and lips."""
    return layouts.LEFT_EYE, layouts.RIGHT_EYE, layouts.LEFT_BROW, layouts.RIGHT_BROW, layouts.LIPS_OUTER


@cache
def _rings() -> dict[str, tuple[int, ...]]:
    return {patch.name: patch.ring for patch in PATCHES} | dict(_WIDER)
