"""What the scores look at: a film beside what was measured of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from runner.evaluate.library import Film
from runner.evaluate.measuring import Measured
from stages import facs

Doubles = NDArray[np.float64]
Scores = dict[str, Any]

OVERLAPPING: Final = (1, 2, 4, 5, 6, 9, 10, 12, 15, 17, 20, 25, 26, 43)
"""Units of which overlapping movements are judged, and that the cross-talk is told for."""


@dataclass(frozen=True)
class Pair:
    """A film and what was measured of it."""

    film: Film
    measured: Measured

    @cached_property
    def truth(self) -> Doubles:
        """(n, facs.COUNT, 2)."""
        return self.film.truth

    def shown(self, number: int) -> Doubles:
        """(n,) true intensity of a unit: the mean of its sides; AU30 goes to the left."""
        return one(self.truth, number)

    def found(self, number: int) -> Doubles:
        """(n,) measured intensity of a unit, likewise."""
        return one(self.measured.values, number)

    @property
    def missing(self) -> int:
        """Frames without a face."""
        return int(np.isnan(self.measured.pose[:, 0]).sum())


def row(number: int) -> int:
    """Of a unit in arrays of all."""
    return facs.INDEX[f"AU{number:02d}"]


def one(values: Doubles, number: int) -> Doubles:
    """(n,) of (n, facs.COUNT, 2): the mean of a unit's sides; AU30 goes to the left."""
    pair = values[:, row(number)]
    single: Doubles = pair[:, 0] if number == 30 else pair.mean(1)
    return single


def counted(pairs: Sequence[Pair]) -> Scores:
    """How much was evaluated."""
    return {
        "people": len({pair.film.take.script.seed for pair in pairs}),
        "clips": len(pairs),
        "frames": sum(len(pair.truth) for pair in pairs),
        "missing": sum(pair.missing for pair in pairs),
    }
