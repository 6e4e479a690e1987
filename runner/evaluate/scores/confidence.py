"""Whether confidence falls where the error rises."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from runner.evaluate import figures
from runner.evaluate.scores.pair import OVERLAPPING, Pair, Scores, counted, row
from runner.evaluate.takes import CONDITIONS
from stages import facs

Doubles = NDArray[np.float64]

QUARTERS: Final = 4
"""Steps of severity that confidence is told for."""


def confidence(pairs: Sequence[Pair]) -> Scores:
    """How a frame's mean confidence goes with its mean error over the measured units, by condition and pooled.

    spearman: rank correlation, -1 would be perfect. partial: the same, less what both owe to how much the face shows,
    because strong movements have large errors in any light. steps: by quarters of severity, the mildest first.
    """
    found = {name: [pair for pair in pairs if pair.film.take.condition == name] for name in CONDITIONS}
    told = {name: _condition(chosen) for name, chosen in found.items() if chosen}
    return {"conditions": told, **_related(pairs), "units": _by_unit(pairs), **counted(pairs)}


def _related(pairs: Sequence[Pair]) -> Scores:
    sure, off, shown = _together(pairs)
    return {"spearman": figures.ranks(sure, off), "partial": figures.partial_ranks(sure, off, shown)}


def _together(pairs: Sequence[Pair]) -> tuple[Doubles, Doubles, Doubles]:
    """(n,) confidence, error and true activity of all frames."""
    sure, off = (np.concatenate(both) for both in zip(*(_frames(pair) for pair in pairs), strict=True))
    return sure, off, np.concatenate([pair.truth.mean((1, 2)) for pair in pairs])


def _condition(pairs: Sequence[Pair]) -> Scores:
    sure, off, _ = _together(pairs)
    severity = np.concatenate([pair.film.take.severity for pair in pairs])
    step = np.minimum((severity * QUARTERS).astype(int), QUARTERS - 1)
    steps = [_step(pairs, sure, off, step == i) for i in range(QUARTERS) if (step == i).any()]
    return {**_related(pairs), "steps": steps}


def _step(pairs: Sequence[Pair], sure: Doubles, off: Doubles, chosen: NDArray[np.bool_]) -> Scores:
    true = np.concatenate([pair.truth for pair in pairs])[chosen]
    found = np.concatenate([pair.measured.values for pair in pairs])[chosen]
    known = [row(number) for number in OVERLAPPING]
    r = [figures.correlation(found[:, i], true[:, i]) for i in known]
    seen = chosen & ~np.isnan(off)
    return {
        "confidence": figures.mean(sure[seen]),
        "error": figures.mean(off[seen]),
        "r": figures.mean(r),
        "missing": float(np.isnan(off[chosen]).mean()),
    }


def _frames(pair: Pair) -> tuple[Doubles, Doubles]:
    """(n,) confidence and (n,) absolute error of every frame, means over the units that are measured at all."""
    units = np.nanmax(pair.measured.confidence, axis=0, initial=0) > 0
    if not units.any():
        return np.full(len(pair.truth), np.nan), np.full(len(pair.truth), np.nan)
    off = np.abs(pair.measured.values - pair.truth)[:, units].mean((1, 2))
    return pair.measured.confidence[:, units].mean(1), off


def _by_unit(pairs: Sequence[Pair]) -> Scores:
    """Rank correlation of each unit's own confidence with its own error."""
    sure = np.concatenate([pair.measured.confidence for pair in pairs])
    off = np.concatenate([np.abs(pair.measured.values - pair.truth).mean(2) for pair in pairs])
    told = {str(unit.number): figures.ranks(sure[:, i], off[:, i]) for i, unit in enumerate(facs.UNITS)}
    return {number: value for number, value in told.items() if not np.isnan(value)}
