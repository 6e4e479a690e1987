"""Robust ridge regression of every texel on the Action Units, toward a prior.

Bayesian linear regression with a Gaussian prior for each coefficient (Hoerl & Kennard, *Ridge regression*, 1970),
reweighted with Cauchy's weights (Holland & Welsch, *Robust regression using iteratively reweighted least-squares*,
1977), so that a hand or a highlight in a few pages draws nothing. A coefficient leaves its prior as far as the clip's
own evidence carries it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from stages.packets import Floats

CAUCHY: Final = 2.385
"""Standard deviations at which a page counts half at a texel: 95 % efficient where errors are Gaussian."""
ROUNDS: Final = 4
NOISE: Final = 0.012
"""Natural logarithms of luma: no texel is known better than this from one page."""
ALIKE: Final = 2.0
"""Pages of one clip are not independent: errors of registration and light come back with the same expression."""
_TEXELS: Final = 4096  # solved at once


@dataclass(frozen=True, slots=True)
class Prior:
    """Of k coefficients at t texels: mean and standard deviation, both (t, k)."""

    mean: Floats
    deviation: Floats


def fit(left: Floats, right: Floats, side: Floats, shown: Floats, seen: Floats, prior: Prior) -> Floats:
    """(t, k) coefficients of a regression of `shown` (n, t), with weights `seen` (n, t) 0..1, on k predictors.

    left, right: (n, k) predictors of either side of the face; side: (t,) 1 where a texel lies on the left, 0 on the
    right. A free mean is fitted beside the predictors.
    """
    parts = [slice(start, start + _TEXELS) for start in range(0, len(side), _TEXELS)]
    fitted = [
        _part(left, right, side[p], shown[:, p], seen[:, p], Prior(prior.mean[p], prior.deviation[p])) for p in parts
    ]
    return np.concatenate(fitted)


def _part(left: Floats, right: Floats, side: Floats, shown: Floats, seen: Floats, prior: Prior) -> Floats:
    design = side[:, None, None] * left + (1 - side)[:, None, None] * right  # (t, n, k)
    design = np.concatenate([design, np.ones((*design.shape[:2], 1), np.float32)], 2)
    target, given = shown.T, seen.T
    level = np.median(target, axis=1)
    mean = np.concatenate([prior.mean, level[:, None]], 1)
    precision = np.concatenate([1 / np.square(prior.deviation), np.full((len(side), 1), 1e-2)], 1)
    solved = mean
    for _ in range(ROUNDS):
        off = np.abs(target - (design @ solved[..., None])[..., 0])
        noise = np.maximum(1.48 * _median(off, given), np.float32(NOISE)).astype(np.float32)
        weight = given / (1 + np.square(off / (CAUCHY * noise[:, None])))
        scale = np.square(ALIKE * noise)
        heavy = (design * weight[..., None]).transpose(0, 2, 1)
        gram = heavy @ design / scale[:, None, None]
        gram[:, np.arange(gram.shape[1]), np.arange(gram.shape[1])] += precision
        drawn = (heavy @ target[..., None])[..., 0] / scale[:, None] + precision * mean
        solved = np.linalg.solve(gram, drawn[..., None])[..., 0]
    coefficients: Floats = solved[:, :-1].astype(np.float32)
    return coefficients


def _median(values: Floats, weight: Floats) -> Floats:
    """(t,) weighted medians of (t, n)."""
    order = np.argsort(values, axis=1)
    heavy = np.cumsum(np.take_along_axis(weight, order, 1), axis=1)
    middle = (heavy < heavy[:, -1:] / 2).sum(1).clip(max=values.shape[1] - 1)
    return np.asarray(np.take_along_axis(values, np.take_along_axis(order, middle[:, None], 1), 1)[:, 0], np.float32)
