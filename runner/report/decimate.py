"""Curves small enough to draw: minimum, mean and maximum per time slot, whatever the clip's length."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from runner.report.rows import CURVES, Rows
from stages import facs
from stages.packets import Floats

SLOTS: Final = 480
MOST_TRACKS: Final = 12


@dataclass(slots=True)
class Envelope:
    """One face's curves over the slots of a clip; a curve has the same channels as the others.

    low, high, total: (curves, slots, channels); low and high are NaN where nothing is. rows: the same shape, how many
    values went in. count, time: (slots,) rows of the face, and the sum of their seconds.
    """

    low: Floats
    high: Floats
    total: Floats
    rows: NDArray[np.int32]
    count: NDArray[np.int32]
    time: NDArray[np.float64]

    @classmethod
    def empty(cls, slots: int, curves: int = len(CURVES), channels: int = facs.COUNT) -> Envelope:
        """No rows yet."""
        shape = (curves, slots, channels)
        nothing = np.full(shape, np.nan, np.float32)
        sums, rows = np.zeros(shape, np.float32), np.zeros(shape, np.int32)
        return cls(nothing, nothing.copy(), sums, rows, np.zeros(slots, np.int32), np.zeros(slots))

    def add(self, slot: NDArray[np.int64], seconds: NDArray[np.float64], values: Floats) -> None:
        """Count rows in: (n,) slots and seconds, (n, curves, channels) values, NaN where there is none."""
        np.add.at(self.count, slot, 1)
        np.add.at(self.time, slot, seconds)
        for curve in range(values.shape[1]):
            one, there = values[:, curve], ~np.isnan(values[:, curve])
            np.fmin.at(self.low[curve], slot, one)
            np.fmax.at(self.high[curve], slot, one)
            np.add.at(self.total[curve], slot, np.where(there, one, 0))
            np.add.at(self.rows[curve], slot, there)

    def seconds(self) -> NDArray[np.float64]:
        """(slots,) mean presentation time; NaN where the face is not."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(self.count > 0, self.time / self.count, np.nan)

    def mean(self, curve: int, channel: int) -> Floats:
        """(slots,) mean of one curve; NaN where nothing is."""
        rows = self.rows[curve, :, channel]
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(rows > 0, self.total[curve, :, channel] / rows, np.nan).astype(np.float32)


@dataclass(slots=True)
class Slots:
    """Collects rows of a clip of `frames` frames into an envelope per face; a slot spans whole frames.

    Clips of at most `SLOTS` frames keep every value. Of faces beyond `MOST_TRACKS`, in order of appearance, only the
    number is kept (`left_out`).
    """

    frames: int
    tracks: dict[int, Envelope] = field(default_factory=dict)
    left_out: set[int] = field(default_factory=set)
    end: float = 0.0

    @property
    def slots(self) -> int:
        """How many slots the clip is cut into."""
        return max(1, min(SLOTS, self.frames))

    def collect(self, rows: Rows, values: Floats) -> None:
        """Count one block in; values: (n, curves, channels)."""
        slot = np.minimum(rows.frame * self.slots // max(self.frames, 1), self.slots - 1)
        self.end = max(self.end, float(rows.seconds.max(initial=0)))
        for track in np.unique(rows.track).tolist():
            if track not in self.tracks and len(self.tracks) >= MOST_TRACKS:
                self.left_out.add(track)
                continue
            mine = rows.track == track
            envelope = self.tracks.setdefault(track, Envelope.empty(self.slots, *values.shape[1:]))
            envelope.add(slot[mine], rows.seconds[mine], values[mine])


@dataclass(slots=True)
class Decimator(Slots):
    """The curves of a report: `CURVES`, mean of both sides."""

    def add(self, rows: Rows) -> None:
        """Count one block in."""
        self.collect(rows, rows.values.mean(axis=3))
