"""Pictures in which nothing lies before somebody's face, and which of them another picture is to be put beside.

The more alike the expression, the pose and the light, the less is left that only a cover explains. What is alike is
found by what both show of most of the face: however much a texel differs, it counts no more than `OFF`, so that a hand
in the picture has little to say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from stages.expression.cover.look import COARSE, FOLD, Picture, Usual, contrast, tint
from stages.packets import Floats

ALIKE: Final = 7
"""Pictures that a usual look is made of."""
OFF: Final = np.float32(0.12)
"""Contrast, or natural logarithm of luma, from which a difference counts no more."""


@dataclass(frozen=True, slots=True)
class Bank:
    """Of n pictures: reliefs (n, FINE, FINE), tints (n, COARSE, COARSE, 3), and coarse (n, COARSE * COARSE * 2), by
    which they are compared."""

    reliefs: Floats
    tints: Floats
    coarse: Floats

    @classmethod
    def of(cls, pictures: Sequence[Picture]) -> Bank:
        """Of one person; at least one."""
        reliefs, tints = np.stack([contrast(one) for one in pictures]), np.stack([tint(one) for one in pictures])
        return cls(reliefs, tints, _coarse(reliefs, tints))

    def usual(self, picture: Picture) -> Usual:
        """How the person looks in the pictures that are most like this one."""
        reliefs, tints = contrast(picture)[None], tint(picture)[None]
        far = np.minimum(np.abs(self.coarse - _coarse(reliefs, tints)), OFF).sum(1)
        nearest = np.argsort(far, kind="stable")[:ALIKE]
        return Usual.between(self.reliefs[nearest], self.tints[nearest])


def _coarse(reliefs: Floats, tints: Floats) -> Floats:
    pooled = reliefs.reshape(-1, COARSE, FOLD, COARSE, FOLD).mean((2, 4))
    both: Floats = np.concatenate([pooled.reshape(len(reliefs), -1), tints[..., 0].reshape(len(tints), -1)], 1)
    return both
