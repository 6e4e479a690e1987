"""Merge an edited region into the picture around it.

`Gaussian` softens the mask's edge. `Poisson` first takes out the difference in tone that `before` and `after` have
along the edge of the mask (stages.render.membrane), which matters as soon as `after` does not come from the same
pixels.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np

from stages.contract import MapStage, OrderedStage
from stages.errors import ConfigError
from stages.expression import pose
from stages.media.planes import drawn
from stages.packets import Covers, Edit, Edits, Faces, Floats, Job, Region
from stages.render.membrane import membrane
from stages.render.rim import bridged, steadied, winsorised
from stages.render.steady import Recent
from stages.render.uncover import hidden

_REACH: Final = 3.0
"""Standard deviations after which a Gaussian is taken as over."""

_COARSE: Final = 2.0
"""Standard deviation in samples of a blur that has no need of more of them."""

_COMPILED: Final = 520
"""Pixels a side; a membrane of so many goes through all that larger and smaller ones do."""

_SAME: Final = 1e-4
"""A difference in nominal 0..1 that no format shows."""


@dataclass(frozen=True, kw_only=True)
class Gaussian(MapStage):
    """Feather the mask by a Gaussian of `width` interocular distances (standard deviation), 0..0.5."""

    width: float = 0.03

    def __post_init__(self) -> None:
        check_width(self.width)

    def process(self, edits: Edits, faces: Faces) -> Edits:
        """The edits with softer masks, none of them reaching further than before."""
        units = interocular(faces)
        return Edits(edits.at, tuple(_feathered(edit, self.width * units[edit.track]) for edit in edits.edits))


@dataclass(frozen=True, kw_only=True)
class Poisson(OrderedStage[dict[int, Recent]]):
    """Match tones along the mask's edge, then feather it.

    width: standard deviation of the feather in interocular distances, 0..0.5. cycles: multigrid cycles, 1..8; more is
    more exact. steady_s: seconds, 0..2, over which what the edge asks for is smoothed (`stages.render.rim`); 0 takes
    each frame by itself.
    """

    width: float = 0.03
    cycles: int = 2
    steady_s: float = 0.2

    def __post_init__(self) -> None:
        check_width(self.width)
        if not 1 <= self.cycles <= 8:
            raise ConfigError(f"cycles must be 1..8, not {self.cycles}")
        if not 0 <= self.steady_s <= 2:
            raise ConfigError(f"steady_s must be 0..2 seconds, not {self.steady_s}")

    def prepare(self) -> None:
        """Compile."""
        inside = np.zeros((_COMPILED, _COMPILED), np.bool_)
        inside[4:-4, 4:-4] = True
        membrane(np.zeros((*inside.shape, 3), np.float32), inside, self.cycles)

    def begin(self, job: Job) -> dict[int, Recent]:
        """Nothing is known of any track's edge."""
        return {}

    def process(self, state: dict[int, Recent], edits: Edits, faces: Faces, covers: Covers | None = None) -> Edits:
        """The edits with `after` shifted to meet `before` where the mask begins, and softer masks.

        covers: what of the faces lies behind something; there the mask's edge is no place to meet at.
        """
        units, shown = interocular(faces), {face.track: face for face in faces.faces}
        pairs = ((edit, hidden(edit, shown.get(edit.track), covers)) for edit in drawn(edits))
        merged = (self._cloned(state, edits, edit, behind) for edit, behind in pairs)
        return Edits(edits.at, tuple(_feathered(edit, self.width * units[edit.track]) for edit in merged))

    def _cloned(self, state: dict[int, Recent], edits: Edits, edit: Edit, behind: Floats | None) -> Edit:
        """`after` plus the membrane of `before - after` along the mask's rim; the very edit if there is no difference.

        The rim is the mask's own outermost pixels: outside of them `after` need not have been painted.
        """
        covered = (edit.mask > 0).view(np.uint8)
        inside = cv2.erode(covered, np.ones((3, 3), np.uint8), borderType=cv2.BORDER_REPLICATE)
        rim = np.divmod(np.flatnonzero(covered != inside), covered.shape[1])
        asked = edit.before[rim] - edit.after[rim]
        if not len(asked) or np.abs(asked).max() < _SAME:
            return edit
        spots = np.stack(rim[::-1], 1).astype(np.float64)
        away = behind[rim] > 0 if behind is not None else np.zeros(len(asked), bool)
        asked = bridged(spots, winsorised(asked, ~away), away)
        corner = np.array(edit.box[:2], np.float32)
        places = edit.places - corner
        difference = np.zeros_like(edit.after)
        difference[rim] = steadied(state, edit.track, edits.at, spots, asked, places, self.steady_s)
        surface = membrane(difference, inside.view(np.bool_), self.cycles)
        return replace(edit, after=np.add(edit.after, surface, out=surface))


def check_width(width: float) -> None:
    """Raises ConfigError if `width` is not 0..0.5 interocular distances."""
    if not 0 <= width <= 0.5:
        raise ConfigError(f"width must be 0..0.5 interocular distances, not {width}")


def interocular(faces: Faces) -> dict[int, float]:
    """Pixels per interocular distance of each track."""
    return {face.track: pose.of(face.landmarks).scale for face in faces.faces}


def _feathered(edit: Region, sigma: float) -> Region:
    sigma /= edit.stride
    return replace(edit, mask=feather(edit.mask, sigma)) if sigma >= 0.3 else edit


def feather(mask: Floats, sigma: float) -> Floats:
    """A mask whose edge falls softly from 1 to 0 inside the old one, over about three `sigma` pixels.

    The mask is shrunk before it is blurred, so that nothing outside it is touched. The border of the array does not
    count as an edge: a face cut by the frame is edited up to the frame.
    """
    if sigma >= 2 * _COARSE:  # what is so broad is as smooth at half the size, at a quarter of the work
        height, width = mask.shape
        odd = height % 2, width % 2  # filled up, because averages of whole blocks are twenty times as fast as of others
        even = cv2.copyMakeBorder(mask, 0, odd[0], 0, odd[1], cv2.BORDER_REPLICATE)
        small = cv2.resize(even, (even.shape[1] // 2, even.shape[0] // 2), interpolation=cv2.INTER_AREA)
        soft = cv2.resize(feather(small, sigma / 2), even.shape[::-1], interpolation=cv2.INTER_LINEAR)
        return np.asarray(np.minimum(soft[:height, :width], mask), np.float32)
    reach = max(1, round(_REACH * sigma / 2))
    shrunk = cv2.erode(mask, np.ones((3, 3), np.uint8), iterations=reach, borderType=cv2.BORDER_REPLICATE)
    size = 2 * reach + 1
    soft = cv2.GaussianBlur(shrunk, (size, size), sigma, borderType=cv2.BORDER_REPLICATE)
    held: Floats = np.minimum(soft, mask)
    return held
