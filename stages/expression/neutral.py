"""A person's neutral face: the shape at which every Action Unit is zero.

It is not the mean of the clip: a clip in which someone shouts throughout has no neutral frame. Two steps.

1. The calmest shape: landmarks averaged over the frames in which the expression scores are lowest, apart for the brow
   and lid region and for the mouth region, because a mouth may rest while the brows do not.
2. What is left of an expression in it: the calmest shape is split into mean face + identity (components of neutral
   people, each with unit variance) + Action Units (never negative, and the dearer the less the scores of those frames
   speak for them). Only the units are taken away.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stages import facs
from stages.expression import basis, solve
from stages.faces.blendshapes import INDEX as SCORE
from stages.faces.blendshapes import NAMES as SCORES
from stages.packets import Floats

Doubles = NDArray[np.float64]

UPPER: Final = ("browDown", "browInnerUp", "browOuterUp", "eyeBlink", "eyeWide", "eyeLookDown")
LOWER: Final = (
    *("jawOpen", "jawLeft", "jawRight", "mouthSmile", "mouthFrown", "mouthFunnel", "mouthStretch", "mouthUpperUp"),
    *("mouthLowerDown", "mouthLeft", "mouthRight", "cheekPuff"),
)
"""Scores that are low in a resting face. Those of pressed, rolled and shrugged lips are not: closed lips raise them."""
GAP: Final = 0.1
"""Interocular distances between the lips that count as much as a score of 1."""
CALM: Final = 0.1
"""Activation above the calmest frames' at which a frame's weight has fallen to 1/e."""
CALMEST: Final = 0.05
"""Share of frames that count as the calmest."""

EVIDENCE: Final[Mapping[int, tuple[str, float, float]]] = {
    1: ("browInnerUp", 0.3, 0.8),
    2: ("browOuterUp", 0.3, 0.7),
    4: ("browDown", 0.6, 0.9),
    5: ("eyeWide", 0.05, 0.3),
    7: ("eyeSquint", 0.6, 0.9),
    10: ("mouthUpperUp", 0.3, 0.7),
    12: ("mouthSmile", 0.3, 0.8),
    15: ("mouthFrown", 0.2, 0.6),
    17: ("mouthShrugLower", 0.3, 0.7),
    20: ("mouthStretch", 0.3, 0.6),
    26: ("jawOpen", 0.1, 0.4),
    43: ("eyeBlink", 0.3, 0.6),
    14: ("mouthDimple", 0.2, 0.6),
    16: ("mouthLowerDown", 0.3, 0.7),
    18: ("mouthPucker", 0.5, 0.9),
    22: ("mouthFunnel", 0.2, 0.6),
    24: ("mouthPress", 0.3, 0.7),
    28: ("mouthRoll", 0.3, 0.7),
}
"""Unit -> its score, the value that speaks for nothing, the value that leaves no doubt. Resting faces score up to .6 on
browDown and eyeSquint."""

DOUBT: Final = 6.0
"""Nats an intensity of 1 costs in the calmest shape when the scores do not speak for it."""
CERTAIN: Final = 0.1
"""And when they do."""
UNEXPLAINED: Final = 0.015
"""Interocular distances by which a real neutral face deviates from its identity components, per coordinate."""
INDEPENDENT: Final = 0.1
"""Share of the coordinates that deviate independently."""


def activation(scores: Floats, gap: float) -> Doubles:
    """(2,) how far the upper and the lower region of a face are from rest, by scores (52,) and the lips' gap."""
    upper, lower = (scores[columns] for columns in regions())
    return np.sqrt(np.array([upper @ upper, lower @ lower + (gap / GAP) ** 2], np.float64))


def calmness(active: Doubles) -> Doubles:
    """(n, 2) weights 0..1 of n frames by their activations (n, 2)."""
    weights: Doubles = np.exp(-np.maximum(active - np.quantile(active, CALMEST, axis=0), 0) / CALM)
    return weights


def lip_gap(shape: NDArray[np.floating]) -> float:
    """How far the lips are apart, in interocular distances."""
    return max(float(shape[14, 1] - shape[13, 1]), 0.0)


