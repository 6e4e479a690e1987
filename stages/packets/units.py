"""Action Units and what happens in their curves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stages import facs
from stages.packets.base import Floats, Packet, ShowsShapes, check


@dataclass(frozen=True, slots=True, repr=False)
class FaceUnits(ShowsShapes):
    """Action Units of one face in one frame.

    values: (facs.COUNT, 2) intensities 0..5 (FACS A..E = 1..5; what a gain asks for may go to 10), columns performer's
    left and right; equal where FACS has no sides. confidence: (facs.COUNT,) 0..1. pose: (3,) head yaw, pitch, roll in
    degrees (right-handed; yaw > 0 turns toward the performer's left, pitch > 0 looks up, roll > 0 tilts toward the
    performer's right shoulder).
    """

    track: int
    values: Floats
    confidence: Floats
    pose: Floats

    def __post_init__(self) -> None:
        check(self.values, (facs.COUNT, 2), np.float32, "FaceUnits.values")
        check(self.confidence, (facs.COUNT,), np.float32, "FaceUnits.confidence")
        check(self.pose, (3,), np.float32, "FaceUnits.pose")


@dataclass(frozen=True, slots=True, repr=False)
class Units(Packet):
    """Action Units of every face of a frame, in order of track id."""

    faces: tuple[FaceUnits, ...]


@dataclass(frozen=True, slots=True)
class MicroEvent:
    """A short movement of one Action Unit that stands out from its slower course.

    track: whose. unit: row of `facs.UNITS`. side: 0 performer's left, 1 right, 2 both. onset, apex, offset: frames; the
    movement lies strictly between onset and offset. strength: intensity of the apex above the course under it.
    confidence: 0..1. brief: lasts at most half a second; if not, only its onset is quick (Yan et al. 2013).
    """

    track: int
    unit: int
    side: int
    onset: int
    apex: int
    offset: int
    strength: float
    confidence: float
    brief: bool


@dataclass(frozen=True, slots=True, repr=False)
class Events(Packet):
    """The micro-events that begin in this frame."""

    events: tuple[MicroEvent, ...]
