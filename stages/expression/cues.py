"""What the skin of a face shows: folds, what covers it, how sharp and how well lit it is.

Landmarks hardly move with some Action Units (AU6, AU9, AU17) and do not notice that a hand lies over the mouth; the
skin does. Every frame is looked at by itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stages.contract import MapStage
from stages.expression import chart, folds
from stages.expression.folds import FOLDS
from stages.packets import Cues, Faces, Frame

REGIONS = ("forehead", "eye_left", "eye_right", "nose", "cheek_left", "cheek_right", "mouth", "chin")
"""What the columns of `packets.Cues.covered` are; an eye has its brow with it, sides are the performer's own."""

__all__ = ["FOLDS", "REGIONS", "SkinCues"]


@dataclass(frozen=True, kw_only=True)
class SkinCues(MapStage):
    """Unwraps every face and measures its skin."""

    def prepare(self) -> None:
        """Build the tables."""
        chart.chart_map()

    def process(self, frame: Frame, faces: Faces) -> Cues:
        """One row a face, in the order of `faces`."""
        charts = [chart.unwrap(frame, face.landmarks) for face in faces.faces]
        count = len(charts)
        strengths = np.array([folds.measure(one) for one in charts], np.float32).reshape(count, len(FOLDS))
        tracks = tuple(face.track for face in faces.faces)
        covered = np.zeros((count, len(REGIONS)), np.float32)
        return Cues(faces.at, tracks, strengths, covered, np.ones(count, np.float32), np.ones(count, np.float32))
