"""Figures of every face over a clip: how strong each unit was, when, how sure that is, and where head and eyes went."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from runner.analyse.block import Block
from runner.analyse.levels import SCALE, levels
from stages import facs

CODES: Final = (*facs.UNITS, *facs.HEAD)
"""What has figures; the head's codes count as measured wherever the face is."""
ANGLES: Final = ("yaw", "pitch", "roll", "gaze_x", "gaze_y")


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """Intensity 0..5 on one of the performer's sides."""

    mean: float
    peak: float


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitFigures:
    """One code of one face, over the `frames` frames on which it was measured with enough confidence.

    mean: intensity 0..5, mean of both sides. peak: of the stronger side, and where it is: peak_s, peak_frame. letters:
    share of those frames at each FACS letter of the stronger side, and absent. left, right: None for a code without
    sides. confidence: 0..1, mean over all of the face's frames. below_floor: frames left out.
    """

    label: str
    frames: int
    mean: float
    peak: float
    peak_s: float
    peak_frame: int
    left: Side | None
    right: Side | None
    letters: Mapping[str, float]
    confidence: float
    below_floor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Degrees: least, mean, most."""

    low: float
    mean: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceFigures:
    """One face. below_floor: frames with `success` 0. bridged: frames carried by optical flow.

    head: yaw, pitch, roll as in `packets.FaceUnits`. gaze: x above 0 toward the performer's left, y above 0 down, the
    head's turn included; empty where the eyes were not measured. unmeasured: units that were never sure enough.
    """

    face_id: int
    frames: int
    first_s: float
    last_s: float
    confidence: float
    below_floor: int
    bridged: int
    head: Mapping[str, Range]
    gaze: Mapping[str, Range]
    units: Mapping[str, UnitFigures]
    unmeasured: tuple[str, ...]

    def present(self, least: float) -> list[str]:
        """The action units, without the head's codes, that reached `least`, in FACS order."""
        return [name for name in facs.NAMES if name in self.units and self.units[name].peak >= least]


class Figures:
    """Running sums of every face. Feed it blocks, then read `faces()`."""

    def __init__(self, floor: float) -> None:
        self._floor = floor
        self._faces: dict[int, _Sums] = {}

    def add(self, block: Block) -> None:
        """Count one block in."""
        for track in np.unique(block.rows.track):
            self._faces.setdefault(int(track), _Sums()).add(block, block.rows.track == track, self._floor)

    def faces(self) -> tuple[FaceFigures, ...]:
        """One for each face, by id."""
        return tuple(sums.figures(track) for track, sums in sorted(self._faces.items()))


class _Sums:
    def __init__(self) -> None:
        count = len(CODES)
        self.frames = self.below = self.bridged = 0
        self.first, self.last, self.trust = np.inf, -np.inf, 0.0
        self.sure = np.zeros(count, np.int64)
        self.confidence, self.sum = np.zeros(count), np.zeros(count)
        self.peak, self.peak_s = np.full(count, -np.inf), np.zeros(count)
        self.peak_frame = np.zeros(count, np.int64)
        self.side_sum, self.side_peak = np.zeros((facs.COUNT, 2)), np.zeros((facs.COUNT, 2))
        self.levels = np.zeros((count, len(SCALE)), np.int64)
        self.angle_sum, self.angles = np.zeros(len(ANGLES)), np.zeros(len(ANGLES), np.int64)
        self.low, self.high = np.full(len(ANGLES), np.inf), np.full(len(ANGLES), -np.inf)

    def add(self, block: Block, mine: NDArray[np.bool_], floor: float) -> None:
        rows, seconds = block.rows, block.rows.seconds[mine]
        trust = block.confidence[mine]
        confidence = np.concatenate([rows.confidence[mine], np.repeat(trust[:, None], len(facs.HEAD), 1)], axis=1)
        mean = np.concatenate([block.both[mine], block.head[mine]], axis=1).astype(np.float64)
        strong = np.concatenate([block.sides[mine].max(axis=2), block.head[mine]], axis=1)
        sure = (confidence >= floor) & ~np.isnan(mean)
        self.frames += len(seconds)
        self.below += int((trust < floor).sum())
        self.bridged += sum(face.bridged for face, ours in zip(block.faces, mine, strict=True) if ours)
        self.first, self.last = min(self.first, seconds[0]), max(self.last, seconds[-1])
        self.trust += float(trust.sum())
        self.confidence += confidence.sum(axis=0)
        self.sure += sure.sum(axis=0)
        self.sum += np.where(sure, mean, 0).sum(axis=0)
        self._peak(strong, sure, seconds, rows.frame[mine])
        sides = np.where(sure[:, : facs.COUNT, None], block.sides[mine], 0)
        self.side_sum += sides.sum(axis=0)
        np.maximum(self.side_peak, sides.max(axis=0), out=self.side_peak)
        self._turn(np.concatenate([rows.pose[mine], np.degrees(block.gaze[mine])], axis=1), trust >= floor)

    def _peak(self, values: Any, sure: Any, seconds: Any, frames: Any) -> None:
        for level in range(len(SCALE)):
            self.levels[:, level] += (sure & (levels(values) == level)).sum(axis=0)
        known = np.where(sure, values, -np.inf)
        at = known.argmax(axis=0)
        peak = known.max(axis=0)
        higher = peak > self.peak
        self.peak[higher], self.peak_s[higher] = peak[higher], seconds[at[higher]]
        self.peak_frame[higher] = frames[at[higher]]

    def _turn(self, angles: Any, sure: Any) -> None:
        there = sure[:, None] & ~np.isnan(angles)
        self.angles += there.sum(axis=0)
        self.angle_sum += np.where(there, angles, 0).sum(axis=0)
        np.minimum(self.low, np.where(there, angles, np.inf).min(axis=0), out=self.low)
        np.maximum(self.high, np.where(there, angles, -np.inf).max(axis=0), out=self.high)

    def figures(self, track: int) -> FaceFigures:
        known = {unit.name: self._unit(i, unit) for i, unit in enumerate(CODES) if self.sure[i]}
        ranges = {name: self._range(i) for i, name in enumerate(ANGLES) if self.angles[i]}
        return FaceFigures(
            face_id=track,
            frames=self.frames,
            first_s=float(self.first),
            last_s=float(self.last),
            confidence=self.trust / self.frames,
            below_floor=self.below,
            bridged=self.bridged,
            head={name: found for name, found in ranges.items() if name in ANGLES[:3]},
            gaze={name: found for name, found in ranges.items() if name in ANGLES[3:]},
            units=known,
            unmeasured=tuple(unit.name for unit in CODES if unit.name not in known),
        )

    def _unit(self, i: int, unit: facs.ActionUnit) -> UnitFigures:
        sure = int(self.sure[i])
        left, right = (self._side(i, side, sure) if unit.sided else None for side in range(2))
        return UnitFigures(
            label=unit.label,
            frames=sure,
            mean=float(self.sum[i] / sure),
            peak=float(self.peak[i]),
            peak_s=float(self.peak_s[i]),
            peak_frame=int(self.peak_frame[i]),
            left=left,
            right=right,
            letters={name: float(n / sure) for name, n in zip(SCALE, self.levels[i], strict=True)},
            confidence=float(self.confidence[i] / self.frames),
            below_floor=self.frames - sure,
        )

    def _side(self, i: int, side: int, sure: int) -> Side:
        return Side(mean=float(self.side_sum[i, side] / sure), peak=float(self.side_peak[i, side]))

    def _range(self, i: int) -> Range:
        return Range(low=float(self.low[i]), mean=float(self.angle_sum[i] / self.angles[i]), high=float(self.high[i]))
