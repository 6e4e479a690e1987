"""A face on its chart beside how it usually looks: what the cover network sees.

Expression and light change a face too. So each picture is put beside the person's own usual look, the median of
pictures in which nothing lay before the face, and beside how much that varies; brightness and colour that differ all
over are taken out first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from stages.expression import chart, complexion, relief
from stages.expression.cover.middle import median
from stages.expression.relief import NONE, STEPS, UNSEEN
from stages.packets import Bytes, Floats

FINE: Final = relief.SIDE
COARSE: Final = complexion.SIDE
FOLD: Final = FINE // COARSE
PLANES: Final = 19
"""How many pictures the network sees."""
FOLDED: Final = (9, 13)
"""Where those begin that hold a fine picture's texels side by side."""
_FLOOR: Final = np.float32(10)  # 8-bit codes added before logarithms: colours of near-black are noise
_PALE: Final = np.float32(0.08)  # log ratio of colours below which a face counts as grey
_MOST: Final = np.float32(2)  # logarithms beyond which nothing is added
_LOUD: Final = np.float32(4)  # contrasts are small numbers


@dataclass(frozen=True, slots=True)
class Picture:
    """One face in one frame. relief: (FINE, FINE) bytes of `stages.expression.relief`; colours: (COARSE, COARSE, 3)
    bytes of `stages.expression.complexion`."""

    relief: Bytes
    colours: Bytes


@dataclass(frozen=True, slots=True)
class Usual:
    """How a face usually looks. relief: (FINE, FINE) contrast; colour: (COARSE, COARSE, 3) logarithms of luma, R/G and
    B/G less the skin's own; varies: (COARSE, COARSE, 2) median deviation of relief and luma."""

    relief: Floats
    colour: Floats
    varies: Floats

    @classmethod
    def of(cls, pictures: Sequence[Picture]) -> Usual:
        """Medians over pictures of one person."""
        return cls.between(np.stack([contrast(one) for one in pictures]), np.stack([tint(one) for one in pictures]))

    @classmethod
    def between(cls, reliefs: Floats, tints: Floats) -> Usual:
        """The same of what `contrast` and `tint` have made of them."""
        middle, colour = median(reliefs), median(tints)
        rough = cv2.resize(median(np.abs(reliefs - middle)), (COARSE, COARSE), interpolation=cv2.INTER_AREA)
        varies = np.stack([rough, median(np.abs(tints[..., 0] - colour[..., 0]))], -1)
        return cls(middle.astype(np.float32), colour.astype(np.float32), varies.astype(np.float32))


def seen(picture: Picture, usual: Usual) -> Floats:
    """(PLANES, COARSE, COARSE) one picture as the network gets it."""
    logs, known = _logs(picture.colours), usual.colour
    pale = np.maximum(np.abs(np.median(logs[_skin()], axis=0)[1:]).max(), _PALE)
    logs = logs - np.median((logs - known)[_skin()], axis=0)
    scale = np.array([1, pale, pale], np.float32)
    both = [np.clip((logs - known) / scale, -_MOST, _MOST), np.clip(known / scale, -_MOST, _MOST)]
    both.append((usual.varies * np.array([_LOUD, 1], np.float32)).astype(np.float32))
    both.append(((picture.relief != UNSEEN).reshape(COARSE, FOLD, COARSE, FOLD).mean((1, 3)))[..., None])
    fine = [_folded(contrast(picture) - usual.relief), _folded(usual.relief)]
    planes = np.concatenate([*both, *(one * _LOUD for one in fine), _place()], -1)
    return np.ascontiguousarray(planes.transpose(2, 0, 1), np.float32)


def unfolded(planes: Floats) -> Floats:
    """(n, FINE, FINE) from (n, FOLD * FOLD, COARSE, COARSE)."""
    count = len(planes)
    parts = planes.reshape(count, FOLD, FOLD, COARSE, COARSE).transpose(0, 3, 1, 4, 2)
    whole: Floats = parts.reshape(count, FINE, FINE)
    return whole


def _folded(picture: Floats) -> Floats:
    """(COARSE, COARSE, FOLD * FOLD) a fine picture's texels side by side."""
    parts = picture.reshape(COARSE, FOLD, COARSE, FOLD).transpose(0, 2, 1, 3)
    return parts.reshape(COARSE, COARSE, FOLD * FOLD)


def contrast(picture: Picture) -> Floats:
    """(FINE, FINE) as `relief.contrast`, none where unseen."""
    shown: Floats = (picture.relief.astype(np.float32) - np.float32(NONE)) / np.float32(STEPS)
    shown[picture.relief == UNSEEN] = 0
    return shown


def tint(picture: Picture) -> Floats:
    """(COARSE, COARSE, 3) logarithms of luma, R/G and B/G less those of the picture's own skin."""
    logs = _logs(picture.colours)
    own: Floats = (logs - np.median(logs[_skin()], axis=0)).astype(np.float32)
    return own


def _logs(coded: Bytes) -> Floats:
    """(COARSE, COARSE, 3) logarithms of luma, R/G and B/G; 0 off the face."""
    logs = np.log(coded.astype(np.float32) + _FLOOR)
    luma = np.log(coded.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32) + _FLOOR)
    parts: Floats = np.stack([luma, logs[..., 0] - logs[..., 1], logs[..., 2] - logs[..., 1]], -1)
    parts[~complexion.on_face()] = 0
    return parts


@cache
def _skin() -> NDArray[np.bool_]:
    """(COARSE, COARSE) plain skin."""
    share = cv2.resize(chart.plain_skin().astype(np.float32), (COARSE, COARSE), interpolation=cv2.INTER_AREA)
    return np.asarray(share > 0.9)


@cache
def _place() -> Floats:
    """(COARSE, COARSE, 2) down, and away from the middle: a mirrored face looks the same."""
    y, x = np.mgrid[:COARSE, :COARSE].astype(np.float32)
    return np.stack([y / COARSE - 0.5, np.abs(x - (COARSE - 1) / 2) / COARSE - 0.25], -1).astype(np.float32) * 2
