"""A contact sheet of an identity: every photo upright, beside it laid flat, and all of them together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from stages.identity.likeness import Likeness, Portrait
from stages.packets import Floats

SIDE: Final = 240
"""Pixels of a picture's side."""
COLUMNS: Final = 4
"""Photos beside each other."""
_GAP: Final = 6
_GROUND: Final = 24  # 8-bit code
_DIM: Final = 0.25  # of its brightness that is left of what a photo does not show
_AROUND: Final = 0.15  # of a face's size that is shown around it


def sheet(likeness: Likeness, photos: list[tuple[NDArray[np.uint8], Floats]]) -> NDArray[np.uint8]:
    """(h, w, 3) RGB. photos: (h, w, 3) RGB and (478, 3) landmarks of every portrait, in order.

    Of a texture, what its photo does not show is dimmed.
    """
    pairs = [np.hstack([_upright(*photo), _flat(one)]) for photo, one in zip(photos, likeness.portraits, strict=True)]
    merged = _flat(likeness.merged, 1.0)
    pairs.append(np.hstack([merged, _flat(likeness.merged)]))
    rows = list(_rows([_framed(pair) for pair in pairs]))
    return np.vstack(rows)


def _upright(photo: NDArray[np.uint8], landmarks: Floats) -> NDArray[np.uint8]:
    """(SIDE, SIDE, 3) the face, its eyes level."""
    right, left = landmarks[33, :2], landmarks[263, :2]
    angle = np.degrees(np.arctan2(*(left - right)[::-1]))
    box = landmarks[:468, :2]
    centre = (box.min(0) + box.max(0)) / 2
    scale = SIDE / (float(np.ptp(box, axis=0).max()) * (1 + 2 * _AROUND))
    turn = cv2.getRotationMatrix2D((float(centre[0]), float(centre[1])), float(angle), scale)
    turn[:, 2] += SIDE / 2 - centre
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.warpAffine(photo, turn, (SIDE, SIDE), flags=how, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def _flat(portrait: Portrait, dim: float = _DIM) -> NDArray[np.uint8]:
    shown = dim + (1 - dim) * portrait.weight.astype(np.float32)[..., None]
    picture = cv2.resize(portrait.texture.astype(np.float32) * shown, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(np.rint(np.clip(picture, 0, 1) * 255), np.uint8)


def _framed(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    ground = (_GROUND, _GROUND, _GROUND)
    framed = cv2.copyMakeBorder(picture, _GAP, _GAP, _GAP, _GAP, cv2.BORDER_CONSTANT, value=ground)
    return np.asarray(framed, np.uint8)


def _rows(pictures: list[NDArray[np.uint8]]) -> Iterator[NDArray[np.uint8]]:
    columns = min(COLUMNS, len(pictures))
    empty = np.full_like(pictures[0], _GROUND)
    for start in range(0, len(pictures), columns):
        row = pictures[start : start + columns]
        yield np.hstack([*row, *[empty] * (columns - len(row))])
