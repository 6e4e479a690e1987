"""Intensities as FACS writes them: letters, and a frame's score as one line of codes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from stages import facs

SCALE: Final = ("absent", *facs.LETTERS)
"""What the levels 0..5 are called."""
Levels = NDArray[np.int8]


def levels(intensities: NDArray[Any]) -> Levels:
    """Level 0..5 of each intensity, as `facs.letter` cuts them; not measured (NaN) counts as absent."""
    known = np.nan_to_num(intensities)
    return np.where(known < 0.5, 0, np.clip(np.rint(known), 1, facs.MAX_INTENSITY)).astype(np.int8)


def codes(sides: Levels, head: Levels) -> list[str]:
    """(n, facs.COUNT, 2) and (n, len(facs.HEAD)) levels -> n scores such as `1B+2B+L12C+25A`.

    L and R stand before a code whose sides differ. A closed eye is AU43 here: whether it is a blink (AU45) its
    duration tells.
    """
    lines: list[list[str]] = [[] for _ in range(len(sides))]
    for i, unit in enumerate(facs.UNITS):
        if unit.number != 45:
            for row in np.flatnonzero(sides[:, i].any(axis=1)):
                lines[row] += _code(unit.number, *sides[row, i])
    for i, unit in enumerate(facs.HEAD):
        for row in np.flatnonzero(head[:, i]):
            lines[row] += _code(unit.number, head[row, i], head[row, i])
    return ["+".join(line) for line in lines]


def _code(number: int, left: int, right: int) -> Iterator[str]:
    if left == right:
        yield f"{number}{facs.LETTERS[left - 1]}"
        return
    for side, level in (("L", left), ("R", right)):
        if level:
            yield f"{side}{number}{facs.LETTERS[level - 1]}"
