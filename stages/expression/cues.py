"""What the skin of a face shows: folds, what covers it, how sharp and how well lit it is.

Landmarks hardly move with some Action Units (AU6, AU9, AU17) and do not notice that a hand lies over the mouth; the
skin does. Every frame is looked at by itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stages.contract import MapStage
from stages.expression import chart, clarity, folds, occlusion
from stages.expression.complexion import SIDE as COARSE
from stages.expression.complexion import complexion
from stages.expression.folds import FOLDS
from stages.expression.occlusion import REGIONS
from stages.expression.relief import SIDE, relief
from stages.packets import Cues, Faces, Floats, Frame

__all__ = ["FOLDS", "REGIONS", "SkinCues"]


@dataclass(frozen=True, kw_only=True)
class SkinCues(MapStage):
    """Unwraps every face and measures its skin."""

    def prepare(self) -> None:
        """Build the tables."""
        chart.chart_map()
        occlusion.network()

    def process(self, frame: Frame, faces: Faces) -> Cues:
        """One row a face, in the order of `faces`."""
        charts = [chart.unwrap(frame, face.landmarks) for face in faces.faces]
        return Cues(
            faces.at,
            tuple(face.track for face in faces.faces),
            folds=_rows([folds.measure(one) for one in charts], len(FOLDS)),
            covered=_rows([occlusion.covered(one) for one in charts], len(REGIONS)),
            sharpness=np.array([clarity.sharpness(one) for one in charts], np.float32),
            light=np.array([clarity.light(one) for one in charts], np.float32),
            relief=np.array([relief(one) for one in charts], np.uint8).reshape(len(charts), SIDE, SIDE),
            complexion=np.array([complexion(one) for one in charts], np.uint8).reshape(len(charts), COARSE, COARSE, 3),
        )


def _rows(values: list[Floats], width: int) -> Floats:
    return np.stack(values) if values else np.zeros((0, width), np.float32)
