"""What the people of the rig are asked to show: single Action Units, known expressions, speech, random mixtures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stages import facs
from stages.expression.recipes import REACH, RECIPES

Doubles = NDArray[np.float64]
Pair = tuple[float, float]
Shares = dict[int, Pair]
"""Unit -> share of the rig's full weight on the left and on the right."""

OPPOSED: Final = (
    *((5, 43), (61, 62), (63, 64), (26, 27), (12, 15), (18, 20), (22, 28), (25, 24), (24, 28), (23, 28), (18, 28)),
    *((29, 27), (34, 25), (34, 27)),
)
"""Pairs of which a face shows only one."""
GAZE: Final = (61, 62, 63, 64)
MOST: Final = 1.7
"""Shares of the rig's full weight that are shown at most, of units that people show more strongly than the rig."""
BUSY: Final = (0.06, 0.14, 0.28)
"""Shares of the units that are active in a random mixture."""
KNOWN: Final[Sequence[Mapping[int, float]]] = (
    {6: 0.8, 12: 1.0},
    {12: 0.8},
    {6: 0.7, 12: 1.0, 25: 0.8},
    {6: 0.8, 12: 1.0, 25: 1.0, 26: 0.8},
    {1: 1.0, 4: 0.7, 15: 0.9},
    {1: 1.0, 4: 0.7, 15: 0.7, 17: 0.8},
    {6: 0.6, 4: 0.6, 7: 0.7, 20: 0.6, 25: 0.8},
    {4: 1.0, 5: 0.7, 7: 0.6, 24: 0.8},
    {4: 1.0, 7: 0.8, 10: 0.7, 25: 0.7},
    {4: 0.9, 9: 0.7, 10: 0.9, 16: 0.6, 25: 0.9},
    {1: 0.9, 2: 0.9, 5: 0.9, 26: 0.9, 25: 0.7},
    {1: 0.9, 2: 0.6, 4: 0.6, 5: 0.9, 20: 0.8, 25: 0.7},
    {9: 1.0, 10: 0.5},
    {9: 0.9, 17: 0.7, 15: 0.4},
    {10: 0.9, 25: 0.5},
    {14: 1.0},
    {1: 0.8, 2: 0.8},
    {17: 0.9, 24: 0.6},
    {43: 1.0},
    {7: 0.7, 43: 0.5},
    {25: 0.7, 26: 0.7},
    {18: 0.8},
    {22: 0.9, 25: 0.6},
    {20: 0.6, 25: 0.6},
    {23: 0.8},
    {28: 0.9},
    {16: 0.7, 25: 0.7},
    {27: 0.9, 25: 1.0},
)
"""Emotions after the FACS investigator's guide (Ekman, Friesen & Hager 2002), their milder forms, and speech."""


COMPANIONS: Final[Mapping[int, Mapping[str, float]]] = {
    4: {"eyeSquint": 0.25, "noseSneer": 0.15},
    5: {"browOuterUp": 0.15},
    6: {"eyeSquint": 0.4, "mouthUpperUp": 0.15},
    7: {"cheekSquint": 0.3},
    9: {"mouthUpperUp": 0.6, "browDown": 0.3, "cheekSquint": 0.3},
    10: {"noseSneer": 0.3, "mouthSmile": 0.1},
    12: {"mouthUpperUp": 0.6, "mouthStretch": 0.3, "mouthDimple": 0.3, "cheekSquint": 0.25},
    14: {"mouthPress": 0.4},
    15: {"mouthShrugLower": 0.25},
    17: {"mouthFrown": 0.3, "mouthPress": 0.2},
    20: {"mouthLowerDown": 0.3},
    24: {"mouthRollUpper": 0.3, "mouthRollLower": 0.3, "mouthShrugLower": 0.15},
    25: {"mouthUpperUp": 0.5},
    28: {"mouthShrugLower": 0.2},
}
"""Unit -> what goes along with it, at most, in one person and not in another, and is not scored: who grins may bare the
upper teeth or not, and a wrinkled nose lifts the lip. The rig's own movement is purer than anybody's."""
SIDELESS: Final = ("mouthShrugLower", "mouthRollUpper", "mouthRollLower")


def companions(rng: np.random.Generator) -> dict[int, dict[str, float]]:
    """One person's: a third have none of a unit, the others a share."""
    return {
        number: {name: most * float(rng.uniform()) * (rng.random() < 0.67) for name, most in along.items()}
        for number, along in COMPANIONS.items()
    }


def accompanied(
    shares: Mapping[int, tuple[float, float]], along: Mapping[int, Mapping[str, float]]
) -> dict[str, float]:
    """Rig units -> weights that these shares bring along in a person, beside those of the units themselves."""
    weights: dict[str, float] = {}
    for number, pair in shares.items():
        for name, weight in along.get(number, {}).items():
            sides = (
                ((name, sum(pair) / 2),) if name in SIDELESS else ((f"{name}Left", pair[0]), (f"{name}Right", pair[1]))
            )
            for unit, share in sides:
                weights[unit] = weights.get(unit, 0.0) + weight * share
    return weights


