"""Coordinate descent: bounded least squares with a price on every coefficient."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Doubles = NDArray[np.float64]


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def descend(gram: Doubles, target: Doubles, threshold: Doubles, lowest: Doubles, sweeps: int) -> Doubles:
    """Coordinate descent on 0.5 x'Gx - t'x + threshold'|x|, x >= lowest (Friedman, Hastie & Tibshirani 2010)."""
    n = len(target)
    x = np.zeros(n)
    slope = -target.copy()
    for _ in range(sweeps):
        largest = 0.0
        for k in range(n):
            pull = gram[k, k] * x[k] - slope[k]
            if pull > threshold[k]:
                new = (pull - threshold[k]) / gram[k, k]
            elif pull < -threshold[k]:
                new = (pull + threshold[k]) / gram[k, k]
            else:
                new = 0.0
            new = max(new, lowest[k])
            change = new - x[k]
            if change != 0.0:
                x[k] = new
                largest = max(largest, abs(change))
                for j in range(n):
                    slope[j] += gram[j, k] * change
        if largest < 1e-5:
            break
    return x
