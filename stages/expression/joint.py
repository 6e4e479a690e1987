"""What the coder reads, what the shape explains and what creases show, brought together.

The coder learned on a rig and has seen no real face. Of units that a landmark tracker shows nearly whole (brows rising,
the jaw, closing eyes) the plain geometry of the face model knows real faces better. So the coder's reading is the prior
of the most probable intensities that explain the shape (`FaceModel.above`): a loose one for those units, a firm one for
the others. AU6 and AU9 are at least what creases tell.
"""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np

from stages.expression import creases, model
from stages.expression.looks import Look
from stages.expression.model import COLUMNS, Prior
from stages.packets import Floats, Neutral

PLAIN: Final = (1, 2, 26, 27, 43)
"""Units that the tracker shows nearly whole."""
LOOSE, FIRM = 0.3, 0.1
"""Intensities by which the coder may be off on real faces beyond its own doubt: for those units, and for the others.
Chosen on the sample clips (docs/measurement.md)."""


def settled(look: Look, rest: Neutral, values: Floats, deviation: Floats) -> Floats:
    """(columns,) intensities of a face beside its neutral from the coder's values and standard deviations."""
    prior = Prior(np.maximum(values, 0).astype(np.float64), np.hypot(deviation, _slack()).astype(np.float64))
    told = model.load().above(look.shape, rest.shape, prior)
    both: Floats = np.maximum(told, creases.shown(look.folds, rest.folds)).astype(np.float32)
    return both


@cache
def _slack() -> Floats:
    """(columns,)"""
    return np.array([LOOSE if number in PLAIN else FIRM for number, _ in COLUMNS], np.float32)
