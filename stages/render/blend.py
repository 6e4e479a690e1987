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

from stages.contract import MapStage
from stages.errors import ConfigError
from stages.expression import basis, pose
from stages.packets import Edit, Edits, Faces, Floats
from stages.render.membrane import membrane

_REACH: Final = 3.0
"""Standard deviations after which a Gaussian is taken as over."""

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
class Poisson(MapStage):
    """Match tones along the mask's edge, then feather it.

    width: standard deviation of the feather in interocular distances, 0..0.5. cycles: multigrid cycles, 1..8; more is
    more exact.
    """

    width: float = 0.03
    cycles: int = 2

    def __post_init__(self) -> None:
        check_width(self.width)
        if not 1 <= self.cycles <= 8:
            raise ConfigError(f"cycles must be 1..8, not {self.cycles}")

    def process(self, edits: Edits, faces: Faces) -> Edits:
        """The edits with `after` shifted to meet `before` where the mask begins, and softer masks."""
        units = interocular(faces)
        merged = (cloned(edit, self.cycles) for edit in edits.edits)
        return Edits(edits.at, tuple(_feathered(edit, self.width * units[edit.track]) for edit in merged))


def cloned(edit: Edit, cycles: int) -> Edit:
    """`after` plus the membrane of `before - after` along the mask's rim; the very edit if there is no difference.

    The rim is the mask's own outermost pixels: outside of them `after` need not have been painted.
    """
    covered = (edit.mask > 0).astype(np.uint8)
    inside = cv2.erode(covered, np.ones((3, 3), np.uint8), borderType=cv2.BORDER_REPLICATE).astype(bool)
    edge = (covered > 0) & ~inside
    difference = edit.before - edit.after
    if not edge.any() or np.abs(difference[edge]).max() < _SAME:
        return edit
    return replace(edit, after=edit.after + np.where(covered[..., None] > 0, membrane(difference, inside, cycles), 0))


def check_width(width: float) -> None:
    """Raises ConfigError if `width` is not 0..0.5 interocular distances."""
    if not 0 <= width <= 0.5:
        raise ConfigError(f"width must be 0..0.5 interocular distances, not {width}")


def interocular(faces: Faces) -> dict[int, float]:
    """Pixels per interocular distance of each track."""
    return {face.track: pose.fit(face.landmarks, basis.load().mean).scale for face in faces.faces}


def _feathered(edit: Edit, sigma: float) -> Edit:
    return replace(edit, mask=feather(edit.mask, sigma)) if sigma >= 0.3 else edit


def feather(mask: Floats, sigma: float) -> Floats:
    """A mask whose edge falls softly from 1 to 0 inside the old one, over about three `sigma` pixels.

    The mask is shrunk before it is blurred, so that nothing outside it is touched. The border of the array does not
    count as an edge: a face cut by the frame is edited up to the frame.
    """
    reach = max(1, round(_REACH * sigma / 2))
    shrunk = cv2.erode(mask, np.ones((3, 3), np.uint8), iterations=reach, borderType=cv2.BORDER_REPLICATE)
    size = 2 * reach + 1
    soft = cv2.GaussianBlur(shrunk, (size, size), sigma, borderType=cv2.BORDER_REPLICATE)
    held: Floats = np.minimum(soft, mask)
    return held
