"""A person's neutral from many frames: the same face model, one identity for all of them.

Every frame is explained by Action Units above the neutral known so far. Along units that are at work it then says
nothing of the neutral, but for what the price and prior of those units let through; along all others it says what it
shows. So a face that never rests is not averaged into its own neutral, and what no frame shows comes from how people
are (the identity prior). What frames say is summed up in normal equations of fixed size: any number of frames, one
after another, forward only.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stages.errors import ConfigError
from stages.expression import basis
from stages.expression.model import SIZE, FaceModel, Prior, Seen, Told
from stages.packets import Floats

Doubles = NDArray[np.float64]

INDEPENDENT: Final = 30.0
"""Frames that count at most: neighbours repeat each other, and what a tracker gets wrong in a face it keeps."""
EAGER: Final = 16  # frames after each of which the neutral is estimated anew; then every EVERY-th
EVERY: Final = 8


@dataclass
class TrackFit:
    """What the frames of one person say so far.

    model: whose tables count. start: (MODES,) identity by which frames are explained while this pass lasts; None: by
    what was learned up to each frame. memory: frames after which a frame's word counts half; infinity: never.
    """

    model: FaceModel
    start: Doubles | None = None
    memory: float = np.inf
    frames: int = field(default=0, init=False)
    _left: Doubles = field(init=False)
    _right: Doubles = field(init=False)
    _weight: float = field(default=0.0, init=False)
    _rest: Doubles = field(default_factory=lambda: np.zeros(SIZE), init=False)
    _known: Doubles | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        if not self.memory >= 1:
            raise ConfigError(f"memory must be at least 1 frame, it is {self.memory}")
        modes = len(self.model.identity)
        self._left, self._right = np.zeros((modes, modes)), np.zeros(modes)
        self._known = self.start

    def add(self, landmarks: NDArray[np.floating], prior: Prior | None = None, trust: float = 1.0) -> None:
        """Count a frame of landmarks (478, 3) in pixels, with what is thought of its units; trust: 0..1, its weight."""
        seen = self.model.see(landmarks)
        if trust <= 0:
            return
        known = self.model.split(seen, prior)[0] if self._known is None else self._known
        self._count(seen, known, Told.of(prior), trust)
        self.frames += 1
        if self.start is None and (self.frames <= EAGER or self.frames % EVERY == 0):
            self._known = self.coefficients()

    def _count(self, seen: Seen, known: Doubles, told: Told, trust: float) -> None:
        """Fold one frame in: units at work are marginalised with their prior, units at rest are known to be."""
        model, modes, kept = self.model, len(self.model.identity), 0.5 ** (1 / self.memory)
        across, units = model.gram[:modes, modes:], model.gram[modes:, modes:]
        amounts = told.amounts(seen.reading[modes:] - across.T @ known, units)
        work = np.flatnonzero(amounts)
        inner = units[np.ix_(work, work)] + np.diag(told.precision[work])
        told_of = (told.mean * told.precision - told.price)[work] + seen.reading[modes:][work]
        solved = np.linalg.solve(inner, np.column_stack([across[:, work].T, told_of]))
        self._left = kept * self._left + trust * (model.gram[:modes, :modes] - across[:, work] @ solved[:, :-1])
        self._right = kept * self._right + trust * (seen.reading[:modes] - across[:, work] @ solved[:, -1])
        self._weight = kept * self._weight + trust
        self._rest += trust / self._weight * (seen.shape - amounts @ model.response - self._rest)

    def coefficients(self) -> Doubles:
        """(MODES,) the most probable identity; zeros when nothing was counted."""
        share = min(1.0, INDEPENDENT / max(self._weight, 1e-9))
        found = np.linalg.solve(np.eye(len(self._right)) + share * self._left, share * self._right)
        return found.astype(np.float64)

    def neutral(self) -> Floats:
        """(478, 3) the person at rest, in face space; the mean neutral when nothing was counted."""
        if not self._weight:
            return basis.load().neutral
        person = self.coefficients() @ self.model.identity
        own = self.model.own(self._rest - person, min(self._weight, INDEPENDENT))
        rest: Floats = (basis.load().neutral + (person + own).reshape(-1, 3)).astype(np.float32)
        return rest

    def again(self) -> TrackFit:
        """A second pass over the same frames: each is explained by what all of them said."""
        return TrackFit(self.model, self.coefficients(), self.memory)
