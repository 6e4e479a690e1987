"""Per-AU figures of a clip, accumulated block by block."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from runner.report.rows import CURVES, Rows
from stages import facs

_BINS: Final = 1000  # of 0.01 intensity, for percentiles
PRESENT: Final = 0.5  # FACS trace (A): below it an Action Unit counts as absent
CHANGED: Final = 0.01  # |asked - measured| of a changed Action Unit, anywhere in the clip
EXPRESSION: Final = ("AU01", "AU02", "AU04", "AU12", "AU15", "AU17", "AU20", "AU25", "AU26", "AU43")
"""Units that geometry shows clearly, and that a likeness is held to."""
SHOWN: Final = 1.0  # intensity, FACS A
CORRELATION: Final = "expression.correlation"
_SPREAD: Final = 1e-4  # variance below which a slope says nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Intensity 0..5 over all frames and faces: mean, 95th percentile (to 0.01), largest."""

    mean: float
    p95: float
    peak: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Achieved:
    """What was read back from the output, on `rows` rows (frames times faces).

    Rows that ask for more than 5, where every reading ends, do not count.

    gain: what the measured curve was really multiplied by (least squares through the origin), to be held against
    `UnitSummary.gain_there`. slope and r2: ordinary least squares of achieved on asked; r: their correlation; all None
    where the asked curve hardly varies. mae: mean absolute error in intensity.
    """

    rows: int
    gain: float | None
    slope: float | None
    r2: float | None
    mae: float
    r: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitSummary:
    """One Action Unit over the clip. Intensities are the mean of both sides.

    commanded: the profile's gain, None if it names none. gain: what the profile came to, the least-squares factor from
    measured to asked (1 where nothing moves); less than commanded where the smoothed curve it acts on is flatter.
    gain_there: the same over the re-measured frames only. change: the largest |asked - measured| on either side.
    stray: of a unit that nobody asked to change, by what share of the asked change (root sum of squares over units) it
    moved along, by least squares through the origin; None for the others, and where nothing was read back.
    """

    name: str
    label: str
    measured: Spread
    asked: Spread
    commanded: float | None
    gain: float
    gain_there: float | None
    change: float
    achieved: Achieved | None
    stray: float | None = None

    @property
    def wanted(self) -> float:
        """The gain to show: the profile's, or what came out where the profile gives no number."""
        return self.gain if self.commanded is None else self.commanded

    @property
    def moves(self) -> bool:
        """True if it was changed, or was there at all."""
        return self.changed or self.measured.peak > PRESENT

    @property
    def shown(self) -> bool:
        """True if one frame of twenty asks for an intensity of 1: below it a curve is mostly noise."""
        return self.asked.p95 >= SHOWN

    @property
    def changed(self) -> bool:
        """True if another value than the measured one was asked for, anywhere."""
        return self.change > CHANGED


def leakage(units: Iterable[UnitSummary]) -> dict[str, float]:
    """`au.leakage`: the largest |stray| of any unit; empty where nothing was read back."""
    strays = [abs(unit.stray) for unit in units if unit.stray is not None]
    return {"au.leakage": max(strays)} if strays else {}


def correlation(units: Iterable[UnitSummary]) -> dict[str, float]:
    """`expression.correlation`: mean over the units of `EXPRESSION` that the clip shows; empty if it shows none."""
    shown = [unit.achieved.r for unit in units if unit.name in EXPRESSION and unit.shown and unit.achieved]
    known = [r for r in shown if r is not None]
    return {CORRELATION: sum(known) / len(known)} if known else {}


