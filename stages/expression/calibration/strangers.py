"""Faces the rig does not have: random textures, shifts and shapes, lest the coder learn the rig's own looks.

Real people differ from the rig's in ways that say nothing of their expression: brows lie elsewhere, skin has marks,
chins have beards. What is drawn here belongs to a person, so it is added to what is seen and to the person's own
neutral alike; beside the average neutral it stands out. (Domain randomisation: Tobin et al. 2017.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from stages.expression import basis
from stages.expression.relief import SIDE
from stages.packets import Floats

COUNT: Final = 384
MARKED: Final = 0.14  # contrast of the strongest textures, standard deviation
FLICKER: Final = 0.04  # contrast that comes and goes between pictures of one person
SHIFT: Final = 1.4  # texels by which features lie elsewhere, standard deviation
SMOOTH: Final = 9.0  # texels over which a shift changes
SHAPE: Final = 0.008  # interocular distances by which a real shape deviates from the components, as `model.FLOOR`
PEOPLE: Final = 0.7  # standard deviations of the identity components by which strangers differ in addition


@dataclass(frozen=True)
class Strangers:
    """textures: (COUNT, SIDE, SIDE) contrasts; maps: (COUNT, SIDE, SIDE, 2) where a texel is taken from; shapes:
    (COUNT, 1434) added to a neutral shape."""

    textures: Floats
    maps: Floats
    shapes: Floats

    @classmethod
    def of(cls, seed: int) -> Strangers:
        """The strangers of a seed."""
        rng = np.random.default_rng([seed, 9])
        textures = np.stack([_texture(rng) for _ in range(COUNT)])
        y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32)
        maps = np.stack([np.stack([x + _field(rng), y + _field(rng)], -1) for _ in range(COUNT)])
        modes = basis.load().identity.reshape(basis.MODES, -1)
        known = rng.normal(0, PEOPLE, (COUNT, basis.MODES)).astype(np.float32) @ modes
        own = rng.normal(0, 1, (COUNT, 24)).astype(np.float32) @ basis.load().unexplained[:24].reshape(24, -1)
        own *= SHAPE / own.std()
        return cls(textures, maps, (known + own).astype(np.float32))

    def disguised(self, now: Floats, before: Floats, known: bool, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """Reliefs (n, SIDE, SIDE) of faces and of their neutrals, as of other people; changed in place."""
        for row, one in enumerate(rng.integers(0, COUNT, len(now))):
            mark, strength = self.textures[one], np.float32(rng.random() * (rng.random() < 0.8))
            now[row] = cv2.remap(now[row] + strength * mark, self.maps[one], None, cv2.INTER_LINEAR)
            if known:
                before[row] = cv2.remap(before[row] + strength * mark, self.maps[one], None, cv2.INTER_LINEAR)
            flicker = self.textures[(one + 1 + row) % COUNT]
            now[row] += flicker * np.float32(FLICKER / MARKED * rng.random())
        return now, before


def _texture(rng: np.random.Generator) -> Floats:
    """Blobs of one size, somewhere strong and elsewhere absent."""
    blobs = cv2.GaussianBlur(rng.normal(0, 1, (SIDE, SIDE)).astype(np.float32), (0, 0), float(rng.uniform(0.7, 4)))
    where = cv2.GaussianBlur(rng.normal(0, 1, (SIDE, SIDE)).astype(np.float32), (0, 0), 10.0)
    share = np.clip(where / (2 * where.std()) + 0.4, 0, 1)
    return np.asarray(blobs / blobs.std() * share * MARKED * rng.uniform(0.2, 1), np.float32)


def _field(rng: np.random.Generator) -> Floats:
    smooth = cv2.GaussianBlur(rng.normal(0, 1, (SIDE, SIDE)).astype(np.float32), (0, 0), SMOOTH)
    return np.asarray(smooth / smooth.std() * SHIFT * rng.uniform(0.2, 1), np.float32)
