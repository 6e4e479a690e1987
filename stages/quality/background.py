"""Whether what lies outside the masks is the source's, bit by bit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stages.media.pixels import turned, upright
from stages.packets import Floats, Frame

Bools = NDArray[np.bool_]


def identical(before: Frame, after: Frame, masks: Sequence[tuple[tuple[int, int, int, int], Floats]]) -> float:
    """Share of colour samples outside every mask that are equal; it must be 1.

    masks: box (x0, y0, x1, y1 in luma pixels) and (h, w) 0..1. A chroma sample lies outside if its whole block does.
    """
    if after is before or after.native is before.native:
        return 1.0
    inside = _inside(before, masks)
    form = turned(before.pixel_format, before.turns)
    pictures = (upright(frame.native, before.turns) for frame in (before, after))
    outside = differing = 0
    for i, (old, new) in enumerate(zip(*pictures, strict=True)):
        kept = ~(_blocks(inside, form.chroma, old.shape) if form.model == "yuv" and i else inside)
        outside += int(np.count_nonzero(kept))
        differing += int(np.count_nonzero((old != new) & kept))
    return 1 - differing / outside if outside else 1.0


def _inside(frame: Frame, masks: Sequence[tuple[tuple[int, int, int, int], Floats]]) -> Bools:
    inside = np.zeros((frame.height, frame.width), bool)
    for (x0, y0, x1, y1), mask in masks:
        inside[y0:y1, x0:x1] |= mask > 0
    return inside


def _blocks(inside: Bools, chroma: tuple[int, int], shape: tuple[int, ...]) -> Bools:
    """(rows, columns) of chroma: True where any luma sample of the block is."""
    across, down = 1 << chroma[0], 1 << chroma[1]
    found = np.zeros(shape, bool)
    for row in range(down):
        for column in range(across):
            part = inside[row::down, column::across]
            found[: part.shape[0], : part.shape[1]] |= part
    return found
