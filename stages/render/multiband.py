"""Multi-band blending: fine detail changes over within a pixel or two, broad tones over a wide zone.

Burt & Adelson, *A multiresolution spline with application to image mosaics*, 1983: the Laplacian pyramids of two
pictures are mixed by the Gaussian pyramid of the mask. Both being linear, one pyramid of their difference does.

What lies outside the mask takes no part: the difference is continued outward from the mask by a pull and a push over
the same grids (Gortler et al., *The lumigraph*, 1996, section 3.4), so that the tone of a hand before the face does
not bleed into it, and the result is held within the mask, so that nothing around changes.
"""

# mypy: disable-error-code="untyped-decorator"
from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

import cv2
import numba
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

_FAR: Final = np.float32(1e6)
"""Pixels that no picture has."""

_F = np.float32


@dataclass(frozen=True, kw_only=True)
class Multiband(MapStage):
    """Blend by frequency bands.

    width: interocular distances, 0..0.5, inward from the mask's edge, over which the broadest band changes over; half
    of it is where the fine detail of `before` stays. The number of bands follows from it and from the size of the face.
    """

    width: float = 0.2

    def __post_init__(self) -> None:
        check_width(self.width)

    def prepare(self) -> None:
        """Compile."""
        spot = np.zeros((8, 8, 3), np.float32)
        multiband(Edit(0, (0, 0, 8, 8), spot, spot + 1, np.ones((8, 8), np.float32)), 2)

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
    # The cover's soft rim is skin still: it was grown by more than that.
    known = mask > 0 if behind is None else (mask > 0) & (behind[part] < _HIDDEN)
    difference, inner, soft = np.empty((*mask.shape, 4), np.float32), np.empty_like(mask), np.zeros_like(edit.mask)
    if _differ(edit.before[part], edit.after[part], mask, known, difference) < _SAME:
        return edit
    _edge(mask, _far(mask), np.float32(reach / 2), inner, soft[part])
    after = edit.before.copy()
    after[part] += mixed(difference, inner, depth(reach, mask.shape))
    return replace(edit, after=after, mask=soft)


def _far(mask: Floats) -> Floats:
    """(h, w) pixels to where nothing is written, found at half the size.

    The border of the array is no edge: a face cut by the frame is edited up to the frame.
    """
    far = cv2.distanceTransform((mask[::2, ::2] > 0).view(np.uint8), cv2.DIST_L2, 5)
    wide = cv2.resize(far, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)[: mask.shape[0], : mask.shape[1]]
    # A coarse edge lies half a pixel further out.
    return np.asarray(2 * np.minimum(wide, _FAR) - np.float32(0.5), np.float32)


def mixed(difference: Floats, mask: Floats, levels: int) -> Floats:
    """(h, w, 3) of a difference, band by band times the mask (h, w) at the band's resolution.

    difference: (h, w, 4) times how much of each pixel is known, and that, 0 or 1. What is not known is made up at half
    the resolution, for there is no detail in it.
    """
    weights = [mask]
    bands = [difference, continued(cv2.pyrDown(difference))]
    for level in range(levels):
        weights.append(cv2.pyrDown(weights[-1]))
        if level:
            bands.append(cv2.pyrDown(bands[-1]))
    weights[0] = mask * difference[..., 3]
    total = bands[-1] * weights[-1][..., None]
    for fine, coarse, weight in zip(bands[-2::-1], bands[:0:-1], weights[-2::-1], strict=True):
        total = raised(total, coarse, fine, weight)
    return total


def depth(reach: float, shape: tuple[int, ...]) -> int:
    """How many times the picture is halved: until the coarsest mask changes over within `reach`."""
    wanted = int(np.log2(max(reach / (2 * _SPREAD), 1)))
    return max(1, min(wanted, int(np.log2(max(min(shape), 2))) - 1))


