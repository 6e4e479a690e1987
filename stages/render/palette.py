"""Ways to describe the colours of two skins, and to bring those of the one to the other.

Colours are cube roots of cone responses (n, 3), as `stages.render.spaces.cones` makes them. What is measured is one
vector, float32, that may be smoothed in time.
"""

# mypy: disable-error-code="untyped-decorator"
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numba
import numpy as np

from stages.packets import Floats
from stages.render.spaces import OKLAB, Doubles

_FREEDOM: Final = 5.0
"""Degrees of freedom of the t distribution that skin is fitted with: what lies far from most counts little."""
_ROUNDS: Final = 3
_STRETCH: Final = (0.75, 1.3)
"""Factors on the spread along any axis that are never passed: a beard or a freckle is no light to be matched, and grain
and blocks would be torn up."""
_GAIN: Final = (0.5, 2.0)
"""Factors on a cone's root that are never passed."""
_FLOOR: Final = 4e-6
"""Variance in Oklab added on both sides: that of half an 8-bit code. An even patch is not stretched into noise."""
_QUANTILES: Final = np.linspace(0.01, 0.99, 50)


@dataclass(frozen=True, slots=True)
class Palette:
    """measure(before, after) -> vector; matched(colours, vector) -> colours; level(vector) -> mean lightness before."""

    measure: Callable[[Doubles, Doubles], Floats]
    matched: Callable[[Doubles, Floats], Doubles]
    level: Callable[[Floats], float]


def fitted(colours: Doubles) -> tuple[Doubles, Doubles]:
    """Mean (3,) and covariance (3, 3) of a t distribution: robust, smooth in its input.

    By reweighting (Lange, Little & Taylor, *Robust statistical modeling using the t distribution*, 1989), from the
    median and its absolute deviations.
    """
    mean = _median(colours)
    spread = np.square(1.4826 * _median(np.abs(colours - mean))) + _FLOOR
    covariance = np.diag(spread)
    for _ in range(_ROUNDS):
        mean, covariance = _reweighted(colours, mean, np.linalg.inv(covariance))
    return mean, covariance


def _median(colours: Doubles) -> Doubles:
    """(3,) the upper one of two in the middle. Rows without gaps are sorted several times as fast."""
    middle = len(colours) // 2
    made: Doubles = np.partition(np.ascontiguousarray(colours.T), middle, axis=1)[:, middle]
    return made


@numba.njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _reweighted(colours: Doubles, mean: Doubles, inverse: Doubles) -> tuple[Doubles, Doubles]:
    """Mean and covariance of colours (n, 3) that count less the further they are from the ones before."""
    weight, middle, total = np.empty(len(colours)), np.zeros(3), 0.0
    for n in range(len(colours)):
        x, y, z = colours[n, 0] - mean[0], colours[n, 1] - mean[1], colours[n, 2] - mean[2]
        square = inverse[0, 0] * x * x + inverse[1, 1] * y * y + inverse[2, 2] * z * z
        mixed = inverse[0, 1] * x * y + inverse[0, 2] * x * z + inverse[1, 2] * y * z
        weight[n] = (_FREEDOM + 3) / (_FREEDOM + square + 2 * mixed)
        total += weight[n]
        for c in range(3):
            middle[c] += weight[n] * colours[n, c]
    middle /= total
    covariance = np.zeros((3, 3))
    for n in range(len(colours)):
        for c in range(3):
            for d in range(3):
                covariance[c, d] += weight[n] * (colours[n, c] - middle[c]) * (colours[n, d] - middle[d])
    return middle, covariance / len(colours) + _FLOOR * np.eye(3)


def _moments(before: Doubles, after: Doubles) -> Floats:
    parts = [fitted(colours @ OKLAB.T) for colours in (before, after)]
    return np.concatenate([np.concatenate([mean, covariance.ravel()]) for mean, covariance in parts]).astype(np.float32)


def _by_moments(roots: Doubles, values: Floats) -> Doubles:
    """The linear Monge-Kantorovich map (Pitié & Kokaram, *The linear Monge-Kantorovitch linear colour mapping*, 2007).

    Of all linear maps that give the wanted mean and covariance (Reinhard et al., *Color transfer between images*, 2001)
    the one that moves colours least: symmetric, so that no hue is turned into another.
    """
    there, wanted, here, own = np.split(values.astype(np.float64), [3, 12, 15])
    root = _power(own.reshape(3, 3), 0.5)
    inverse = _power(own.reshape(3, 3), -0.5)
    stretch = inverse @ _power(root @ wanted.reshape(3, 3) @ root, 0.5) @ inverse
    sizes, axes = np.linalg.eigh(stretch)
    held = (axes * np.clip(sizes, *_STRETCH)) @ axes.T
    made: Doubles = ((roots @ OKLAB.T - here) @ held + there) @ np.linalg.inv(OKLAB).T
    return made


def _power(matrix: Doubles, exponent: float) -> Doubles:
    sizes, axes = np.linalg.eigh(matrix)
    made: Doubles = (axes * np.power(np.maximum(sizes, 1e-18), exponent)) @ axes.T
    return made


def _quantiles(before: Doubles, after: Doubles) -> Floats:
    parts = [np.quantile(colours @ OKLAB.T, _QUANTILES, axis=0) for colours in (before, after)]
    made: Floats = np.stack(parts).astype(np.float32).ravel()
    return made


def _by_quantiles(roots: Doubles, values: Floats) -> Doubles:
    """Each of L, a, b by its own curve through the quantiles; beyond the last ones the shift stays the same."""
    there, here = values.reshape(2, len(_QUANTILES), 3).astype(np.float64)
    lab = roots @ OKLAB.T
    for k in range(3):
        # Quantiles of an even patch coincide: a small slope of their own keeps the curve a function.
        rank = np.linspace(0, 1e-5, len(_QUANTILES))
        lab[:, k] += np.interp(lab[:, k], here[:, k] + rank, _evened(there[:, k] - here[:, k]))
    made: Doubles = lab @ np.linalg.inv(OKLAB).T
    return made


def _evened(shift: Doubles) -> Doubles:
    """A curve's shifts without the steps that few samples leave at its ends."""
    padded = np.pad(shift, 2, mode="edge")
    made: Doubles = np.convolve(padded, np.array([1, 2, 3, 2, 1]) / 9, "valid")
    return made


def _means(before: Doubles, after: Doubles) -> Floats:
    return np.concatenate([fitted(colours)[0] for colours in (before, after)]).astype(np.float32)


def _by_means(roots: Doubles, values: Floats) -> Doubles:
    """Von Kries: gains of the cones, scaled so that the mean keeps its Oklab lightness."""
    there, here = np.split(values.astype(np.float64), 2)
    gain = np.clip(there / np.maximum(here, 1e-3), *_GAIN)
    gain *= OKLAB[0] @ here / max(float(OKLAB[0] @ (here * gain)), 1e-6)
    made: Doubles = roots * gain
    return made


def _first(values: Floats) -> float:
    return float(values[0])


def _median_lightness(values: Floats) -> float:
    return float(values.reshape(2, len(_QUANTILES), 3)[0, len(_QUANTILES) // 2, 0])


def _mean_lightness(values: Floats) -> float:
    return float(OKLAB[0] @ values[:3])


moments = Palette(_moments, _by_moments, _first)
histogram = Palette(_quantiles, _by_quantiles, _median_lightness)
balance = Palette(_means, _by_means, _mean_lightness)
