"""An identity's photos as one texture: those that fit the pose best, at the size that the picture needs.

Texels are as large as pixels, give or take: a texture far finer than the picture would sparkle as it moves (Williams,
*Pyramidal parametrics*, 1983). Which photos count varies smoothly with the pose, so that nothing pops.
"""

# mypy: disable-error-code="untyped-decorator"
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import cv2
import numba
import numpy as np
from numpy.typing import NDArray

from stages.expression import chart
from stages.identity.likeness import Likeness, Portrait
from stages.media.painting import Texels, packed
from stages.packets import Floats
from stages.render.wear import light, own, regions

_DENSITY: Final = 1.05  # texels along the chart by pixels along the face's longer side, at least
_RATIO: Final = 2**0.5  # between the sizes that are kept
_LEAST: Final = 96  # texels a side of the smallest
_TURN: Final = 2.5  # degrees of yaw and pitch that are no difference
_STEPS: Final = 256  # that a photo's share goes by: an eighth of an 8-bit code where photos differ by an eighth
_NONE: Final = 0.15  # of the best photo's share, below which another does not count at all
_SHY: Final = 5  # texels that what is painted keeps from what a photo does not show
_SHOWN: Final = (0.1, 0.5)  # weight of a texel at which its light says nothing, and all it says counts


@dataclass(frozen=True, slots=True)
class Worn:
    """What is drawn. picture: (side, side) nominal R'G'B' as `stages.media.painting` packs it; log: see
    `light.of_texture`; skin, shown: (SIZE, SIZE) 0..1 where it is skin and no fringe, and where that was seen in a
    photo. fill: (SIZE, SIZE, 3) factors that take the identity's own folds out, as far as the performer has none."""

    picture: Texels
    log: Floats
    skin: Floats
    shown: Floats
    fill: Floats


Mixed = tuple[Texels, Floats, Floats, Floats]
"""Picture, log, skin and shown, as of `Worn`."""


@dataclass(frozen=True, slots=True)
class _Level:
    """One size. pictures: (n, side, side, 3); weights: (n, side, side), all of them sum to what is known of a texel."""

    pictures: Floats
    weights: Floats


class Wardrobe:
    """The textures of one identity, ready to be worn.

    most: photos that are blended at once.
    """

    def __init__(self, likeness: Likeness, most: int) -> None:
        portraits = (*likeness.portraits, likeness.merged)
        side = max(len(one.texture) for one in portraits)
        self._poses = np.stack([one.pose for one in portraits])
        self._quality = np.array([float(one.weight.mean()) for one in portraits], np.float32)
        self._most = most
        self._logs = np.stack([light.of_texture(one.texture.astype(np.float32)) for one in portraits])
        self._seen = np.stack([_seen(one) for one in portraits])
        self._skin = np.stack([_skin(seen) for seen in self._seen])
        self._levels = {size: _level(portraits, size) for size in _sizes(side)}
        usual = np.mean([one.units for one in likeness.portraits], axis=0)
        self._own = [own.of(one, one.units) for one in likeness.portraits] + [own.of(likeness.merged, usual)]
        self._depths = np.stack([one.depth for one in self._own])
        self._mixed: Callable[[int, tuple[int, ...]], Mixed] = lru_cache(maxsize=2)(self._mix)

    def worn(self, turned: Floats, pixels: float, doing: Floats) -> Worn:
        """For a head turned by (yaw, pitch, roll) degrees whose face is so many pixels long; doing: (facs.COUNT, 2)
        what the performer does."""
        shares = self._shares(turned)
        sizes = sorted(self._levels)
        size = next((size for size in sizes if size >= _DENSITY * pixels), sizes[-1])
        mixed = self._mixed(size, tuple(np.rint(shares * _STEPS).astype(int).tolist()))
        return Worn(*mixed, self._filled(shares, doing))

    def _mix(self, size: int, parts: tuple[int, ...]) -> Mixed:
        """All that a pose decides; parts: of every photo. A head that keeps still wears the same."""
        level, used = self._levels[size], np.flatnonzero(parts)
        shares = np.array(parts, np.float32)[used] / np.float32(sum(parts))
        skin, seen, log = (np.tensordot(shares, one[used], 1) for one in (self._skin, self._seen, self._logs))
        if len(used) == 1:
            return packed(level.pictures[used[0]]), log, skin, seen
        out = np.empty_like(level.pictures[0])
        _blend(level.pictures, level.weights, used, shares, out)
        return packed(out), log, skin, seen

    def _filled(self, shares: Floats, doing: Floats) -> Floats:
        """(SIZE, SIZE, 3) see `Worn`."""
        fill, size = np.zeros((chart.SIZE, chart.SIZE, 3), np.float32), (chart.SIZE, chart.SIZE)
        amounts = [(k, shares[k] * self._own[k].filling(doing)) for k in np.flatnonzero(shares)]
        some = [(k, cv2.resize(one, size, interpolation=cv2.INTER_LINEAR)) for k, one in amounts if one.any()]
        if some:
            _fill(self._depths, np.array([k for k, _ in some]), np.stack([one for _, one in some]), fill)
        return np.exp(fill, out=fill)

    def _shares(self, turned: Floats) -> Floats:
        """(n,) how much of each photo, summing to 1; the merged one, last, fills what the others do not show.

        Weighted by inverse distance (Shepard, *A two-dimensional interpolation function for irregularly-spaced data*,
        1968), so that one photo passes into the next over the whole way between them.
        """
        if len(self._poses) == 2:
            return np.array([0, 1], np.float32)
        away = np.square(self._poses[:-1, :2] - turned[:2]).sum(1)
        fit = self._quality[:-1] / np.square(away + _TURN**2)
        fit /= fit.max()
        edge = max(_NONE, float(np.sort(fit)[::-1][self._most]) if len(fit) > self._most else 0.0)
        fit = np.maximum(fit - edge, 0)
        shares = np.append(fit, np.float32(0.02) * fit.sum())
        return np.asarray(shares / shares.sum(), np.float32)


