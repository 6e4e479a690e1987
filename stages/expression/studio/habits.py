"""How people move differently: the same Action Unit, at the same intensity, goes its own way in every face.

The rig has one movement for a unit. Here a person's own is that movement, stronger in some places and weaker in others
by a smooth random field, and turned by a few degrees. Jaw and lids are left alone: they have to close.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stages.expression.rig import Rig

Doubles = NDArray[np.float64]

FIXED: Final = ("jaw", "mouthClose", "eyeBlink", "eyeLook", "tongue")
UNEVEN: Final = 0.22  # standard deviation of the field
TURN: Final = 7.0  # degrees of the turn in the picture plane
WAVES: Final = 3
LENGTH: Final = 0.9  # rig units (10 cm): shortest wavelength of the field


def moved(rig: Rig, weights: Mapping[str, float], seed: int | None) -> Doubles:
    """(19158, 3) displacement of a person with these habits; None is the rig's own."""
    if seed is None:
        return rig.moved(weights)
    total = rig.moved({name: weight for name, weight in weights.items() if name.startswith(FIXED)})
    for name, weight in weights.items():
        if not name.startswith(FIXED):
            vertices, shifts = rig.target(name)
            total[vertices] += weight * _own(name, rig.base[vertices], shifts, seed)
    return total


def _own(name: str, at: Doubles, shifts: Doubles, seed: int) -> Doubles:
    """One unit's shifts of the vertices that lie there; its other side and mirrored points get the same habit."""
    kind = name.removesuffix("Left").removesuffix("Right")
    rng = np.random.default_rng([seed, zlib.crc32(kind.encode())])
    folded = np.abs(at * (1, 0, 0)) + at * (0, 1, 1)
    field = np.ones(len(at))
    for _ in range(WAVES):
        wave = rng.normal(0, 1, 3)
        wave *= 2 * np.pi / LENGTH * rng.uniform(0.4, 1) / np.linalg.norm(wave)
        field += UNEVEN * np.sqrt(2 / WAVES) * rng.normal() * np.cos(folded @ wave + rng.uniform(0, 2 * np.pi))
    angle = np.radians(rng.normal(0, TURN)) * (-1 if name.endswith("Right") else 1)
    cos, sin = np.cos(angle), np.sin(angle)
    turned: Doubles = (shifts @ np.array([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1]])) * field[:, None]
    return turned
