"""An identity's own folds: shown as far as the performer does what made them in the photo.

A photo that smiles has a fold from nose to mouth. On a performer at rest it would be an old person's; it is filled
then, and comes back as the performer smiles. What counts as a fold is a dark line: a valley of log luma (what a
morphological closing fills) that goes on in some direction (what survives an opening by line segments; Soille,
*Morphological Image Analysis*, 2003, ch. 4), so that moles and freckles stay.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

import cv2
import numpy as np

from stages import facs
from stages.expression import chart
from stages.expression.textures import regions
from stages.expression.textures.stage import PAINTED
from stages.identity.likeness import Portrait
from stages.packets import Floats

_ROWS: Final = np.array([facs.INDEX[f"AU{number:02d}"] for number in PAINTED])
_SLACK, _FULL = 1.0, 1.5  # intensity by which a photo may show more for nothing, and on top of that for a whole fold
_FLOOR: Final = np.float32(0.02)  # nominal, added before the logarithm
_FINE: Final = 0.8  # texels: standard deviation of a smoothing that leaves folds and takes pores
_WIDE: Final = 12  # texels: radius of what a fold's valley can be filled across
_LONG: Final = 9  # texels: what is shorter is no fold
_WAYS: Final = 8  # directions that lines are looked for in
_SOFT: Final = 0.7  # texels: standard deviation of the filling's edge
_DEEPEST: Final = 0.6  # natural logarithm that is filled at most
_COARSE: Final = chart.SIZE // 3  # samples a side of where a unit folds


@dataclass(frozen=True, slots=True)
class Own:
    """depth: (SIZE, SIZE, 3) natural logarithm of R'G'B' that a photo's folds lie below the skin around, for a fold is
    redder; units: (len(PAINTED), 2) what the face did in it."""

    depth: Floats
    units: Floats

    def filling(self, now: Floats) -> Floats:
        """(_COARSE, _COARSE) 0..1 how much of the depth is to be filled; now: (facs.COUNT, 2) of the performer."""
        more = np.clip((self.units - now[_ROWS] - _SLACK) / _FULL, 0, 1)
        made = np.zeros((_COARSE, _COARSE), np.float32)
        for row in np.flatnonzero(more.any(1)):
            np.maximum(made, _where()[row, 0] * more[row, 0] + _where()[row, 1] * more[row, 1], out=made)
        return made


def of(portrait: Portrait, units: Floats) -> Own:
    """units: (facs.COUNT, 2) what the portrait's face does."""
    return Own(depth(portrait.texture.astype(np.float32)), units[_ROWS].astype(np.float32))


def depth(texture: Floats) -> Floats:
    """(SIZE, SIZE, 3) see `Own`; texture: (side, side, 3) nominal R'G'B'."""
    small = cv2.resize(texture, (chart.SIZE, chart.SIZE), interpolation=cv2.INTER_AREA)
    log = cv2.GaussianBlur(np.log(np.maximum(small, 0) + _FLOOR), (0, 0), _FINE)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * _WIDE + 1,) * 2)
    valley = cv2.morphologyEx(log, cv2.MORPH_CLOSE, disc) - log
    mean = valley.mean(-1)
    lines = np.max([cv2.morphologyEx(mean, cv2.MORPH_OPEN, one) for one in _segments()], axis=0)
    share = lines / np.maximum(mean, np.float32(1e-3))
    return np.asarray(np.minimum(cv2.GaussianBlur(valley * share[..., None], (0, 0), _SOFT), _DEEPEST), np.float32)


@cache
def _segments() -> tuple[np.ndarray, ...]:
    """Lines of `_LONG` texels in all directions, as structuring elements."""
    made, middle = [], _LONG // 2
    for turn in np.arange(_WAYS) * np.pi / _WAYS:
        x, y = round(middle * float(np.cos(turn))), round(middle * float(np.sin(turn)))
        one = np.zeros((_LONG, _LONG), np.uint8)
        cv2.line(one, (middle - x, middle - y), (middle + x, middle + y), 1)
        made.append(one)
    return tuple(made)


@cache
def _where() -> Floats:
    """(len(PAINTED), 2, _COARSE, _COARSE) 0..1 where a unit folds the skin, on the performer's left and right."""
    left = regions.left()
    made = np.zeros((len(PAINTED), 2, _COARSE, _COARSE), np.float32)
    for row, number in enumerate(PAINTED):
        for side, share in enumerate((left, 1 - left)):
            made[row, side] = cv2.resize(regions.support(number) * share, (_COARSE,) * 2, interpolation=cv2.INTER_AREA)
    made.setflags(write=False)
    return made
