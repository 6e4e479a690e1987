"""Painted wrinkles of the rig, which has none: grooves that expression units deepen, as bumps of the lit skin.

A groove is a line on the base mesh, mirrored to both sides; the shader tilts the normal into it and darkens its ground.
Where they run and which movement makes them follows the drawings of the FACS manual (Ekman, Friesen & Hager 2002).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]
Line = tuple[float, float, float, float]


@dataclass(frozen=True)
class Groove:
    """line: x0, y0, x1, y1 on the performer's left in rig units, y above the eye's middle. width: half of it.

    made_by: rig unit without its side -> depth by its full weight. rest: depth that old skin has at rest.
    """

    line: Line
    width: float
    made_by: Mapping[str, float]
    rest: float = 0.0


FURROW: Final = {"browDown": 1.0, "noseSneer": 0.25}
INNER: Final = {"browInnerUp": 1.0}
OUTER: Final = {"browOuterUp": 1.0, "browInnerUp": 0.3}
ROOT: Final = {"noseSneer": 1.0, "browDown": 0.35}
CROW: Final = {"cheekSquint": 1.0, "mouthSmile": 0.25, "eyeSquint": 0.2}
UNDER: Final = {"cheekSquint": 1.0, "eyeSquint": 0.5, "noseSneer": 0.3}
LABIAL: Final = {"noseSneer": 0.8, "mouthUpperUp": 0.8, "mouthSmile": 0.8, "cheekSquint": 0.4}
BULGE: Final = {"eyeSquint": 1.0, "cheekSquint": 0.5}
DIMPLE: Final = {"mouthDimple": 1.0, "mouthSmile": 0.4}
CHIN: Final = {"mouthShrugLower": 1.0}
MARIONETTE: Final = {"mouthFrown": 1.0}

GROOVES: Final = (
    Groove((0.050, 0.11, 0.070, 0.29), 0.014, FURROW, 0.10),
    Groove((0.00, 0.08, 0.06, 0.08), 0.014, FURROW),
    Groove((0.00, 0.30, 0.25, 0.32), 0.016, INNER, 0.12),
    Groove((0.00, 0.37, 0.27, 0.39), 0.016, INNER, 0.12),
    Groove((0.00, 0.44, 0.24, 0.46), 0.016, INNER),
    Groove((0.27, 0.33, 0.56, 0.27), 0.016, OUTER, 0.12),
    Groove((0.28, 0.40, 0.56, 0.35), 0.016, OUTER),
    Groove((0.00, 0.035, 0.075, 0.02), 0.013, ROOT),
    Groove((0.00, -0.015, 0.07, -0.03), 0.013, ROOT),
    Groove((0.07, -0.04, 0.14, -0.13), 0.013, ROOT),
    Groove((0.06, -0.11, 0.13, -0.20), 0.013, ROOT),
    Groove((0.485, 0.03, 0.60, 0.10), 0.012, CROW, 0.15),
    Groove((0.490, 0.00, 0.62, 0.01), 0.012, CROW, 0.15),
    Groove((0.485, -0.03, 0.60, -0.09), 0.012, CROW),
    Groove((0.17, -0.12, 0.46, -0.13), 0.018, UNDER, 0.20),
    Groove((0.19, -0.075, 0.42, -0.085), 0.012, BULGE),
    Groove((0.17, -0.36, 0.29, -0.55), 0.022, LABIAL, 0.20),
    Groove((0.29, -0.55, 0.33, -0.70), 0.022, LABIAL, 0.10),
    Groove((0.33, -0.62, 0.34, -0.72), 0.018, DIMPLE),
    Groove((0.00, -0.865, 0.13, -0.875), 0.022, CHIN, 0.10),
    Groove((0.04, -0.95, 0.05, -1.02), 0.016, CHIN),
    Groove((0.10, -0.94, 0.12, -1.00), 0.016, CHIN),
    Groove((0.29, -0.73, 0.31, -0.87), 0.018, MARIONETTE, 0.12),
)
DEPTH: Final = 0.014  # rig units: a groove of depth 1 is 1.4 mm deep


def depths(weights: Mapping[str, float], skin: float, seed: float) -> Doubles:
    """(len(GROOVES), 2) depth in rig units on the left and on the right.

    weights: rig unit -> weight. skin: 0..1, how readily it folds and how old it is. seed: which lines this person has.
    """
    own = np.random.default_rng([int(seed * 1000), 7]).uniform(0.3, 1.0, len(GROOVES))
    table = np.zeros((len(GROOVES), 2))
    for row, groove in enumerate(GROOVES):
        for half, side in enumerate(("Left", "Right")):
            shown = sum(
                depth * max(weights.get(name + side, weights.get(name, 0.0)), 0.0)
                for name, depth in groove.made_by.items()
            )
            table[row, half] = min(shown, 1.5) * skin + groove.rest * max(skin - 0.5, 0.0)
    scaled: Doubles = table * own[:, None] * DEPTH
    return scaled


def lines(eye_height: float) -> Doubles:
    """(len(GROOVES), 4) on the base mesh."""
    raised = np.array([0.0, eye_height, 0.0, eye_height])
    placed: Doubles = np.array([groove.line for groove in GROOVES]) + raised
    return placed


def widths() -> Doubles:
    """(len(GROOVES),) half widths in rig units."""
    return np.array([groove.width for groove in GROOVES])
