"""What the coder reads, what the shape explains and what creases show, brought together.

The coder learned on a rig; of real faces, of whom it has seen none, the plain geometry of the face model knows some
units better. So the coder's reading is the prior of the most probable intensities that explain the shape
(`FaceModel.above`), and AU6 and AU9 are at least what creases tell.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from stages.expression import creases, model
from stages.expression.coder import Rest
from stages.expression.looks import Look
from stages.expression.model import Prior
from stages.packets import Floats

REAL: Final = 1.0
"""Intensity by which the coder may be off on real faces beyond its own doubt (chosen on the sample clips)."""


def settled(look: Look, rest: Rest, values: Floats, deviation: Floats) -> Floats:
    """(columns,) intensities of a face beside its neutral from the coder's values and standard deviations."""
    prior = Prior(np.maximum(values, 0).astype(np.float64), np.hypot(deviation, REAL).astype(np.float64))
    told = model.load().above(look.shape, rest.shape, prior)
    both: Floats = np.maximum(told, creases.shown(look.folds, rest.folds)).astype(np.float32)
    return both
