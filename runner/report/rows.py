"""The curves of a clip as blocks of rows: one row per frame and track, read once, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Final

import numpy as np
from numpy.typing import NDArray

from runner.report import quality as scores
from stages import facs
from stages.contract import Timeline
from stages.packets import FaceUnits, Floats, Quality, Units

CURVES: Final = ("measured", "asked", "achieved")
BLOCK: Final = 2048  # rows: about 1.8 MB of numbers, one Parquet row group


@dataclass(frozen=True, slots=True)
class Rows:
    """n rows in order of frame, then track.

    frame int64, pts int64, seconds float64, track int64, all (n,). values: (n, 3, facs.COUNT, 2) float32 intensities
    0..5 in the order of `CURVES`, left and right, NaN where a curve is absent. confidence: (n, facs.COUNT) 0..1.
    pose: (n, 3) yaw, pitch, roll in degrees. scores: (n, len(SCORES)) of `runner.report.quality`, NaN where none was
    taken.
    """

    frame: NDArray[np.int64]
    pts: NDArray[np.int64]
    seconds: NDArray[np.float64]
    track: NDArray[np.int64]
    values: Floats
    confidence: Floats
    pose: Floats
    scores: Floats

    @classmethod
    def empty(cls, rows: int) -> Rows:
        """Room for `rows` rows, values NaN."""
        whole = [np.zeros(rows, np.int64) for _ in range(3)]
        values = np.full((rows, len(CURVES), facs.COUNT, 2), np.nan, np.float32)
        confidence, pose = np.zeros((rows, facs.COUNT), np.float32), np.zeros((rows, 3), np.float32)
        taken = np.full((rows, len(scores.SCORES)), np.nan, np.float32)
        return cls(whole[0], whole[1], np.zeros(rows), whole[2], values, confidence, pose, taken)

    def __len__(self) -> int:
        return len(self.frame)

    def head(self, rows: int) -> Rows:
        """The first `rows` rows, as views."""
        return Rows(*(getattr(self, field.name)[:rows] for field in fields(self)))


def blocks(
    tracks: Mapping[str, Timeline[Units]], size: int = BLOCK, quality: Timeline[Quality] | None = None
) -> Iterator[Rows]:
    """Walk the timelines together and yield blocks of at most `size` rows.

    A frame without any face has no row. Identity, confidence and pose are the measured curve's; a curve with no packet
    for a frame (a re-measurement of some frames only) is NaN there.

    Raises:
        KeyError: there is no `measured` timeline.
    """
    measured = tracks["measured"]
    others = [(i, tracks[name]) for i, name in enumerate(CURVES) if i and name in tracks]
    block, used = Rows.empty(size), 0
    for index, units in enumerate(measured):
        if units is None:
            continue
        beside = [(i, _by_track(line[index] if index < len(line) else None)) for i, line in others]
        judged = quality[index] if quality is not None else None
        for face in units.faces:
            _fill(block, used, units, face, beside)
            block.scores[used] = scores.row(judged, face.track)
            used += 1
            if used == size:
                yield block
                block, used = Rows.empty(size), 0
    if used:
        yield block.head(used)


def _by_track(units: Units | None) -> dict[int, FaceUnits]:
    return {face.track: face for face in units.faces} if units else {}


def _fill(rows: Rows, at: int, units: Units, face: FaceUnits, beside: list[tuple[int, dict[int, FaceUnits]]]) -> None:
    stamp = units.at
    rows.frame[at], rows.pts[at], rows.seconds[at], rows.track[at] = stamp.index, stamp.pts, stamp.seconds, face.track
    rows.values[at, 0], rows.confidence[at], rows.pose[at] = face.values, face.confidence, face.pose
    for curve, faces in beside:
        if face.track in faces:
            rows.values[at, curve] = faces[face.track].values
