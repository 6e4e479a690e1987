"""From a shape difference to intensities: bounded generalised least squares on the Action Unit basis.

A tracked face, brought to face space, differs from the person's neutral by `sum(x * response)` plus noise.
Aligning by stable points takes a little rigid motion out of every displacement, so it is taken out of the basis too:
what is fitted is what the alignment leaves.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from stages import facs
from stages.expression import basis, pose
from stages.faces import layouts
from stages.packets import Floats

Doubles = NDArray[np.float64]

MEASURED: Final = (1, 2, 4, 5, 7, 10, 12, 15, 17, 20, 25, 26, 43)
"""Units whose intensity is reported (AU27 and AU45 follow from AU26 and AU43)."""
ABSORBED: Final = (9, 14, 16, 18, 24, 30, 61, 62, 63, 64)
"""Units fitted so that their motion is not taken for another's, and not reported yet. AU22, AU28 and AU34 are left out:
they are rare, and so like sums of others (cosines of .7 to .9) that they would take more than they explain."""

DEPTH: Final = 0.3  # the tracker's z is an estimate; a deviation in depth counts this much of one in the picture
LIDS: Final = (
    ((386, 374), (385, 380), (387, 373), (384, 381), (388, 390)),
    ((159, 145), (158, 153), (160, 144), (157, 154), (161, 163)),
)
"""Upper and lower points of the left and the right eye's opening."""
EYE_UNITS: Final = (5, 7, 43, 61, 62, 63, 64)

OUTLINE: Final = 0.4  # the outline slides along the cheek as the head turns
FLOOR: Final = 0.02  # interocular distances by which a coordinate of a real face deviates beyond the known components
SPREAD: Final = 2.0  # intensities: how far units usually go
DEAD: Final = 0.1
"""Intensity that a unit has to beat: of several that explain a face alike, few are read (lasso, Tibshirani 1996)."""
CLEAR: Final = 1.0  # inverse variance of a unit so plainly seen that no more need be beaten
RIDGE: Final = (FLOOR / SPREAD) ** 2  # squared interocular distances: deviation over spread of intensities, squared
MIDDLING: Final = 3.0  # intensity at which the shrinkage is measured
SWEEPS: Final = 200


@dataclass(frozen=True)
class Solver:
    """Columns are halves of sided units and whole unsided ones.

    unit, side: (c,) which unit a column is, and its side (0 left, 1 right, 2 both). raw: (c, 1434) its response per
    intensity, aligned. weight: (1434,) of every coordinate. reader: (c, 1434) makes the right side of the normal
    equations from a difference; gram: (c, c) their left side. lowest: (c,) zeros.
    price: (c,) nats an intensity costs. kept: (c,) share of a lone unit's intensity that ridge and price leave.
    openings: (2, c) how far a unit of each column opens the left and the right eye.
    """

    unit: NDArray[np.intp]
    side: NDArray[np.intp]
    raw: Doubles
    weight: Doubles
    reader: Doubles
    gram: Doubles
    lowest: Doubles
    price: Doubles
    kept: Doubles
    openings: Doubles

    def fit(self, difference: NDArray[np.floating]) -> Doubles:
        """(c,) intensities, not below 0, that explain a face-space `difference` (478, 3)."""
        target = self.reader @ difference.ravel()
        found: Doubles = descend(self.gram, target, self.price, self.lowest, SWEEPS) / self.kept
        self._read_lids(found, difference)
        return found

    def _read_lids(self, found: Doubles, difference: NDArray[np.floating]) -> None:
        """AU5 and AU43 from the eye's opening, beside what brows and cheeks do to it.

        Raising and closing a lid are opposites, and looking down is a twin of closing, so least squares would trade one
        for the other.
        """
        others = ~np.isin(self.unit, [facs.INDEX[f"AU{number:02d}"] for number in EYE_UNITS])
        opened = np.array([opening(difference, side) for side in (0, 1)]) - self.openings[:, others] @ found[others]
        for number in (5, 43):
            columns = self.unit == facs.INDEX[f"AU{number:02d}"]
            found[columns] = np.maximum(np.linalg.solve(self.openings[:, columns], opened), 0.0)

    def spread(self, columns: Doubles) -> Floats:
        """(facs.COUNT, 2) from (c,); an unsided unit stands on both sides."""
        values = np.zeros((facs.COUNT, 2), np.float32)
        for half in (0, 1):
            mine = (self.side == half) | (self.side == 2)
            values[self.unit[mine], half] = columns[mine]
        return values