def continued(weighted: Floats) -> Floats:
    """(h, w, 3) with what is not known taken from ever larger surroundings, the nearest that know anything.

    weighted: (h, w, 4) a picture times how much of each pixel is known, and that.
    """
    known = weighted[..., 3:]
    if min(weighted.shape[:2]) < 2 or known.min() > 0:
        return np.ascontiguousarray(weighted[..., :3] / np.maximum(known, np.float32(1e-6)))
    below = cv2.pyrUp(continued(cv2.pyrDown(weighted)), dstsize=weighted.shape[1::-1])
    return np.ascontiguousarray(weighted[..., :3] + (1 - np.minimum(known, 1)) * below)


@numba.njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _differ(before: Floats, after: Floats, mask: Floats, known: NDArray[np.bool_], out: Floats) -> Any:
    """The difference as of `mixed`; its greatest value inside the mask."""
    greatest = _F(0)
    for y in range(mask.shape[0]):
        for x in range(mask.shape[1]):
            share, inside = _F(known[y, x]), _F(mask[y, x] > 0)
            for k in range(3):
                apart = after[y, x, k] - before[y, x, k]
                greatest = max(greatest, abs(apart) * inside)
                out[y, x, k] = apart * share
            out[y, x, 3] = share
    return greatest


@numba.njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _edge(mask: Floats, far: Floats, half: float, inner: Floats, soft: Floats) -> None:
    """`inner`, the mask from half of the reach on, and `soft`, what rises up to there."""
    for y in range(mask.shape[0]):
        for x in range(mask.shape[1]):
            inner[y, x] = mask[y, x] * min(max(far[y, x] - _F(half), _F(0)), _F(1))
            rise = min(max(far[y, x] / _F(half), _F(0)), _F(1)) * _F(mask[y, x] > 0)
            soft[y, x] = rise * rise * (_F(3) - _F(2) * rise)


def raised(total: Floats, coarse: Floats, fine: Floats, weight: Floats) -> Floats:
    """(h, w, 3) `total` at twice the size, and of the detail that `fine` has and `coarse` has not so much."""
    made = np.empty((*weight.shape, 3), np.float32)
    _raise(total, coarse, fine, weight, made)
    return made


@numba.njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _raise(total: Floats, coarse: Floats, fine: Floats, weight: Floats, out: Floats) -> None:
    """Row by row: enlarged downward into two lines, and across as they are mixed."""
    rows, columns = total.shape[0], total.shape[1]
    wide, less = total.reshape(rows, columns * 3), coarse.reshape(rows, columns * 3)
    one, two = np.empty(columns * 3, _F), np.empty(columns * 3, _F)
    for y in range(weight.shape[0]):
        above, at, below = _taps(y, rows)
        a, b, c = (_F(0.125), _F(0.75), _F(0.125)) if y % 2 == 0 else (_F(0), _F(0.5), _F(0.5))
        for j in range(columns * 3):
            one[j] = a * wide[above, j] + b * wide[at, j] + c * wide[below, j]
            two[j] = a * less[above, j] + b * less[at, j] + c * less[below, j]
        for x in range(weight.shape[1]):
            above, at, below = _taps(x, columns)
            w = weight[y, x]
            for k in range(3):
                p, q, r = 3 * above + k, 3 * at + k, 3 * below + k
                if x % 2 == 0:
                    tone, known = _F(0.125) * (one[p] + one[r]), _F(0.125) * (two[p] + two[r])
                    tone, known = tone + _F(0.75) * one[q], known + _F(0.75) * two[q]
                else:
                    tone, known = _F(0.5) * (one[q] + one[r]), _F(0.5) * (two[q] + two[r])
                out[y, x, k] = tone + w * (fine[y, x, k] - known)


@numba.njit(cache=True, nogil=True)
def _taps(place: int, length: int) -> tuple[Any, Any, Any]:
    """The samples at half the size that one is made of, as of `cv2.pyrUp`."""
    at = np.uint32(place // 2)
    beyond = min(at + np.uint32(1), np.uint32(length - 1))
    return (at - np.uint32(1) if place > 1 else beyond), at, beyond
