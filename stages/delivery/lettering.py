"""Text and bars on a picture, in the typeface that OpenCV brings along (Rubik, SIL Open Font License)."""

from __future__ import annotations

from functools import lru_cache
from typing import Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from stages.packets import Bytes

Colour = tuple[int, int, int]
Weight = Literal[300, 400, 500, 600]
_ROOM: Final = 1.4
"""Height of a line of text, in sizes; the base line lies at 1."""


def write(
    picture: Bytes,
    text: str,
    at: tuple[float, float],
    size: float,
    colour: Colour,
    weight: Weight = 400,
    *,
    right: bool = False,
) -> None:
    """Burn `text` in with its base line at `at` (x, y in pixels), which is its left end, or its right one."""
    ink = _ink(text, max(6, round(size)), weight)
    x = round(at[0]) - (ink.shape[1] if right else 0)
    y = round(at[1]) - max(6, round(size))
    x0, y0 = max(x, 0), max(y, 0)
    x1, y1 = min(x + ink.shape[1], picture.shape[1]), min(y + ink.shape[0], picture.shape[0])
    if x0 < x1 and y0 < y1:
        under = picture[y0:y1, x0:x1]
        share = ink[y0 - y : y1 - y, x0 - x : x1 - x, None]
        under[:] = under + (np.array(colour, np.float32) - under) * share


def width(text: str, size: float, weight: Weight = 400) -> int:
    """Pixels that `text` takes in its line."""
    return int(_ink(text, max(6, round(size)), weight).shape[1])


def fill(picture: Bytes, box: tuple[float, float, float, float], colour: Colour, share: float = 1.0) -> None:
    """Paint x0, y0, x1, y1 (pixels, rounded); share: 0..1 of the colour over what is there."""
    x0, y0, x1, y1 = (max(0, round(v)) for v in box)
    under = picture[y0:y1, x0:x1]
    under[:] = np.array(colour) if share >= 1 else under + (np.array(colour, np.float32) - under) * share


@lru_cache(maxsize=4096)
def _ink(text: str, size: int, weight: Weight) -> NDArray[np.float32]:
    """How much each pixel is covered, 0..1: (line, advance)."""
    room, high = len(text) * 2 * size + 8, round(_ROOM * size) + 1
    canvas = np.zeros((high, room, 3), np.uint8)
    end, _ = cv2.putText(canvas, text, (0, size), (255, 255, 255), _face(), size, weight)
    return canvas[:, : max(1, end[0]), 0].astype(np.float32) / np.float32(255)


@lru_cache(maxsize=1)
def _face() -> cv2.FontFace:
    return cv2.FontFace("sans")
