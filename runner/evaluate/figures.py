"""Plain statistics of measured against true curves. NaN marks frames that were not measured; they do not count."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]

STILL = 1e-6
"""Variance below which a curve counts as constant."""


def correlation(measured: Doubles, true: Doubles) -> float:
    """Pearson's r; 0 where nothing was measured, NaN where nothing was shown."""
    m, t = _seen(measured, true)
    if len(t) < 3 or t.var() < STILL:
        return float("nan")
    return 0.0 if m.var() < STILL**2 else float(np.corrcoef(m, t)[0, 1])


def slope(measured: Doubles, true: Doubles) -> float:
    """Of the line that predicts what is measured from what is true; NaN where nothing was shown."""
    m, t = _seen(measured, true)
    if len(t) < 3 or t.var() < STILL:
        return float("nan")
    return float(((m - m.mean()) * (t - t.mean())).mean() / t.var())


def error(measured: Doubles, true: Doubles) -> float:
    """Mean absolute error."""
    m, t = _seen(measured, true)
    return float(np.abs(m - t).mean()) if len(t) else float("nan")


def crosstalk(measured: Doubles, true: Doubles) -> Doubles:
    """(k, k) what one intensity of unit j (column) adds to measured unit i (row), of curves (n, k), all j together."""
    seen = ~np.isnan(measured).any(1)
    m, t = measured[seen] - measured[seen].mean(0), true[seen] - true[seen].mean(0)
    table: Doubles = np.linalg.lstsq(t, m, rcond=None)[0].T
    return table


def ranks(measured: Doubles, true: Doubles) -> float:
    """Spearman's rank correlation; NaN where one of the two is constant."""
    m, t = _seen(measured, true)
    if len(t) < 3 or m.std() == 0 or t.std() == 0:
        return float("nan")
    return float(np.corrcoef(_ranked(m), _ranked(t))[0, 1])


def partial_ranks(measured: Doubles, true: Doubles, given: Doubles) -> float:
    """Spearman's rank correlation of two curves, less what both owe to a third; NaN where one of them is constant."""
    kept = ~(np.isnan(measured) | np.isnan(true) | np.isnan(given))
    m, t, g = measured[kept], true[kept], given[kept]
    mt, mg, tg = ranks(m, t), ranks(m, g), ranks(t, g)
    rest = (1 - mg**2) * (1 - tg**2)
    return float((mt - mg * tg) / np.sqrt(rest)) if rest > STILL else float("nan")


def mean(values: Sequence[float] | Doubles) -> float:
    """Of what is no NaN; NaN if nothing is left."""
    kept = _told(values)
    return float(kept.mean()) if len(kept) else float("nan")


def median(values: Sequence[float]) -> float:
    """Of what is no NaN; NaN if nothing is left."""
    return quantile(values, 0.5)


def quantile(values: Sequence[float] | Doubles, share: float) -> float:
    """Of what is no NaN; NaN if nothing is left."""
    kept = _told(values)
    return float(np.quantile(kept, share)) if len(kept) else float("nan")


def _told(values: Sequence[float] | Doubles) -> Doubles:
    array = np.asarray(values, np.float64)
    told: Doubles = array[~np.isnan(array)]
    return told


def _ranked(values: Doubles) -> Doubles:
    """Ranks; equal values share their mean rank."""
    _, where, counts = np.unique(values, return_inverse=True, return_counts=True)
    places: Doubles = np.cumsum(counts) - (counts - 1) / 2
    return places[where]


def _seen(measured: Doubles, true: Doubles) -> tuple[Doubles, Doubles]:
    m, t = np.broadcast_arrays(measured.ravel(), true.ravel())
    kept = ~(np.isnan(m) | np.isnan(t))
    return m[kept], t[kept]
