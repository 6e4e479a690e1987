"""A person's neutral: what every Action Unit is measured against.

It is not the mean of a clip: a clip in which someone shouts throughout has no neutral frame. Every frame is first read
beside the *average* neutral, which tells roughly which units are at work. Shape: the face model's track fit with these
readings as priors (`stages.expression.track_fit`). Relief and scores: means over frames, each counting by how little is
at work in it, brows and lids apart from nose and mouth, with what is still at work taken away.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stages.expression import basis, coder, model
from stages.expression.chart import SIZE, places
from stages.expression.folds import FOLDS
from stages.expression.looks import Look
from stages.expression.model import COLUMNS, Prior
from stages.expression.relief import SIDE, contrast
from stages.expression.track_fit import TrackFit
from stages.faces.blendshapes import NAMES as SCORES
from stages.packets import Floats, Neutral

Doubles = NDArray[np.float64]

UPPER: Final = (1, 2, 4, 5, 6, 7, 9, 43)
"""Units at work above the cheeks; all others, but for gaze, are below."""
GAZE: Final = (61, 62, 63, 64)
CALM: Final = 1.0
"""Root sum of squared intensities at which a frame's weight has fallen to 0.6."""
FAINT: Final = 1e-4  # weight of the busiest frame, so that a person who never rests has a neutral too
BUSY: Final = 0.01
"""Weight of the busiest frame in the neutral shape, of which it says little where the average neutral misleads."""
LOWEST: Final = 0.1
"""Quantile over frames that is taken for a unit at rest."""
SURE: Final = 60
"""Frames after which a unit's lowest readings are believed to be rest."""
FARTHEST: Final = 0.7
"""Standard deviations over people by which a resting face may differ from the average neutral."""


@dataclass
class Person:
    """What is known of one face so far, in constant memory."""

    fit: TrackFit = field(default_factory=lambda: TrackFit(model.load()))
    _weight: Doubles = field(default_factory=lambda: np.zeros((SIDE, SIDE)))
    _relief: Doubles = field(default_factory=lambda: np.zeros((SIDE, SIDE)))
    _calm: Doubles = field(default_factory=lambda: np.zeros(2))
    _scores: Doubles = field(default_factory=lambda: np.zeros((2, len(SCORES))))
    _rested: float = 0.0
    _folds: Doubles = field(default_factory=lambda: np.zeros(len(FOLDS)))

    def add(self, look: Look, values: Floats, deviation: Floats, trust: float) -> None:
        """Count a face with what was read beside the average neutral, its bias taken away; trust: 0..1."""
        doubt = np.hypot(deviation, coder.tables().bias).astype(np.float64)
        calm = trust * calmness(values)
        prior = Prior(np.maximum(values, 0).astype(np.float64), doubt)
        self.fit.add(look.face.landmarks, prior, max(float(calm.min()), trust * BUSY))
        if trust <= 0:
            return
        self._calm += calm
        self._scores += calm[:, None] * look.scores
        self._rested += calm.min()
        self._folds += calm.min() * look.folds  # a smile folds the skin below the eye
        seen = contrast(look.relief) - np.tensordot(np.maximum(values, 0), coder.tables().relief, 1)
        weight = np.where(np.isnan(seen), 0, upper_share() * calm[0] + (1 - upper_share()) * calm[1])
        self._weight += weight
        self._relief += weight * np.nan_to_num(seen)

    def rest(self) -> Neutral:
        """The neutral; what was never seen is as in the average."""
        average = coder.tables().rest
        if not self._calm.all():
            return average
        shown = np.divide(self._relief, self._weight, out=average.relief.astype(np.float64), where=self._weight > 0)
        both = self._scores / self._calm[:, None]
        scores = np.where(_is_lower(), both[1], both[0])
        folds = (self._folds / self._rested).astype(np.float32)
        return Neutral(self.fit.neutral(), shown.astype(np.float32), scores.astype(np.float32), folds)


def prepare() -> None:
    """Read the tables and compile the fit."""
    Person().rest()
    model.load().split(model.load().see(basis.load().mean), None)


def bias(readings: NDArray[np.floating]) -> Floats:
    """(columns,) what this person seems to read at rest beside the average neutral, from readings (n, columns).

    The lowest readings are rest, if there are enough frames to have seen it, and if people differ that much at rest.
    """
    share = min(1.0, len(readings) / SURE)
    farthest = FARTHEST * coder.tables().bias
    held: Floats = (share * np.clip(np.quantile(readings, LOWEST, axis=0), -farthest, farthest)).astype(np.float32)
    return held


def calmness(values: NDArray[np.floating]) -> Doubles:
    """(2,) weights 0..1 of a frame for the upper and the lower face, by its intensities (columns,)."""
    busy = np.array([np.square(np.maximum(values[part], 0)).sum() for part in _parts()])
    calm: Doubles = FAINT + (1 - FAINT) * np.exp(-busy / (2 * CALM**2))
    return calm


@cache
def _parts() -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Columns of the upper and of the lower face."""
    numbers = np.array([number for number, _ in COLUMNS])
    upper = np.isin(numbers, UPPER)
    return upper, ~upper & ~np.isin(numbers, GAZE)


@cache
def _is_lower() -> NDArray[np.bool_]:
    return np.array([name.startswith(("jaw", "mouth", "cheek")) for name in SCORES])


@cache
def upper_share() -> Doubles:
    """(SIDE, SIDE) of a relief: 1 from the lower lids up, 0 from the nostrils down, smooth between."""
    top, bottom = (float(places()[point, 1]) * SIDE / SIZE for point in (145, 2))
    rise = np.clip((bottom - np.arange(SIDE)) / (bottom - top), 0, 1)
    share: Doubles = np.repeat((rise * rise * (3 - 2 * rise))[:, None], SIDE, 1)
    return share