def _sizes(side: int) -> list[int]:
    sizes, size = [], float(side)
    while size >= _LEAST:
        sizes.append(round(size))
        size /= _RATIO
    return sizes or [side]


def _level(portraits: Sequence[Portrait], size: int) -> _Level:
    pictures = np.stack([_resized(one.texture.astype(np.float32), size) for one in portraits])
    weights = np.stack([_resized(one.weight.astype(np.float32), size) for one in portraits])
    return _Level(pictures, np.maximum(weights, np.float32(1e-3)))


def _resized(picture: Floats, size: int) -> Floats:
    if len(picture) == size:
        return picture
    how = cv2.INTER_AREA if len(picture) > size else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, (size, size), interpolation=how))


def _seen(one: Portrait) -> Floats:
    """(SIZE, SIZE) 0..1 how well a photo shows each texel."""
    t = np.clip((_resized(one.weight.astype(np.float32), chart.SIZE) - _SHOWN[0]) / (_SHOWN[1] - _SHOWN[0]), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def _skin(seen: Floats) -> Floats:
    """(SIZE, SIZE) 0..1 what may be painted: the inner face in any case, around it what a photo shows, softly."""
    ball = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * _SHY + 1,) * 2)
    soft = cv2.GaussianBlur(cv2.erode(seen, ball), (0, 0), _SHY * 0.6)
    return np.asarray(1 - regions.outer() * (1 - soft), np.float32)


@numba.njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _blend(pictures: Floats, weights: Floats, used: NDArray[np.intp], shares: Floats, out: Floats) -> None:
    """Every texel from the photos that show it."""
    side = out.shape[0]
    line, whole = np.empty((side, 3), np.float32), np.empty(side, np.float32)
    for y in range(side):
        line[:] = 0
        whole[:] = 0
        for n in range(len(used)):
            k, of = used[n], shares[n]
            for x in range(side):
                share = of * weights[k, y, x]
                whole[x] += share
                for c in range(3):
                    line[x, c] += share * pictures[k, y, x, c]
        for x in range(side):
            part = np.float32(1) / whole[x]
            for c in range(3):
                out[y, x, c] = line[x, c] * part


@numba.njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _fill(depths: Floats, used: NDArray[np.intp], amounts: Floats, fill: Floats) -> None:
    """Add so much of each depth."""
    for n in range(len(used)):
        k = used[n]
        for y in range(fill.shape[0]):
            for x in range(fill.shape[1]):
                amount = amounts[n, y, x]
                if amount > 0:
                    for c in range(3):
                        fill[y, x, c] += amount * depths[k, y, x, c]
