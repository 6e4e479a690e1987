"""Naturalness: one number, 1 to 5, of the other scores.

5 is a picture that no score can tell from the source. Every fault takes something away, in proportion up to the point
where it is as bad as in plain overlay pasting (the face drawn on without light, colour or blending) and no further
beyond it. Weights and points are in docs/quality.md. It is a function of measurements, not an opinion score.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

BEST, WORST = 5.0, 1.0


@dataclass(frozen=True, slots=True)
class Part:
    """One fault. score: the figure it is read from. amount: how far that is from faultless, 0 and up.

    full: the amount at which the whole `weight`, in points, is taken away.
    """

    score: str
    amount: Callable[[float], float]
    full: float
    weight: float

    def loss(self, value: float) -> float:
        """Points that it takes away, 0..weight."""
        return self.weight * min(max(self.amount(value) / self.full, 0.0), 1.0)


def _above_one(value: float) -> float:
    return value - 1


def _itself(value: float) -> float:
    return value


def _doublings(value: float) -> float:
    """Twice as sharp is as wrong as half."""
    return abs(math.log2(max(value, 1e-3)))


def _short_of_one(value: float) -> float:
    return 1 - value


PARTS: Final = (
    Part("seam.delta_e.ratio", _above_one, 1.25, 1.0),
    Part("skin.delta_e", _itself, 8.0, 1.25),
    Part("sharpness.ratio", _doublings, 1.0, 0.5),
    Part("flicker", _above_one, 1.0, 0.5),
    Part("jitter.ratio", _above_one, 1.0, 0.25),
    Part("expression.correlation", _short_of_one, 0.5, 0.25),
    Part("identity.spread", _itself, 0.5, 0.25),
)
"""The weights sum to 4, so that a picture with every fault has 1."""


def naturalness(scores: Mapping[str, float]) -> float:
    """Of a frame's or a run's scores by name; a part that was not measured takes nothing away.

    NaN where none of the parts was.
    """
    known = [(part, value) for part in PARTS if (value := scores.get(part.score)) is not None and math.isfinite(value)]
    if not known:
        return math.nan
    return max(BEST - sum(part.loss(value) for part, value in known), WORST)
