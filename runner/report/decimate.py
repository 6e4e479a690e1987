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
    """One face's curves over the slots of a clip.

    low, high, total: (3, slots, facs.COUNT) in the order of `CURVES`; low and high are NaN where nothing is.
    rows: (3, slots) how many values went in. time: (slots,) sum of seconds of the measured values.
    """

    low: Floats
    high: Floats
    total: Floats
    rows: NDArray[np.int32]
    time: NDArray[np.float64]

    @classmethod
    def empty(cls, slots: int) -> Envelope:
        """No rows yet."""
        shape = (len(CURVES), slots, facs.COUNT)
        nothing = np.full(shape, np.nan, np.float32)
        return cls(nothing, nothing.copy(), np.zeros(shape, np.float32), np.zeros(shape[:2], np.int32), np.zeros(slots))

    def seconds(self) -> NDArray[np.float64]:
        """(slots,) mean presentation time; NaN where nothing was measured."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(self.rows[0] > 0, self.time / self.rows[0], np.nan)

    def mean(self, curve: int, unit: int) -> Floats:
        """(slots,) mean of one curve; NaN where nothing is."""
        rows = self.rows[curve]
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(rows > 0, self.total[curve, :, unit] / rows, np.nan).astype(np.float32)


@dataclass(slots=True)
class Decimator:
    """Collects blocks of a clip of `frames` frames into envelopes per track; a slot spans whole frames.

    Clips of at most `SLOTS` frames keep every value. Of tracks beyond `MOST_TRACKS`, in order of appearance, only the
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

    def add(self, rows: Rows) -> None:
        """Count one block in."""
        values = rows.values.mean(axis=3)
        slot = np.minimum(rows.frame * self.slots // max(self.frames, 1), self.slots - 1)
        self.end = max(self.end, float(rows.seconds.max(initial=0)))
        for track in np.unique(rows.track):
            mine = rows.track == track
            if track not in self.tracks and len(self.tracks) >= MOST_TRACKS:
                self.left_out.add(int(track))
                continue
            envelope = self.tracks.setdefault(int(track), Envelope.empty(self.slots))
            np.add.at(envelope.time, slot[mine], rows.seconds[mine])
            for curve in range(len(CURVES)):
                _collect(envelope, curve, slot[mine], values[mine, curve])


def _collect(envelope: Envelope, curve: int, slot: NDArray[np.int64], values: Floats) -> None:
    there = ~np.isnan(values[:, 0])
    slot, values = slot[there], values[there]
    np.fmin.at(envelope.low[curve], slot, values)
    np.fmax.at(envelope.high[curve], slot, values)
    np.add.at(envelope.total[curve], slot, values)
    np.add.at(envelope.rows[curve], slot, 1)
