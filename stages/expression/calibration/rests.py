"""Neutrals for teaching: of every picture a few of the same sitting's pictures at rest, as a track would give them."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stages.expression.calibration.sights import Gallery
from stages.expression.relief import contrast
from stages.packets import Floats

Halves = NDArray[np.float16]

ELSEWHERE: Final = 0.15
"""Share of the pictures whose neutral comes from the same person's other sitting."""


@dataclass(frozen=True)
class Rests:
    """Per picture: shape (n, 1434), relief (n, 4096) and scores (n, 52) of a neutral; ok: (n,) whether there is one."""

    shape: Floats
    relief: Floats
    scores: Floats
    ok: NDArray[np.bool_]


def relief_of(pictures: Gallery) -> Halves:
    """(n, 4096) contrasts, NaN where unseen."""
    return contrast(pictures.relief).reshape(len(pictures.relief), -1).astype(np.float16)


def average(rows: Halves, chosen: NDArray[np.bool_]) -> Floats:
    """Mean over the chosen rows; 0 where nobody shows anything."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        mean = np.nanmean(rows[chosen].astype(np.float32), 0)
    known: Floats = np.nan_to_num(mean).astype(np.float32)
    return known


def drawn(pictures: Gallery, relief: Halves, fallback: Floats, rng: np.random.Generator) -> Rests:
    """A neutral of one to all other resting pictures; texels nobody shows are as in `fallback`."""
    count, sittings = len(pictures.rest), np.unique(pictures.sitting)
    shape = pictures.shape.reshape(count, -1)
    empty = [np.zeros((count, size), np.float32) for size in (shape.shape[1], relief.shape[1], 52)]
    rests = Rests(empty[0], empty[1], empty[2], np.zeros(count, bool))
    mine = {int(number): np.flatnonzero((pictures.sitting == number) & pictures.rest) for number in sittings}
    for row in range(count):
        sitting = int(pictures.sitting[row])
        if rng.random() < ELSEWHERE and pictures.person[row] == _owner(pictures, mine, sitting ^ 1):
            sitting ^= 1
        others = mine[sitting][mine[sitting] != row]
        if len(others) == 0:
            continue
        used = rng.choice(others, rng.integers(1, len(others) + 1), replace=False)
        rests.ok[row] = True
        rests.shape[row], rests.scores[row] = shape[used].mean(0), pictures.scores[used].mean(0)
        rests.relief[row] = _shown(relief[used], fallback)
    return rests


def _owner(pictures: Gallery, mine: dict[int, NDArray[np.intp]], sitting: int) -> int:
    """Who sits there; -1 is nobody."""
    rows = mine.get(sitting)
    return int(pictures.person[rows[0]]) if rows is not None and len(rows) else -1


def _shown(rows: Halves, fallback: Floats) -> Floats:
    seen = ~np.isnan(rows)
    total = np.where(seen, rows, 0).astype(np.float32).sum(0)
    shown: Floats = np.where(seen.any(0), total / np.maximum(seen.sum(0), 1), fallback).astype(np.float32)
    return shown