def performance(rng: np.random.Generator) -> Shares:
    """One face: a quarter shows a single unit, a quarter something known, half anything. The eyes wander."""
    kind = rng.random()
    if kind < 0.25:
        shares = alone(rng)
    elif kind < 0.5:
        shares = known(rng)
    else:
        shares = anything(rng)
    if not set(GAZE) & set(shares):
        shares.update(gaze(rng, 0.35))
    return shares


def alone(rng: np.random.Generator) -> Shares:
    """One unit; in a third of the faces on one side only."""
    number = list(RECIPES)[rng.integers(len(RECIPES))]
    share = float(rng.uniform(0.05, most(number)))
    if RECIPES[number][1] is None or number in GAZE or (number != 30 and rng.random() < 0.67):
        return {number: (share, share)}
    return {number: (share, 0.0) if rng.random() < 0.5 else (0.0, share)}


def known(rng: np.random.Generator) -> Shares:
    """An expression that people know, as a whole stronger or weaker, with something else at times."""
    strength = float(rng.uniform(0.15, 1.1))
    chosen = KNOWN[int(rng.integers(len(KNOWN)))]
    shares = {n: _sides(rng, n, strength * level * float(rng.uniform(0.6, 1.3))) for n, level in chosen.items()}
    if rng.random() < 0.4:
        shares.update({n: pair for n, pair in anything(rng, 0.08).items() if n not in shares})
    return _agreeing(rng, shares)


def anything(rng: np.random.Generator, busy: float | None = None) -> Shares:
    """A random mixture."""
    share = BUSY[rng.integers(len(BUSY))] if busy is None else busy
    active = [number for number in RECIPES if rng.random() < share]
    return _agreeing(rng, {n: _sides(rng, n, float(rng.beta(1.2, 1.8)) * most(n)) for n in active})


def gaze(rng: np.random.Generator, spread: float) -> Shares:
    """Where the eyes look: a direction with this standard deviation, in shares of the rig's full weights."""
    across, up = rng.normal(0, spread), rng.normal(0, 0.6 * spread)
    chosen = {61 if across > 0 else 62: min(abs(across), 1.0), 63 if up > 0 else 64: min(abs(up), 1.0)}
    return {number: (share, share) for number, share in chosen.items()}


def most(number: int) -> float:
    """The largest share of the rig's full weight that is shown."""
    return min(REACH.get(number, 1.0), MOST)


def _sides(rng: np.random.Generator, number: int, share: float) -> tuple[float, float]:
    if RECIPES[number][1] is None or number in GAZE:
        return share, share
    if number == 30:
        return (share, 0.0) if rng.random() < 0.5 else (0.0, share)
    uneven = 1 - rng.beta(1, 2, 2) * (rng.random() < 0.5) * (rng.random(2) < 0.5)
    left, right = np.clip(share * uneven + rng.normal(0, 0.04, 2) * (share > 0.1), 0, most(number)).tolist()
    return left, right


def _agreeing(rng: np.random.Generator, shares: Shares) -> Shares:
    kept = dict(shares)
    for pair in OPPOSED:
        if set(pair) <= kept.keys():
            del kept[pair[rng.integers(2)]]
    return kept


def intensities(shares: Mapping[int, tuple[float, float]]) -> Doubles:
    """(facs.COUNT, 2) what FACS would score, 0..5, but for AU25, which follows from the gap of the lips.

    A jaw that drops beyond AU26's 5 goes on in AU27; closed eyes are AU43 and AU45.
    """
    values = np.zeros((facs.COUNT, 2))
    for number, pair in shares.items():
        values[facs.INDEX[f"AU{number:02d}"]] = np.array(pair) * facs.MAX_INTENSITY * REACH.get(number, 1.0) ** -1
    jaw = JAW * values[_row(26)] + JAW_STRETCH * values[_row(27)]
    values[_row(26)] = np.minimum(jaw / JAW, facs.MAX_INTENSITY)
    values[_row(27)] = np.maximum(jaw - JAW * facs.MAX_INTENSITY, 0) / JAW_STRETCH
    values[_row(45)] = values[_row(43)]
    return np.minimum(values, facs.MAX_INTENSITY)


JAW: Final = 0.45 * REACH[26] / facs.MAX_INTENSITY
"""Share of the rig's whole jaw drop by one unit of AU26."""
JAW_STRETCH: Final = 1.0 / facs.MAX_INTENSITY
"""And by one of AU27."""


def _row(number: int) -> int:
    return facs.INDEX[f"AU{number:02d}"]
