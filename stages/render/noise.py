"""Grain: how strong, how coarse and how coloured it is, and noise that is like it.

Noise of a picture is what varies quickly in its evenest blocks (as of Olsen, *Estimation of noise in images*, 1993).
Grain is taken as white noise blurred by a Gaussian: one number says how coarse it is, and is found by the correlation
of neighbours. The same measurement of noise of known strength says what the figures mean.
"""

# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, Final

import cv2
import numba
import numpy as np
from numpy.typing import NDArray

from stages.packets import Floats

SIDE: Final = 512
"""Samples a side of the noise that is laid over faces; it repeats beyond."""
LEVELS: Final = np.linspace(0, 1, 9, dtype=np.float32)
"""Luma at which the strength is known; linear between."""

_BLOCK: Final = 16
_BROAD: Final = 2.0
"""Pixels, standard deviation: what varies more slowly is structure."""
_EVENEST: Final = 1 / 3
"""Share of the blocks that is believed."""
_GROUP: Final = 12
"""Blocks of about one brightness that are measured together."""
_FEWEST: Final = 6
_SIZES: Final = tuple(k / 10 for k in range(21))
"""Standard deviations of the blur, pixels."""
_LUMA: Final = np.array([[0.2126, 0.7152, 0.0722]], np.float32)
_TINTS: Final = np.array([[-0.1146, -0.3854, 0.5], [0.5, -0.4542, -0.0458]], np.float32)
"""BT.709's Cb and Cr."""


@dataclass(frozen=True, slots=True)
class Grain:
    """missing: (9,) variance of luma, nominal 0..1 squared, that `after` lacks at `LEVELS`; below 0 it has too much.

    alike, tint_alike: correlation of neighbours in luma and in colour. tint: standard deviation of Cb and Cr over
    that of luma.
    """

    missing: Floats
    alike: float
    tint_alike: float
    tint: float

    @property
    def vector(self) -> Floats:
        """All of it, to be smoothed."""
        return np.array([*self.missing, self.alike, self.tint_alike, self.tint], np.float32)

    @classmethod
    def of(cls, vector: Floats) -> Grain:
        """The inverse of `vector`."""
        return cls(vector[:-3].astype(np.float32), *(float(value) for value in vector[-3:]))


def luma(picture: Floats) -> Floats:
    """(h, w) of R'G'B' (h, w, 3), BT.709's weights."""
    made: Floats = cv2.transform(picture, _LUMA)
    return made


def measured(before: Floats, after: Floats, where: NDArray[np.bool_], then: Floats | None = None) -> Grain | None:
    """What `after` lacks of the grain of `before`, both (h, w, 3), `where` (h, w); None if that is too small.

    then: (h, w) luma of the frame before, laid on this one. What it shows alike is skin and what a codec left of it,
    no grain, however fine it is; without it all that is fine counts.
    """
    rows, columns = np.flatnonzero(where.any(1)), np.flatnonzero(where.any(0))
    if not len(rows):
        return None
    part = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    whole = np.asarray(_blocks(where[part]).all(1))
    if whole.sum() < _FEWEST:
        return None
    plate, made = (luma(picture[part]) for picture in (before, after))
    level = _blocks(plate)[whole].mean(1)
    fine, fine_made = _quick(plate), _quick(made)
    variance, variance_made = (_blocks(picture)[whole].var(1) for picture in (fine, fine_made))
    even = np.flatnonzero(variance <= np.quantile(variance, _EVENEST))
    tints = [_quick(plane) for plane in cv2.split(cv2.transform(before[part], _TINTS))]
    alike = _neighbours(fine, whole, even)
    tint_alike = float(np.mean([_neighbours(plane, whole, even) for plane in tints]))
    unit, tint_unit = _unit(size_of(alike)), _unit(size_of(tint_alike))
    colour = np.mean([_blocks(plane)[whole][even].var() for plane in tints]) / tint_unit
    tint = float(np.sqrt(colour / max(float(variance[even].mean()) / unit, 1e-12)))
    own, made_of = _by_level(level, variance), _by_level(level, variance_made)
    new = 1.0 if then is None else _new(fine, _quick(then[part]), whole, even)
    missing = np.minimum(new * own, own - made_of) / unit
    return Grain(missing.astype(np.float32), alike, tint_alike, min(tint, 1.0))


def _new(fine: Floats, before: Floats, whole: NDArray[np.bool_], even: NDArray[np.int64]) -> float:
    """0..1 share of the variance in even blocks that the frame before has not: of two noises it is half the variance
    of their difference."""
    now, apart = (_blocks(picture)[whole][even].var(1).mean() for picture in (fine, fine - before))
    return float(np.clip(apart / max(2 * float(now), 1e-12), 0, 1))


