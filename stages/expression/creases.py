"""AU6 and AU9 as creases tell them.

Landmarks hardly move with a raised cheek or a wrinkled nose, and the rig that the coder was taught on has painted
creases only. On real skin the fold below the eye deepens with AU6 and lines run across the bridge of the nose with AU9
(FACS manual, Ekman, Friesen & Hager 2002); both are measured by `stages.expression.folds`. A blink moves neither.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stages import facs
from stages.expression.folds import FOLDS
from stages.expression.model import COLUMNS
from stages.packets import Floats

BY_FOLD: Final[Mapping[tuple[int, int], tuple[str, float, float]]] = {
    (6, 0): ("infraorbital_fine_left", 0.0012, 0.0014),
    (6, 1): ("infraorbital_fine_right", 0.0012, 0.0014),
    (9, 0): ("nose_bridge_fine", 0.0045, 0.0026),
    (9, 1): ("nose_bridge_fine", 0.0045, 0.0026),
}
"""Unit and side -> fold, what it deepens without the unit (speech, blinks, brows), and by one intensity. Set by eye on
four of the sample clips: no table of real creases with FACS codes can be had."""


def shown(folds: Floats, rest: Floats) -> Floats:
    """(len(COLUMNS),) intensities 0..5 by the creases of a face beside those at rest; 0 where no crease tells."""
    values = np.zeros(len(COLUMNS), np.float32)
    rows, places, silent, step = _told()
    values[rows] = np.clip((folds[places] - rest[places] - silent) / step, 0, facs.MAX_INTENSITY)
    return values


@cache
def _told() -> tuple[NDArray[np.intp], NDArray[np.intp], Floats, Floats]:
    rows = np.array([COLUMNS.index(column) for column in BY_FOLD])
    places = np.array([FOLDS.index(fold) for fold, _, _ in BY_FOLD.values()])
    silent, step = (np.array([pair[part] for pair in BY_FOLD.values()], np.float32) for part in (1, 2))
    return rows, places, silent, step
