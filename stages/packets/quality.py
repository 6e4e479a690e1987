"""Scores of rendered pictures."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from stages.packets.base import Floats, Packet, check

FACE_SCORES: Final = ("jitter", "jitter.source", "motion", "flicker", "sharpness.ratio")
"""Columns of `Quality.values`.

jitter, jitter.source: RMS second difference of the aligned landmarks, output minus source and source, in interocular
distances. motion: how fast the source's aligned landmarks move, RMS, interocular distances a frame. flicker: what is
left of the change from frame to frame when motion is taken out, output over source. sharpness.ratio: local contrast
inside the mask, output over source.
"""


@dataclass(frozen=True, slots=True, repr=False)
class Quality(Packet):
    """Scores of a frame: rows in the order of `tracks`, columns of `FACE_SCORES`, NaN where none was taken.

    background: share of samples outside every mask that are the source's, bit by bit; NaN if not looked at.
    """

    tracks: tuple[int, ...]
    values: Floats
    background: float = math.nan

    def __post_init__(self) -> None:
        check(self.values, (len(self.tracks), len(FACE_SCORES)), np.float32, "Quality.values")
