"""Films people of the rig: a script's curves, frame by frame, as pictures and as what the lips did."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stages.expression.calibration import curves
from stages.expression.calibration.curves import Doubles
from stages.expression.calibration.photograph import Photographer
from stages.expression.recipes import summed
from stages.expression.studio.people import Shot, cast

NOISE: Final = (0.5, 2.0)
"""Standard deviation of a clip's sensor noise in 8-bit codes: light."""
GRAINY: Final = 9.0
"""At most: what a camera's gain makes of little light."""
DISTANCE: Final = (6.0, 25.0)
"""Of the camera in rig units (10 cm): from a wide lens near by to a long one."""


@dataclass(frozen=True)
class Script:
    """A person, what they show and how they are filmed.

    seed: of the person, `habits` whether they move in their own way. shares: (n, len(curves.SHOWN), 2). head: (n, 3)
    yaw, pitch, roll in degrees, the figure's left, down and right shoulder positive. camera: light, lens, noise.
    size: (n,) share of the picture's side that the person is filmed with, blur: (n,) pixels, dim: (n,) share of light.
    """

    seed: int
    habits: bool
    camera: Shot
    shares: Doubles
    head: Doubles
    size: Doubles
    blur: Doubles
    dim: Doubles

    def __len__(self) -> int:
        return len(self.shares)


def camera(rng: np.random.Generator) -> Shot:
    """Ordinary light from anywhere in front, an ordinary lens, light noise."""
    light = (float(rng.uniform(-0.8, 0.8)), float(rng.uniform(0.2, 0.8)), 0.85)
    key, ambient = rng.uniform((1.0, 0.35), (1.5, 0.6)).tolist()
    distance = float(np.exp(rng.uniform(*np.log(DISTANCE))))
    return Shot(0, 0, 0, light, key, ambient, float(rng.uniform(*NOISE)), int(rng.integers(2**31)), distance)


def script(seed: int, habits: bool, camera: Shot, shares: Doubles, head: Doubles) -> Script:
    """One filmed as well as the studio can."""
    whole = np.ones(len(shares))
    return Script(seed, habits, camera, shares, head, whole, np.zeros(len(shares)), whole)


def film(photographer: Photographer, script: Script) -> Iterator[tuple[NDArray[np.uint8], float]]:
    """Per frame the picture, (side, side, 3) 8-bit R'G'B', and the intensity of AU25 by the lips' gap.

    Raises:
        ModelError: `moderngl` is missing, or no OpenGL context can be had.
    """
    studio = photographer.reader.studio
    person = cast(studio.rig, script.seed, script.habits)
    for i, row in enumerate(script.shares):
        photo = studio.photograph(person, summed(curves.named(row)), _shot(script, i))
        yield _placed(photo.picture, studio.side), photographer.parted(photo, person)


def _shot(script: Script, i: int) -> Shot:
    yaw, pitch, roll = script.head[i].tolist()
    key, ambient = (float(script.dim[i]) * light for light in (script.camera.key, script.camera.ambient))
    return replace(
        script.camera,
        yaw=yaw,
        pitch=pitch,
        roll=roll,
        key=key,
        ambient=ambient,
        noise=min(script.camera.noise / float(script.dim[i]) ** 0.5, GRAINY),
        size=float(script.size[i]),
        blur=float(script.blur[i]),
        seed=script.camera.seed + i,
    )


def _placed(picture: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """A smaller picture in the middle of one of the clip's size, like a photo on a wall."""
    whole = np.full((side, side, 3), picture[:8, :8].mean((0, 1)), np.uint8)
    first = (side - len(picture)) // 2
    whole[first : first + len(picture), first : first + len(picture)] = picture
    return whole
