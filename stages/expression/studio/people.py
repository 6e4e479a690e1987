"""Whom the studio photographs, and how: random identities, skins, lights and head poses, by seed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from stages.expression.people import features, person
from stages.expression.rig import Rig

Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Paint:
    """Linear colours of one person."""

    skin: Colour
    hair: Colour
    iris: Colour
    lip: Colour


PAINTS: Final = (
    Paint((0.62, 0.40, 0.30), (0.075, 0.045, 0.025), (0.16, 0.28, 0.36), (0.52, 0.20, 0.18)),
    Paint((0.47, 0.27, 0.18), (0.02, 0.014, 0.01), (0.14, 0.07, 0.03), (0.40, 0.15, 0.13)),
    Paint((0.20, 0.10, 0.06), (0.008, 0.006, 0.005), (0.07, 0.03, 0.015), (0.20, 0.075, 0.065)),
    Paint((0.70, 0.49, 0.40), (0.30, 0.16, 0.06), (0.20, 0.30, 0.18), (0.60, 0.26, 0.25)),
)
"""Light, tan, dark and pale."""


@dataclass(frozen=True)
class Person:
    """identity: rig target -> weight. brow: half its thickness in rig units; stubble: 0..1; seed: of skin specks."""

    identity: Mapping[str, float]
    paint: Paint
    brow: float
    stubble: float
    seed: float


@dataclass(frozen=True)
class Shot:
    """yaw, pitch, roll: degrees, the figure's left, down and left shoulder positive. light: where the key light is.

    noise: standard deviation of sensor noise, in 8-bit codes, and the seed it is drawn with.
    """

    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    light: Colour = (-0.5, 0.55, 0.85)
    key: float = 1.30
    ambient: float = 0.42
    noise: float = 1.0
    seed: int = 0


def cast(rig: Rig, seed: int) -> Person:
    """The person with this seed."""
    rng = np.random.default_rng([seed, 1])
    paint = PAINTS[rng.integers(len(PAINTS))]
    tint = float(rng.uniform(0.85, 1.1))
    red, green, blue = paint.skin
    tinted = Paint((red * tint, green * tint, blue * tint), paint.hair, paint.iris, paint.lip)
    brow, stubble = float(rng.uniform(0.035, 0.06)), float(rng.uniform(0, 0.5))
    return Person(person(rng, features(rig)), tinted, brow, stubble, float(rng.integers(50)))


def shot(rng: np.random.Generator, turn: float = 6.0) -> Shot:
    """A random shot; `turn` is the standard deviation of the yaw in degrees, pitch and roll turn less."""
    yaw, pitch, roll = rng.normal(0, (turn, 0.7 * turn, 0.5 * turn)).tolist()
    light = (float(rng.uniform(-0.8, 0.8)), float(rng.uniform(0.2, 0.8)), 0.85)
    key, ambient, noise = rng.uniform((1.0, 0.3, 0.0), (1.5, 0.6, 3.0)).tolist()
    return Shot(yaw, pitch, roll, light, key, ambient, noise, int(rng.integers(2**31)))
