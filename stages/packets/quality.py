"""Scores of rendered pictures."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from stages.packets.base import Floats, Packet, Stamp, check

FACE_SCORES: Final = (
    "jitter",
    "jitter.source",
    "motion",
    "flicker",
    "sharpness.ratio",
    "seam.delta_e",
    "seam.delta_e.source",
    "seam.delta_e.ratio",
    "skin.delta_e",
    "pose.error_deg",
    "identity.cosine",
    "identity.performer",
    "naturalness",
)
"""Columns of `Quality.values`, the one list of what is scored by frame and face.

jitter, jitter.source: RMS second difference of the aligned landmarks, output minus source and source, in interocular
distances. motion: how fast the source's aligned landmarks move, RMS, interocular distances a frame. flicker: what is
left of the change from frame to frame when motion is taken out, output over source. sharpness.ratio: local contrast
inside the mask, output over source. seam.delta_e, seam.delta_e.source: mean CIEDE2000 step across the mask's edge, of
output and source; seam.delta_e.ratio: the one over the other, place by place. skin.delta_e: CIEDE2000 by which light
and tone of the face left those of the performer's. pose.error_deg: angle between the heads of output and source.
identity.cosine, identity.performer: similarity of the output's embedding to the wanted identity's and to the
performer's own. naturalness: 1..5, of the above (`stages.quality.naturalness`).
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

    @classmethod
    def of(cls, at: Stamp, scores: Mapping[int, Mapping[str, float]], background: float = math.nan) -> Quality:
        """Of each track the scores that were taken, by name."""
        tracks = tuple(sorted(scores))
        rows = [[scores[track].get(name, math.nan) for name in FACE_SCORES] for track in tracks]
        return cls(at, tracks, np.array(rows, np.float32).reshape(len(tracks), len(FACE_SCORES)), background)

    def by_track(self) -> dict[int, dict[str, float]]:
        """Of each track the scores that were taken, by name; the inverse of `of`."""
        rows = zip(self.tracks, self.values.tolist(), strict=True)
        return {
            track: {name: value for name, value in zip(FACE_SCORES, row, strict=True) if not math.isnan(value)}
            for track, row in rows
        }
