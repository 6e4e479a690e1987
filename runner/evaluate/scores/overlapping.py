"""Several units at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from runner.evaluate import figures
from runner.evaluate.scores.pair import OVERLAPPING, Pair, Scores, counted, row
from stages import facs

Doubles = NDArray[np.float64]


def overlapping(pairs: Sequence[Pair]) -> Scores:
    """Per unit, both sides as they are: r in each clip (mean over people) and pooled, slope, mean absolute error."""
    units = {str(unit.number): _overlapped(pairs, unit) for unit in facs.UNITS}
    judged = [units[str(number)] for number in OVERLAPPING]
    found = {number: np.concatenate([_centred(pair.found(number)) for pair in pairs]) for number in OVERLAPPING}
    true = {number: np.concatenate([_centred(pair.shown(number)) for pair in pairs]) for number in OVERLAPPING}
    table = figures.crosstalk(np.stack(list(found.values()), 1), np.stack(list(true.values()), 1))
    return {
        "units": units,
        "r": figures.mean([unit["r"] for unit in judged]),
        "error": figures.mean([unit["error"] for unit in judged]),
        "slope": figures.mean([unit["slope"] for unit in judged]),
        "crosstalk": {"units": list(OVERLAPPING), "table": table.tolist()},
        "head": _head(pairs),
        **counted(pairs),
    }


def _overlapped(pairs: Sequence[Pair], unit: facs.ActionUnit) -> Scores:
    sides = slice(None) if unit.sided else slice(0, 1)
    true = [pair.truth[:, row(unit.number), sides] for pair in pairs]
    found = [pair.measured.values[:, row(unit.number), sides] for pair in pairs]
    return {
        "r": figures.mean([figures.correlation(m, t) for m, t in zip(found, true, strict=True)]),
        "r_pooled": figures.correlation(np.concatenate(found), np.concatenate(true)),
        "slope": figures.slope(np.concatenate(found), np.concatenate(true)),
        "error": figures.error(np.concatenate(found), np.concatenate(true)),
    }


def _centred(curve: Doubles) -> Doubles:
    return curve - np.nanmean(curve)


def _head(pairs: Sequence[Pair]) -> Scores:
    """Mean absolute error of the head's angles in degrees, each clip's mean error aside."""
    off = [_turned(pair) - pair.measured.pose for pair in pairs]
    errors = np.nanmean(np.abs(np.concatenate([each - np.nanmean(each, axis=0) for each in off])), axis=0)
    return dict(zip(("yaw", "pitch", "roll"), errors.tolist(), strict=True))


def _turned(pair: Pair) -> Doubles:
    """(n, 3) true yaw, pitch, roll, signed as `packets.FaceUnits.pose`."""
    signed: Doubles = pair.film.take.script.head * (1, -1, 1)
    return signed
