"""How surely something covers a texel, as a byte: the logarithm of the odds, 0 for 1 to 22026 .. 255 for 22026 to 1.

In time it is these that add up: a fingertip of the skin's own colour is not likely in any one frame, but a hundred
times likelier than where there is no hand, in every one.
"""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np

from stages.packets import Bytes, Floats

LIMIT: Final = 10.0
"""Natural logarithm of odds beyond which nothing is told apart."""


def coded(probability: Floats) -> Bytes:
    """Bytes of probabilities 0..1, any shape."""
    return np.rint(_code(probability)).astype(np.uint8)


def code(probability: float) -> float:
    """Where among the bytes a probability lies, 0..255."""
    return float(_code(np.array(probability)))


def probability(odds: Bytes) -> Floats:
    """0..1, of bytes."""
    found: Floats = _table()[odds]
    return found


def _code(probability: Floats) -> Floats:
    p = np.clip(probability, 1e-6, 1 - 1e-6)
    code: Floats = (np.clip(np.log(p / (1 - p)), -LIMIT, LIMIT) + LIMIT) * (255 / (2 * LIMIT))
    return code


@cache
def _table() -> Floats:
    return np.asarray(1 / (1 + np.exp(LIMIT - np.arange(256) * (2 * LIMIT / 255))), np.float32)