def _by_level(level: Floats, variance: Floats) -> NDArray[np.float64]:
    """(9,) variance of the evenest blocks of each brightness."""
    order = np.argsort(level, kind="stable")
    groups = np.array_split(order, max(1, len(order) // _GROUP))
    values = [_evenest(variance[group]) for group in groups]
    return np.interp(LEVELS, [float(level[group].mean()) for group in groups], values)


def _evenest(variance: Floats) -> float:
    return float(np.sort(variance)[: max(1, round(len(variance) * _EVENEST))].mean())


def _quick(plane: Floats) -> Floats:
    """What varies within a few pixels."""
    high: Floats = plane - cv2.GaussianBlur(plane, (0, 0), _BROAD)
    return high


def _blocks(plane: NDArray[Any]) -> NDArray[Any]:
    """(blocks, pixels) of a plane, what is left over at its right and low edge aside."""
    rows, columns = plane.shape[0] // _BLOCK, plane.shape[1] // _BLOCK
    cut = plane[: rows * _BLOCK, : columns * _BLOCK].reshape(rows, _BLOCK, columns, _BLOCK)
    return cut.swapaxes(1, 2).reshape(rows * columns, -1)


def _neighbours(fine: Floats, whole: NDArray[np.bool_], even: NDArray[np.int64]) -> float:
    """Correlation with the pixels to the right and below, over the even blocks."""
    square = _blocks(fine)[whole][even].reshape(-1, _BLOCK, _BLOCK)
    total = max(float(np.square(square).mean()), 1e-12)
    right, low = (square[:, :, 1:] * square[:, :, :-1]).mean(), (square[:, 1:] * square[:, :-1]).mean()
    return float(right + low) / 2 / total


@lru_cache(maxsize=len(_SIZES))
def tile(size: float) -> Floats:
    """(SIDE, SIDE) noise of unit variance, blurred by a Gaussian of so many pixels; wraps around."""
    white = np.random.default_rng(int(10 * size)).standard_normal((SIDE, SIDE), np.float32)
    if size > 0:
        room = 16
        wide = cv2.copyMakeBorder(white, room, room, room, room, cv2.BORDER_WRAP)
        white = np.ascontiguousarray(cv2.GaussianBlur(wide, (0, 0), size)[room:-room, room:-room])
    made: Floats = ((white - white.mean()) / white.std()).astype(np.float32)
    made.setflags(write=False)
    return made


@cache
def sizes() -> tuple[tuple[float, float], ...]:
    """Correlation of neighbours and variance as `measured` finds them in noise of unit variance, for each size."""
    found = []
    for size in _SIZES:
        fine = _quick(tile(size))
        variance = _blocks(fine).var(1)
        even = np.flatnonzero(variance <= np.quantile(variance, _EVENEST))
        groups = np.array_split(variance, len(variance) // _GROUP)
        unit = float(np.mean([_evenest(group) for group in groups]))
        found.append((_neighbours(fine, np.ones(len(variance), bool), even), unit))
    return tuple(found)


def size_of(alike: float) -> float:
    """The size of grain whose neighbours are so alike."""
    return _SIZES[int(np.argmin([abs(known - alike) for known, _ in sizes()]))]


def _unit(size: float) -> float:
    return sizes()[_SIZES.index(size)][1]


@numba.njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def add(
    after: Floats,
    bright: Floats,
    tint: Floats,
    starts: NDArray[np.int64],
    amount: Floats,
    share: float,
    where: Floats,
    out: Floats,
) -> None:
    """out = after + noise of standard deviation `amount` (9,) by luma, times `where`.

    bright, tint: tiles of noise in luma and colour. starts: (6,) row and column in the tiles of luma, Cb and Cr. share:
    standard deviation of colour over that of luma.
    """
    most, last, around = np.float32(len(amount) - 1), np.float32(len(amount) - 2), np.uint32(SIDE - 1)
    begin, blue_begin, red_begin = np.uint32(starts[1]), np.uint32(starts[3]), np.uint32(starts[5])
    for y in range(after.shape[0]):
        one = bright[(y + starts[0]) % SIDE]
        blue, red = tint[(y + starts[2]) % SIDE], tint[(y + starts[4]) % SIDE]
        for x in range(after.shape[1]):
            at = np.uint32(x)
            r, g, b = after[y, x, 0], after[y, x, 1], after[y, x, 2]
            luma = np.float32(0.2126) * r + np.float32(0.7152) * g + np.float32(0.0722) * b
            spot = min(max(luma, np.float32(0)), np.float32(1)) * most
            low = np.uint32(min(spot, last))
            sigma = amount[low] + (spot - np.float32(low)) * (amount[low + np.uint32(1)] - amount[low])
            sigma *= where[y, x]
            n = sigma * one[(at + begin) & around]
            cb = sigma * np.float32(share) * blue[(at + blue_begin) & around]
            cr = sigma * np.float32(share) * red[(at + red_begin) & around]
            out[y, x, 0] = r + n + np.float32(1.5748) * cr
            out[y, x, 1] = g + n - np.float32(0.1873) * cb - np.float32(0.4681) * cr
            out[y, x, 2] = b + n + np.float32(1.8556) * cb