class Summary:
    """Running sums of every AU. Feed it blocks, then read `units()`."""

    def __init__(self) -> None:
        self._rows = np.zeros(2)
        self._sum = np.zeros((2, facs.COUNT))
        self._peak = np.zeros((2, facs.COUNT))
        self._histogram = np.zeros((2, facs.COUNT, _BINS), np.int64)
        self._change = np.zeros(facs.COUNT)
        self._whole = _Moments()
        self._read_back = _Moments()
        self._command = 0.0
        self._along = np.zeros(facs.COUNT)

    def add(self, rows: Rows) -> None:
        """Count one block in."""
        curves = rows.values.mean(axis=3, dtype=np.float64)
        for curve in range(2):
            self._count(curve, curves[~np.isnan(curves[:, curve, 0]), curve])
        asked = ~np.isnan(curves[:, 1, 0])
        if asked.any():
            sides = rows.values[asked]
            np.maximum(self._change, np.abs(sides[:, 1] - sides[:, 0]).max(axis=(0, 2)), out=self._change)
            self._whole.add(curves[asked, 0], curves[asked, 1], curves[asked, 1])
        back = asked & ~np.isnan(curves[:, 2, 0])
        within = curves[back, 1] <= facs.MAX_INTENSITY
        self._read_back.add(curves[back, 0], curves[back, 1], curves[back, 2], within=within)
        size = np.sqrt(np.square(curves[back, 1] - curves[back, 0]).sum(axis=1))
        self._command += float(size @ size)
        self._along += size @ (curves[back, 2] - curves[back, 0])

    def _count(self, curve: int, values: NDArray[np.float64]) -> None:
        if not len(values):
            return
        self._rows[curve] += len(values)
        self._sum[curve] += values.sum(axis=0)
        np.maximum(self._peak[curve], values.max(axis=0), out=self._peak[curve])
        bins = np.clip(values / facs.MAX_ASKED * _BINS, 0, _BINS - 1).astype(np.int64)
        flat = np.bincount((bins + np.arange(facs.COUNT) * _BINS).ravel(), minlength=facs.COUNT * _BINS)
        self._histogram[curve] += flat.reshape(facs.COUNT, _BINS)

    def units(self, commanded: Mapping[str, float] | None = None) -> tuple[UnitSummary, ...]:
        """One summary per AU, in FACS order. `commanded`: AU name -> gain of the profile."""
        return tuple(self._unit(i, unit, (commanded or {}).get(unit.name)) for i, unit in enumerate(facs.UNITS))

    def _unit(self, i: int, unit: facs.ActionUnit, commanded: float | None) -> UnitSummary:
        gain = self._whole.gain(i, 1)
        return UnitSummary(
            name=unit.name,
            label=unit.label,
            measured=self._spread(0, i),
            asked=self._spread(1 if self._rows[1] else 0, i),
            commanded=commanded,
            gain=1.0 if gain is None else gain,
            gain_there=self._read_back.gain(i, 1) if self._read_back.rows[i] else None,
            change=float(self._change[i]),
            achieved=self._read_back.achieved(i) if self._read_back.rows[i] else None,
            stray=self._stray(i),
        )

    def _stray(self, i: int) -> float | None:
        asked = self._change[i] > CHANGED or facs.UNITS[i].number in facs.ALIASES
        return None if asked or self._command < _SPREAD else float(self._along[i] / self._command)

    def _spread(self, curve: int, i: int) -> Spread:
        rows = max(self._rows[curve], 1)
        above = np.searchsorted(np.cumsum(self._histogram[curve, i]), 0.95 * rows)
        p95 = min((above + 1) * facs.MAX_ASKED / _BINS, self._peak[curve, i])
        return Spread(mean=float(self._sum[curve, i] / rows), p95=float(p95), peak=float(self._peak[curve, i]))


class _Moments:
    """First and second moments of measured (m), asked (a) and achieved (r), per AU."""

    def __init__(self) -> None:
        self.rows = np.zeros(facs.COUNT, np.int64)
        self._first = np.zeros((len(CURVES), facs.COUNT))
        self._second = np.zeros((len(CURVES), len(CURVES), facs.COUNT))
        self._error = np.zeros(facs.COUNT)

    def add(self, *curves: NDArray[np.float64], within: NDArray[np.bool_] | None = None) -> None:
        """Count (n, facs.COUNT) of each curve in, where `within`."""
        stack = np.stack(curves)
        counted = np.ones(stack.shape[1:], bool) if within is None else within
        stack = np.where(counted, stack, 0)
        self.rows += counted.sum(axis=0)
        self._first += stack.sum(axis=1)
        self._second += np.einsum("inu,jnu->iju", stack, stack)
        self._error += np.abs(stack[2] - stack[1]).sum(axis=0)

    def gain(self, i: int, curve: int) -> float | None:
        """Least squares through the origin from measured to `curve`."""
        power = self._second[0, 0, i]
        return float(self._second[0, curve, i] / power) if power > _SPREAD * max(self.rows[i], 1) else None

    def achieved(self, i: int) -> Achieved:
        rows = self.rows[i]
        mean = self._first[:, i] / rows
        cov = self._second[:, :, i] / rows - np.outer(mean, mean)
        steady = cov[1, 1] < _SPREAD
        r2 = cov[1, 2] ** 2 / (cov[1, 1] * cov[2, 2]) if not steady and cov[2, 2] > 0 else None
        return Achieved(
            rows=int(rows),
            gain=self.gain(i, 2),
            slope=None if steady else float(cov[1, 2] / cov[1, 1]),
            r2=None if r2 is None else float(r2),
            mae=float(self._error[i] / rows),
            r=None if r2 is None else float(np.sign(cov[1, 2]) * np.sqrt(r2)),
        )