@cache
def solver() -> Solver:
    """The solver on the committed basis."""
    table = basis.load()
    columns, unit, side = [], [], []
    for number in MEASURED + ABSORBED:
        index = facs.INDEX[f"AU{number:02d}"]
        seen = table.response[index].astype(np.float64)
        halves = [(seen[0], 0), (seen[1], 1)] if _in_halves(number) else [(seen.sum(0), 2)]
        for column, half in halves:
            columns.append(aligned(column).ravel())
            unit.append(index)
            side.append(half)
    raw, units, sides = np.stack(columns), np.array(unit), np.array(side)
    weight = (point_weights()[:, None] * np.array([1, 1, DEPTH])).ravel()
    reader = _whitened(raw, weight)
    seen = reader @ raw.T
    gram, price, zeros = (
        seen + np.eye(len(raw)) / SPREAD**2,
        DEAD * np.minimum(np.diag(seen), CLEAR),
        np.zeros(len(raw)),
    )
    kept = np.array([_kept(raw, reader, gram, price, units == unit) for unit in units])
    openings = np.array([[opening(column.reshape(-1, 3), half) for column in raw] for half in (0, 1)])
    return Solver(units, sides, raw, weight, reader, gram, zeros, price, kept, openings)


def _whitened(columns: Doubles, weight: Doubles) -> Doubles:
    """(c, 1434) columns over the covariance of what responses leave, every coordinate counting by its `weight`.

    The covariance is FLOOR squared on every coordinate plus the components of `Basis.unexplained`: Woodbury's identity.
    """
    left = basis.load().unexplained.astype(np.float64)
    modes = np.stack([aligned(mode).ravel() for mode in left]) * weight
    inner = np.eye(len(modes)) * FLOOR**2 + modes @ modes.T
    seen = columns * weight
    whitened: Doubles = (seen - (seen @ modes.T) @ np.linalg.solve(inner, modes)) / FLOOR**2 * weight
    return whitened


def opening(shape: NDArray[np.floating], side: int) -> float:
    """How far the left (0) or right (1) eye is open, in interocular distances; of a difference, by how much more."""
    return float(np.mean([shape[lower, 1] - shape[upper, 1] for upper, lower in LIDS[side]]))


def _kept(raw: Doubles, reader: Doubles, gram: Doubles, price: Doubles, mine: NDArray[np.bool_]) -> float:
    """What comes out where both sides of one unit go in, by intensity; at a middling one."""
    target = reader @ raw[mine].sum(0) * MIDDLING
    found = descend(gram, target, price, np.zeros(len(raw)), SWEEPS)
    return max(float(found[mine].mean()) / MIDDLING, 0.3)


@cache
def upper_share() -> Doubles:
    """(478,) 1 from the lower lids up, 0 from the nostrils down, smooth between."""
    y = basis.load().mean[:, 1].astype(np.float64)
    top, bottom = float(y[145]) + 0.05, float(y[2])
    rise = np.clip((bottom - y) / (bottom - top), 0, 1)
    share: Doubles = rise * rise * (3 - 2 * rise)
    return share


def point_weights() -> Doubles:
    """(478,) how much a landmark's deviation counts."""
    weights = np.ones(layouts.COUNT)
    weights[layouts.OVAL] = OUTLINE
    return weights


def _in_halves(number: int) -> bool:
    return facs.UNITS[facs.INDEX[f"AU{number:02d}"]].sided or number == 30


@cache
def _alignment() -> tuple[Doubles, Doubles]:
    """(1434, 7) what a small similarity does to the mean face, and (7, 1434) the one that stable points report."""
    mean = basis.load().mean.astype(np.float64)
    x, y, z = mean.T
    zero, one = np.zeros_like(x), np.ones_like(x)
    moves = [(one, zero, zero), (zero, one, zero), (zero, zero, one), (zero, -z, y), (z, zero, -x), (-y, x, zero)]
    jacobian = np.stack([np.stack(move, 1).ravel() for move in [*moves, (x, y, z)]], 1)
    share = np.zeros(layouts.COUNT)
    share[layouts.RIGID] = pose.weights()
    weighted = jacobian.T * np.repeat(share, 3)
    return jacobian, np.linalg.solve(weighted @ jacobian, weighted)


def aligned(displacement: Doubles) -> Doubles:
    """(478, 3) what is left of a small displacement after the face is aligned by its stable points."""
    jacobian, report = _alignment()
    left: Doubles = displacement - (jacobian @ (report @ displacement.ravel())).reshape(-1, 3)
    return left


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def descend(gram: Doubles, target: Doubles, threshold: Doubles, lowest: Doubles, sweeps: int) -> Doubles:
    """Coordinate descent on 0.5 x'Gx - t'x + threshold'|x|, x >= lowest (Friedman, Hastie & Tibshirani 2010)."""
    n = len(target)
    x = np.zeros(n)
    slope = -target.copy()
    for _ in range(sweeps):
        largest = 0.0
        for k in range(n):
            pull = gram[k, k] * x[k] - slope[k]
            if pull > threshold[k]:
                new = (pull - threshold[k]) / gram[k, k]
            elif pull < -threshold[k]:
                new = (pull + threshold[k]) / gram[k, k]
            else:
                new = 0.0
            new = max(new, lowest[k])
            change = new - x[k]
            if change != 0.0:
                x[k] = new
                largest = max(largest, abs(change))
                for j in range(n):
                    slope[j] += gram[j, k] * change
        if largest < 1e-5:
            break
    return x
