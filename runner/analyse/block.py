"""What was measured of a clip, as blocks of rows: one row a face and frame, read once, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from runner.analyse import openface
from runner.report.rows import Rows, blocks
from stages import facs
from stages.contract import Timeline
from stages.faces import layouts
from stages.packets import Face, Faces, Floats, Units

Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Block:
    """n rows in order of frame, then face; what was not measured is NaN.

    rows: the Action Units as they were measured. faces: the n faces they were measured on.
    """

    rows: Rows
    faces: tuple[Face, ...]

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def sides(self) -> Floats:
        """(n, facs.COUNT, 2) intensities 0..5, performer's left and right."""
        unmeasured = (self.rows.confidence == 0)[:, :, None]
        return np.where(unmeasured, np.float32(np.nan), self.rows.values[:, 0])

    @cached_property
    def both(self) -> Floats:
        """(n, facs.COUNT) mean of the two sides."""
        mean: Floats = self.sides.mean(axis=2)
        return mean

    @cached_property
    def head(self) -> Floats:
        """(n, len(facs.HEAD)) intensities 0..5 of the head's positions."""
        return np.array([facs.head(*map(float, pose)) for pose in self.rows.pose], np.float32).reshape(-1, 6)

    @cached_property
    def confidence(self) -> Floats:
        """(n,) 0..1, of the unit that was seen best."""
        best: Floats = self.rows.confidence.max(axis=1)
        return best

    @cached_property
    def _turned(self) -> Doubles:
        return openface.rotations(self.rows.pose)

    @cached_property
    def euler(self) -> Doubles:
        """(n, 3) OpenFace's `pose_Rx`, `pose_Ry`, `pose_Rz`."""
        return openface.euler(self._turned)

    @cached_property
    def gaze(self) -> Doubles:
        """(n, 2) OpenFace's `gaze_angle_x`, `gaze_angle_y`."""
        return openface.gaze(self.both, self._turned)

    @cached_property
    def points(self) -> Floats:
        """(n, 478, 3) landmarks in luma pixels."""
        return np.stack([face.landmarks for face in self.faces])

    @cached_property
    def points_106(self) -> Floats:
        """(n, 106, 2) landmarks as InsightFace's 2d106det orders them."""
        return layouts.TO_106 @ self.points[:, :, :2]

    @cached_property
    def points_68(self) -> Floats:
        """(n, 68, 2) landmarks as iBUG 300-W orders them."""
        return layouts.TO_68 @ self.points[:, :, :2]


def walk(units: Timeline[Units], faces: Timeline[Faces]) -> Iterator[Block]:
    """The clip block by block."""
    for rows in blocks({"measured": units}):
        yield Block(rows, tuple(_faces(rows, faces)))


def _faces(rows: Rows, faces: Timeline[Faces]) -> Iterator[Face]:
    at, there = -1, dict[int, Face]()
    for frame, track in zip(rows.frame.tolist(), rows.track.tolist(), strict=True):
        if frame != at:
            packet = faces[frame]
            at, there = frame, {face.track: face for face in packet.faces} if packet else {}
        yield there[track]
