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
    """identity: rig target -> weight. brow: half its thickness and how far it is raised at its inner and at its outer
    end, in rig units, and how dense it is, 0..1; stubble: 0..1; seed: of skin specks.

    folds: 0..1, how readily the skin folds. habits: seed of how this person moves (`habits`); None is the rig's way.
    """

    identity: Mapping[str, float]
    paint: Paint
    brow: tuple[float, float, float, float]
    stubble: float
    seed: float
    folds: float = 0.0
    habits: int | None = None


@dataclass(frozen=True)
class Shot:
    """yaw, pitch, roll: degrees, the figure's left, down and right shoulder positive. light: where the key light is.

    distance: of the camera in rig units (10 cm); the lens is chosen so that the head keeps its size. size: share of the
    studio's picture that is kept, fewer pixels, not a crop. blur: standard deviation in pixels; smear: motion blur over
    so many pixels in x and y. noise: standard deviation of sensor noise, in 8-bit codes, and the seed it is drawn with.
    quality: of JPEG compression, 100 is none.
    """

    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    light: Colour = (-0.5, 0.55, 0.85)
    key: float = 1.30
    ambient: float = 0.42
    noise: float = 1.0
    seed: int = 0
    distance: float = 11.5
    size: float = 1.0
    blur: float = 0.0
    smear: tuple[float, float] = (0.0, 0.0)
    quality: int = 100


def cast(rig: Rig, seed: int, own_habits: bool = False) -> Person:
    """The person with this seed; with habits of their own, or moving as the rig does."""
    rng = np.random.default_rng([seed, 1])
    paint = PAINTS[rng.integers(len(PAINTS))]
    tint = float(rng.uniform(0.85, 1.1))
    red, green, blue = paint.skin
    tinted = Paint((red * tint, green * tint, blue * tint), paint.hair, paint.iris, paint.lip)
    brow = (*rng.uniform((0.022, -0.035, -0.035), (0.07, 0.03, 0.03)).tolist(), float(rng.uniform(0.35, 1)))
    stubble = float(rng.choice([0.0, rng.uniform(0, 0.5), rng.uniform(0.5, 1.6)], p=[0.4, 0.4, 0.2]))
    speck, folds = float(rng.integers(50)), float(rng.uniform(0, 1))
    return Person(person(rng, features(rig)), tinted, brow, stubble, speck, folds, seed if own_habits else None)


def any_shot(rng: np.random.Generator) -> Shot:
    """A shot of the kind that footage brings: yaw to 35 and pitch to 20 degrees, lenses, light, noise, blur, codecs."""
    yaw, pitch, roll = (float(np.clip(rng.normal(0, most / 2), -most, most)) for most in (35.0, 20.0, 16.0))
    light = (float(rng.uniform(-0.9, 0.9)), float(rng.uniform(-0.1, 0.9)), float(rng.uniform(0.5, 0.95)))
    bright = float(rng.choice([1.0, rng.uniform(0.15, 0.5)], p=[0.8, 0.2]))
    key, ambient = bright * float(rng.uniform(0.6, 1.5)), bright * float(rng.uniform(0.3, 0.9))
    blur = float(rng.uniform(0.5, 2.5)) * (rng.random() < 0.3)
    across, down = (rng.uniform(-5, 5, 2) * (rng.random() < 0.12)).tolist()
    return Shot(
        *(yaw, pitch, roll, light, key, ambient),
        noise=float(rng.uniform(0, 4 if bright == 1 else 9)),
        seed=int(rng.integers(2**31)),
        distance=float(np.exp(rng.uniform(np.log(5.0), np.log(30.0)))),
        size=float(rng.choice([1.0, float(rng.uniform(0.3, 1.0))])),
        blur=blur,
        smear=(across, down),
        quality=int(rng.choice([100.0, float(rng.integers(40, 95))])),
    )
