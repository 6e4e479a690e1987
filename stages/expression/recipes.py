"""Which of the rig's expression units make each Action Unit, and how far full intensity goes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from stages import facs

Recipe = Mapping[str, float]


def _sides(weights: Recipe) -> tuple[Recipe, Recipe]:
    return {f"{n}Left": w for n, w in weights.items()}, {f"{n}Right": w for n, w in weights.items()}


def _halves(weights: Recipe) -> tuple[Recipe, None]:
    return weights, None


RECIPES: Final[Mapping[int, tuple[Recipe, Recipe | None]]] = {
    1: _sides({"browInnerUp": 1}),
    2: _sides({"browOuterUp": 1}),
    4: _sides({"browDown": 1}),
    5: _sides({"eyeWide": 1}),
    6: _sides({"cheekSquint": 1}),
    7: _sides({"eyeSquint": 1}),
    9: _sides({"noseSneer": 1}),
    10: _sides({"mouthUpperUp": 1}),
    12: _sides({"mouthSmile": 1}),
    14: _sides({"mouthDimple": 1}),
    15: _sides({"mouthFrown": 1}),
    16: _sides({"mouthLowerDown": 1}),
    17: _halves({"mouthShrugLower": 1}),
    18: _halves({"mouthPucker": 1}),
    20: _sides({"mouthStretch": 1}),
    22: _halves({"mouthFunnel": 1}),
    23: _halves({"mouthRollUpper": 0.4, "mouthRollLower": 0.4, "mouthPucker": 0.3}),  # the rig has no tight lips
    24: _halves({"mouthPressLeft": 1, "mouthPressRight": 1}),
    # FACS scores lips part by the gap, and the rig has no unit for it: full intensity parts them a fifth of the
    # interocular distance, mostly by the lower lip, and leaves the chin alone.
    25: _halves(
        {
            "mouthLowerDownLeft": 1,
            "mouthLowerDownRight": 1,
            "mouthUpperUpLeft": 0.5,
            "mouthUpperUpRight": 0.5,
            "mouthClose": -0.3,
        }
    ),
    # The jaw drops behind closed lips, as FACS has it; what the lips part by is AU25's.
    26: _halves({"jawOpen": 0.45, "mouthClose": 0.45}),
    27: _halves({"jawOpen": 1, "mouthClose": 1}),
    28: _halves({"mouthRollLower": 1, "mouthRollUpper": 1}),
    29: _halves({"jawForward": 1}),
    30: ({"jawLeft": 1}, {"jawRight": 1}),
    34: _sides({"cheekPuff": 1}),
    43: _sides({"eyeBlink": 0.82}),  # the rig's full weight laps the lids
    61: ({"eyeLookOutLeft": 1}, {"eyeLookInRight": 1}),
    62: ({"eyeLookInLeft": 1}, {"eyeLookOutRight": 1}),
    63: _sides({"eyeLookUp": 1}),
    64: _sides({"eyeLookDown": 1}),
}
"""Per Action Unit the rig's full weight on the left and on the right; None: cut the whole at the midline."""

REACH: Final[Mapping[int, float]] = {1: 2.0, 2: 1.5, 10: 1.4, 26: 1.55, 61: 2.0, 62: 2.0, 63: 2.0, 64: 2.0}
"""Full intensity over the rig's full weight, where people go further than the rig: it raises inner and outer brow by 5
and 7 mm, and brows travel a centimetre; the upper lip by 5 mm, and bared teeth take 7 to 8; it drops the jaw by 12 mm,
and a relaxed jaw hangs by nearly 20; it turns the eyes by 15 degrees aside and 10 up or down, and eyes turn by 30
and 20. A unit that is not named counts as 1. It scales movement and response alike."""


def full(number: int) -> float:
    """Intensity per share of the rig's full weight."""
    return facs.MAX_INTENSITY / REACH.get(number, 1.0)


def blended(number: int, left: float, right: float) -> dict[str, float]:
    """Rig units -> weights that show a unit at `left` and `right`, 1 is full; without sides, the whole at `left`."""
    first, second = RECIPES[number]
    weights = {name: left * weight for name, weight in first.items()}
    for name, weight in (second or {}).items():
        weights[name] = weights.get(name, 0.0) + right * weight
    return weights


def summed(shares: Mapping[int, tuple[float, float]]) -> dict[str, float]:
    """Rig units -> weights of several units at once; unit -> share of its full weight, left and right."""
    weights: dict[str, float] = {}
    for number, (left, right) in shares.items():
        for name, weight in blended(number, left, right).items():
            weights[name] = weights.get(name, 0.0) + weight
    return weights
