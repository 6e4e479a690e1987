"""The plate's grain back on an edited face: what was warped, painted or restored has less of it than what is around.

The grain of `before` is measured per brightness (`stages.render.noise`), and so is what `after` has left; what is
missing is added as noise of the same size and the same share of colour, but never more than differs from the frame
before: fine skin stays with its face, grain does not. Noise is seeded by track and frame: the same
frame gets the same grain however it is rendered, and no two frames share it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np

from stages.contract import MapStage, OrderedStage
from stages.errors import ConfigError
from stages.media.flow import backward_flow, moved
from stages.media.planes import drawn
from stages.packets import Edit, Edits, Floats, Job, Stamp
from stages.render import noise
from stages.render.regions import FEATURES, OPENINGS, around
from stages.render.steady import Recent, share

_EVERY: Final = 8
"""Frames from one measurement to the next; grain is a matter of the camera, not of the moment."""
_LEAST: Final = 0.2 / 255
"""Standard deviation in nominal 0..1 below which no 8-bit picture shows any grain."""


@dataclass(frozen=True, slots=True)
class Then:
    """What a track's region showed in some frame. luma: (h, w). corner: x, y of it in luma pixels of the frame."""

    at: Stamp
    luma: Floats
    corner: tuple[int, int]

    @classmethod
    def of(cls, at: Stamp, edit: Edit) -> Then:
        """Of what an edit was made of."""
        return cls(at, noise.luma(edit.before), edit.box[:2])

    def laid(self, now: Then) -> Floats | None:
        """(h, w) where it has moved to in the region of the next frame; None if that is another."""
        if now.at.index - self.at.index != 1:
            return None
        x, y = self.corner[0] - now.corner[0], self.corner[1] - now.corner[1]
        size = now.luma.shape[1], now.luma.shape[0]
        there = np.array([[1, 0, x], [0, 1, y]], np.float32)
        then = cv2.warpAffine(self.luma, there, size, flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)
        return moved(then, backward_flow(then, now.luma))


@dataclass(frozen=True, slots=True)
class Known:
    """A track's grain, `then` for the next measurement, and whether it was measured against the frame before."""

    recent: Recent
    then: Then
    sure: bool


@dataclass(frozen=True, kw_only=True)
class Off(MapStage):
    """No grain is added."""

    def process(self, edits: Edits) -> Edits:
        """The very same packet."""
        return edits


@dataclass(frozen=True, kw_only=True)
class Plate(OrderedStage[dict[int, Known]]):
    """Add what the face lacks of the plate's grain.

    strength: 0..1, share of what is missing. steady_s: seconds over which the measurement is smoothed, 0..5.
    """

    strength: float = 1.0
    steady_s: float = 0.5

    def __post_init__(self) -> None:
        if not 0 <= self.strength <= 1:
            raise ConfigError(f"grain.strength must be 0..1, it is {self.strength}")
        if not 0 <= self.steady_s <= 5:
            raise ConfigError(f"grain.steady_s must be 0..5 seconds, it is {self.steady_s}")

    def prepare(self) -> None:
        """Lay out the noise and compile."""
        noise.sizes()
        spot = np.zeros((1, 1, 3), np.float32)
        noise.add(spot, noise.tile(0.0), noise.tile(0.0), np.zeros(5, np.int64), noise.LEVELS, 1.0, spot[..., 0], spot)

    def begin(self, job: Job) -> dict[int, Known]:
        """Nothing is known of any track."""
        return {}

    def process(self, state: dict[int, Known], edits: Edits) -> Edits:
        """The edits with grainier `after`; the very same packet where nothing is missing."""
        return edits.having(tuple(self._edit(state, edits.at, edit) for edit in drawn(edits)))

    def _edit(self, state: dict[int, Known], at: Stamp, edit: Edit) -> Edit:
        found = self._found(state, at, edit)
        if found is None or not self.strength:
            return edit
        amount = self.strength * np.sqrt(np.maximum(found.missing, 0))
        if amount.max() < _LEAST:
            return edit
        return replace(edit, after=_grained(edit, at, found, amount.astype(np.float32)))

    def _found(self, state: dict[int, Known], at: Stamp, edit: Edit) -> noise.Grain | None:
        known = state.get(edit.track)
        much = share(known.recent, at, self.steady_s) if known is not None and known.sure else 1.0
        if known is not None and much < 1 and at.index % _EVERY:
            if (at.index + 1) % _EVERY == 0:
                state[edit.track] = replace(known, then=Then.of(at, edit))
            return noise.Grain.of(known.recent.values)
        now = Then.of(at, edit)
        then = known.then.laid(now) if known is not None else None
        found = noise.measured(edit.before, edit.after, (edit.mask > 0.5) & (around(edit, FEATURES) == 1), then)
        if found is None:
            return None
        values = found.vector
        if known is not None and much < 1:
            values = known.recent.values + np.float32(much) * (values - known.recent.values)
        state[edit.track] = Known(Recent(at, values), now, then is not None)
        return noise.Grain.of(values)


def _grained(edit: Edit, at: Stamp, found: noise.Grain, amount: Floats) -> Floats:
    rng = np.random.default_rng([edit.track, at.index])
    bright, tint = noise.tile(noise.size_of(found.alike)), noise.tile(noise.size_of(found.tint_alike))
    starts = rng.integers(0, noise.SIDE, 6)
    out = np.empty_like(edit.after)
    where = around(edit, OPENINGS)
    noise.add(np.ascontiguousarray(edit.after), bright, tint, starts, amount, found.tint, where, out)
    return out
