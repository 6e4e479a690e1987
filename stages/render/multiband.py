"""Multi-band blending: fine detail changes over within a pixel or two, broad tones over a wide zone.

Burt & Adelson, *A multiresolution spline with application to image mosaics*, 1983: the Laplacian pyramids of two
pictures are mixed by the Gaussian pyramid of the mask. Both being linear, one pyramid of their difference does.

What lies outside the mask takes no part: the difference is continued outward from the mask by a pull and a push over
the same grids (Gortler et al., *The lumigraph*, 1996, section 3.4), so that the tone of a hand before the face does
not bleed into it, and the result is held within the mask, so that nothing around changes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from stages.contract import MapStage
from stages.media.planes import drawn
from stages.packets import Covers, Edit, Edits, Faces, Floats
from stages.render.blend import check_width, interocular
from stages.render.uncover import hidden

_SAME: Final = 1e-4
"""A difference in nominal 0..1 that no format shows."""

_HIDDEN: Final = 0.5
"""From how much of a cover on a pixel is taken for what covers the face."""

_SPREAD: Final = 1.5
"""Pixels of a level on either side of the mask's edge over which its mask changes."""


@dataclass(frozen=True, kw_only=True)
class Multiband(MapStage):
    """Blend by frequency bands.

    width: interocular distances, 0..0.5, inward from the mask's edge, over which the broadest band changes over; half
    of it is where the fine detail of `before` stays. The number of bands follows from it and from the size of the face.
    """

    width: float = 0.2

    def __post_init__(self) -> None:
        check_width(self.width)

    def process(self, edits: Edits, faces: Faces, covers: Covers | None = None) -> Edits:
        """The edits with `after` blended and masks that fall off within the old ones.

        covers: what of the faces lies behind something; its tones take no part.
        """
        units, shown = interocular(faces), {face.track: face for face in faces.faces}
        pairs = [(edit, hidden(edit, shown.get(edit.track), covers)) for edit in drawn(edits)]
        return Edits(edits.at, tuple(multiband(edit, self.width * units[edit.track], away) for edit, away in pairs))


def multiband(edit: Edit, reach: float, behind: Floats | None = None) -> Edit:
    """`reach`: pixels from the mask's edge inward in which the blend takes place; below 2 the edit stays as it is.
    behind: (h, w) how much of each pixel is covered, as of `stages.render.uncover.hidden`."""
    rows, columns = np.flatnonzero(edit.mask.any(1)), np.flatnonzero(edit.mask.any(0))
    if reach < 2 or not len(rows):
        return edit
    part = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    mask = np.ascontiguousarray(edit.mask[part])
    difference = edit.after[part] - edit.before[part]
    if np.abs(difference[mask > 0]).max() < _SAME:
        return edit
    # The border of the array is no edge: a face cut by the frame is edited up to the frame.
    far = cv2.distanceTransform((mask > 0).astype(np.uint8), cv2.DIST_L2, 5)
    after, soft = edit.before.copy(), np.zeros_like(edit.mask)
    inner = mask * np.clip(far - np.float32(reach / 2), 0, 1)
    # The cover's soft rim is skin still: it was grown by more than that.
    known = mask > 0 if behind is None else (mask > 0) & (behind[part] < _HIDDEN)
    after[part] += mixed(difference, known, inner, depth(reach, mask.shape))
    rise = np.clip(far / np.float32(reach / 2), 0, 1)
    soft[part] = rise * rise * (3 - 2 * rise)
    return replace(edit, after=after, mask=soft)


def mixed(difference: Floats, inside: NDArray[np.bool_], mask: Floats, levels: int) -> Floats:
    """The difference (h, w, 3), known where `inside`, band by band times the mask (h, w) at the band's resolution."""
    weights = [mask]
    bands = [continued(difference, inside)]
    for _ in range(levels):
        weights.append(cv2.pyrDown(weights[-1]))
        bands.append(cv2.pyrDown(bands[-1]))
    total = bands[-1] * weights[-1][..., None]
    for fine, coarse, weight in zip(bands[-2::-1], bands[:0:-1], weights[-2::-1], strict=True):
        size = fine.shape[1::-1]
        detail = (fine - cv2.pyrUp(coarse, dstsize=size)) * weight[..., None]
        total = cv2.pyrUp(total, dstsize=size) + detail
    return np.asarray(total, np.float32)


def depth(reach: float, shape: tuple[int, ...]) -> int:
    """How many times the picture is halved: until the coarsest mask changes over within `reach`."""
    wanted = int(np.log2(max(reach / (2 * _SPREAD), 1)))
    return max(1, min(wanted, int(np.log2(max(min(shape), 2))) - 1))


def continued(picture: Floats, inside: NDArray[np.bool_]) -> Floats:
    """`picture` (h, w, 3) inside the mask, and what it is near there smoothly outside."""
    known = inside.astype(np.float32)
    made: Floats = np.where(inside[..., None], picture, _pushed(picture * known[..., None], known))
    return made


def _pushed(weighted: Floats, known: Floats) -> Floats:
    """Weighted means over ever larger surroundings, the nearest that know anything."""
    if min(known.shape) < 2 or known.min() > 0:
        return np.asarray(weighted / np.maximum(known, np.float32(1e-6))[..., None], np.float32)
    small, less = cv2.pyrDown(weighted), cv2.pyrDown(known)
    below = cv2.pyrUp(_pushed(small, less), dstsize=known.shape[1::-1])
    sure = np.minimum(known, 1)[..., None]
    filled: Floats = weighted + (1 - sure) * below
    return filled
