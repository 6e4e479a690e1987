"""The plate's grain back on an edited face: what was warped, painted or restored has less of it than what is around.

The grain of `before` is measured per brightness (`stages.render.noise`), and so is what `after` has left; what is
missing is added as noise of the same size and the same share of colour, but never more than differs from the frame
before: fine skin stays with its face, grain does not. Noise is seeded by track and frame: the same
frame gets the same grain however it is rendered, and no two frames share it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
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
    """A track's grain, if it was measured, and `then` for the next measurement."""

    recent: Recent | None
    then: Then


@dataclass
class Plates:
    """What is known by track. still: the clip is one picture, so that there is no frame before to tell grain by."""

    still: bool
    tracks: dict[int, Known] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Off(MapStage):
    """No grain is added."""

    def process(self, edits: Edits) -> Edits:
        """The very same packet."""
        return edits


@dataclass(frozen=True, kw_only=True)
class Plate(OrderedStage[Plates]):
    """Add what the face lacks of the plate's grain; in a moving clip not before a frame's grain could be told from its
    skin by the frame before.

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

    def begin(self, job: Job) -> Plates:
        """Nothing is known of any track."""
        return Plates(job.clip.kind == "still")

    def process(self, state: Plates, edits: Edits) -> Edits:
        """The edits with grainier `after`; the very same packet where nothing is missing."""
        return edits.having(tuple(self._edit(state, edits.at, edit) for edit in drawn(edits)))

    def _edit(self, state: Plates, at: Stamp, edit: Edit) -> Edit:
        found = self._found(state, at, edit)
        if found is None or not self.strength:
            return edit
        amount = self.strength * np.sqrt(np.maximum(found.missing, 0))
        if amount.max() < _LEAST:
            return edit
        return replace(edit, after=_grained(edit, at, found, amount.astype(np.float32)))

    def _found(self, state: Plates, at: Stamp, edit: Edit) -> noise.Grain | None:
        known = state.tracks.get(edit.track)
        held = known.recent if known is not None and share(known.recent, at, self.steady_s) < 1 else None
        if known is not None and held is not None and at.index % _EVERY:
            if (at.index + 1) % _EVERY == 0:
                state.tracks[edit.track] = replace(known, then=Then.of(at, edit))
            return noise.Grain.of(held.values)
        now = Then.of(at, edit)
        then = known.then.laid(now) if known is not None else None
        if then is None and not state.still:
            state.tracks[edit.track] = Known(held, now)
            return noise.Grain.of(held.values) if held is not None else None
        found = noise.measured(edit.before, edit.after, (edit.mask > 0.5) & (around(edit, FEATURES) == 1), then)
        if found is None:
            return None
        values = found.vector
        if held is not None:
            values = held.values + np.float32(share(held, at, self.steady_s)) * (values - held.values)
        state.tracks[edit.track] = Known(Recent(at, values), now)
        return noise.Grain.of(values)


def _grained(edit: Edit, at: Stamp, found: noise.Grain, amount: Floats) -> Floats:
    rng = np.random.default_rng([edit.track, at.index])
    bright, tint = noise.tile(noise.size_of(found.alike)), noise.tile(noise.size_of(found.tint_alike))
    starts = rng.integers(0, noise.SIDE, 6)
    out = np.empty_like(edit.after)
    where = around(edit, OPENINGS)
    noise.add(np.ascontiguousarray(edit.after), bright, tint, starts, amount, found.tint, where, out)
    return out
