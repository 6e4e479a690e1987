"""Give an edited face the colours that the picture has there: by mean and covariance, by histogram, or its white only.

Statistics are taken of the skin inside the mask, eyes, brows and mouth left out, of `before` and `after`, in Oklab
(`stages.render.spaces`), and smoothed in time per track. What has to be done to a colour is worked out on a cube of
colours and laid over the picture (`stages.render.lattice`), in the frame's own depth and without clipping.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

import numpy as np

from stages.contract import MapStage, OrderedStage
from stages.errors import ConfigError
from stages.media.planes import drawn
from stages.packets import Colour, Covers, Edit, Edits, Faces, Floats, Frame, Job
from stages.render import lattice, spaces
from stages.render.palette import Palette, balance, histogram, moments
from stages.render.regions import FEATURES, OPENINGS, around
from stages.render.steady import Recent, share
from stages.render.uncover import hidden

_SAMPLES: Final = 2500
"""Pixels of skin that statistics are taken of, about: their means err by a fifth of an 8-bit code."""
_FEWEST: Final = 64
_SAME: Final = 1e-4
"""A change in nominal 0..1 that no format shows."""
_CUT: Final = 0.08
"""Oklab; when the skin's mean jumps so far from one frame to the next, the light or the scene is another one."""


@dataclass(frozen=True, kw_only=True)
class Off(MapStage):
    """Colours stay as they are."""

    def process(self, edits: Edits) -> Edits:
        """The very same packet."""
        return edits


@dataclass(frozen=True, kw_only=True)
class _Match(OrderedStage[dict[int, Recent]]):
    """strength: 0..1. steady_s: time constant of the statistics in seconds, 0..5; 0 takes each frame by itself."""

    strength: float = 1.0
    steady_s: float = 0.5

    def __post_init__(self) -> None:
        if not 0 <= self.strength <= 1:
            raise ConfigError(f"colour.strength must be 0..1, it is {self.strength}")
        if not 0 <= self.steady_s <= 5:
            raise ConfigError(f"colour.steady_s must be 0..5 seconds, it is {self.steady_s}")

    @property
    @abstractmethod
    def palette(self) -> Palette:
        """What is measured, and what is made of it."""

    def prepare(self) -> None:
        """Lay out the cube and compile."""
        spot = np.zeros((1, 1, 3), np.float32)
        lattice.apply(spot, np.zeros_like(lattice.nodes()), spot[..., 0], spot.copy())

    def begin(self, job: Job) -> dict[int, Recent]:
        """Nothing is known of any track."""
        return {}

    def process(
        self,
        state: dict[int, Recent],
        frame: Frame,
        edits: Edits,
        faces: Faces | None = None,
        covers: Covers | None = None,
    ) -> Edits:
        """The edits with `after` in the colours of `before`; the very same packet where they are alike.

        covers: what of the `faces` lies behind something, whose colours are not the skin's.
        """
        shown = {face.track: face for face in faces.faces} if faces is not None else {}
        pairs = [(edit, hidden(edit, shown.get(edit.track), covers)) for edit in drawn(edits)]
        return edits.having(tuple(self._edit(state, frame.colour, edits, edit, behind) for edit, behind in pairs))

    def _edit(self, state: dict[int, Recent], colour: Colour, edits: Edits, edit: Edit, behind: Floats | None) -> Edit:
        where = np.where(edit.mask > 0, around(edit, OPENINGS), np.float32(0))
        skin = around(edit, FEATURES)
        pixels = sampled(edit, skin if behind is None else np.where(behind > 0, np.float32(0), skin))
        if pixels is not None:
            roots = [spaces.cones(part, colour) for part in pixels]
            state[edit.track] = self._eased(state.get(edit.track), edits, self.palette.measure(*roots))
        elif behind is None or edit.track not in state:  # a face that is hidden is still the one that it was
            return edit
        if not self.strength:
            return edit
        change = self._change(state[edit.track].values, colour)
        if np.abs(change).max() < _SAME:
            return edit
        after = np.empty_like(edit.after)
        lattice.apply(np.ascontiguousarray(edit.after), change, where, after)
        return replace(edit, after=after)

    def _eased(self, recent: Recent | None, edits: Edits, values: Floats) -> Recent:
        much = share(recent, edits.at, self.steady_s)
        if recent is None or much == 1 or np.abs(self.palette.level(values) - self.palette.level(recent.values)) > _CUT:
            return Recent(edits.at, values)
        return Recent(edits.at, (recent.values + np.float32(much) * (values - recent.values)).astype(np.float32))

    def _change(self, values: Floats, colour: Colour) -> Floats:
        """(SIDE**3, 3) R'G'B' to add to each colour of the cube."""
        roots, same = _nodes(colour)
        wanted = roots + self.strength * (self.palette.matched(roots, values) - roots)
        return (spaces.from_cones(wanted, colour) - same).astype(np.float32)


@dataclass(frozen=True, kw_only=True)
class MeanCovariance(_Match):
    """Mean and covariance in Oklab, by the linear map that moves colours least (`palette.moments`)."""

    @property
    def palette(self) -> Palette:
        """Mean and covariance."""
        return moments


@dataclass(frozen=True, kw_only=True)
class Histogram(_Match):
    """The whole distribution of L, a and b, each by itself (`palette.histogram`)."""

    @property
    def palette(self) -> Palette:
        """Quantiles."""
        return histogram


@dataclass(frozen=True, kw_only=True)
class WhiteBalance(_Match):
    """The light's colour and nothing else: gains of the cones that leave lightness alone (`palette.balance`)."""

    @property
    def palette(self) -> Palette:
        """Means of the cones."""
        return balance


@lru_cache(maxsize=8)
def _nodes(colour: Colour) -> tuple[spaces.Doubles, spaces.Doubles]:
    """Cone responses of the cube's nodes, and what they come back as."""
    roots = spaces.cones(lattice.nodes(), colour)
    return roots, spaces.from_cones(roots, colour)


def sampled(edit: Edit, skin: Floats) -> tuple[Floats, Floats] | None:
    """Pixels of the skin, (n, 3) of `before` and of `after`, on a grid of every so many; None if there are too few."""
    step = max(1, round(float(np.sqrt(edit.mask.size / (2 * _SAMPLES)))))
    half = step // 2
    chosen = (edit.mask[half::step, half::step] > 0) & (skin[half::step, half::step] == 1)
    if chosen.sum() < _FEWEST:
        return None
    # A mean over each grid cell would be the better sample of a grainy picture; so many of them do without.
    before, after = (part[half::step, half::step][chosen] for part in (edit.before, edit.after))
    return before, after