@cache
def regions() -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Columns of the scores that tell a calm brow and lid region, and a calm mouth region."""
    upper = [i for i, name in enumerate(SCORES) if name.startswith(UPPER)]
    lower = [i for i, name in enumerate(SCORES) if name.startswith(LOWER)]
    return np.array(upper), np.array(lower)


@dataclass
class Calmest:
    """Running weighted means of landmarks and scores."""

    weight: Doubles = field(default_factory=lambda: np.zeros(2))
    shape: Doubles = field(default_factory=lambda: np.zeros((2, 478, 3)))
    scores: Doubles = field(default_factory=lambda: np.zeros((2, len(SCORES))))

    def add(self, face: Floats, scores: Floats, weight: Doubles) -> None:
        """Count a face-space shape (478, 3) with a weight for the upper and one for the lower region."""
        self.weight += weight
        share = np.divide(weight, self.weight, out=np.zeros(2), where=self.weight > 0)
        self.shape += share[:, None, None] * (face - self.shape)
        self.scores += share[:, None] * (scores - self.scores)

    def neutral(self) -> Floats:
        """(478, 3) the person's neutral in face space; the mean face if nothing was counted."""
        upper = solve.upper_share()[:, None]
        calm = upper * self.shape[0] + (1 - upper) * self.shape[1]
        if not self.weight.all():
            return basis.load().mean
        present = np.where(_is_lower(), self.scores[1], self.scores[0])
        closed = calm - parted(calm)
        rested: Floats = (closed - expression(closed, present)).astype(np.float32)
        return rested


@cache
def _is_lower() -> NDArray[np.bool_]:
    return np.array([name.startswith(("jaw", "mouth", "cheek")) for name in SCORES])


def parted(calm: Doubles) -> Doubles:
    """(478, 3) the displacement that parts the lips: at rest they touch, whoever they belong to."""
    lips = basis.load().displacement[facs.INDEX["AU25"]].sum(0).astype(np.float64)
    gap = lip_gap(calm) - lip_gap(basis.load().mean)
    shift: Doubles = lips * max(gap, 0.0) / float(lips[14, 1] - lips[13, 1])
    return shift


def expression(calm: Doubles, scores: Doubles) -> Doubles:
    """(478, 3) the displacement in the calmest shape that Action Units explain better than identity does."""
    solver = solve.solver()
    joint, gram, modes = _joint()
    target = joint @ ((calm - basis.load().mean).ravel() * solver.weight)
    price = np.concatenate([np.zeros(modes), _price(solver, scores)])
    lowest = np.concatenate([np.full(modes, -np.inf), np.zeros(len(solver.unit))])
    found = solve.descend(gram, target, price, lowest, 400)[modes:]
    left: Doubles = (found @ solver.raw).reshape(-1, 3)
    return left


def _price(solver: solve.Solver, scores: Doubles) -> Doubles:
    """(c,) nats per intensity of every column."""
    prices = np.full(len(solver.unit), DOUBT)
    for column, (unit, side) in enumerate(zip(solver.unit, solver.side, strict=True)):
        number = facs.UNITS[unit].number
        if number in EVIDENCE:
            prices[column] = CERTAIN + (DOUBT - CERTAIN) * (1 - _speaks(scores, number, int(side))) ** 2
    return prices


def _speaks(scores: Doubles, number: int, side: int) -> float:
    """0..1, how clearly the scores speak for a unit."""
    name, nothing, certain = EVIDENCE[number]
    suffixes = (("Left",), ("Right",), ("", "Left", "Right", "Lower", "Upper"))[side]
    values = [scores[SCORE[name + suffix]] for suffix in suffixes if name + suffix in SCORE] or [scores[SCORE[name]]]
    return float(np.clip((np.mean(values) - nothing) / (certain - nothing), 0, 1))


@cache
def _joint() -> tuple[Doubles, Doubles, int]:
    """Reader and left side of the normal equations for identity and AUs together, and how many of them are identity."""
    solver = solve.solver()
    people = basis.load().identity.astype(np.float64).reshape(-1, 478 * 3) * solver.weight
    joint = np.concatenate([people, solver.raw * solver.weight])
    precision = INDEPENDENT / UNEXPLAINED**2
    prior = np.concatenate([np.ones(len(people)), np.full(len(solver.unit), precision * solve.RIDGE)])
    return precision * joint, precision * joint @ joint.T + np.diag(prior), len(people)
