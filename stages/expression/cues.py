"""What the skin of a face shows: folds, what covers it, how sharp and how well lit it is.

Landmarks hardly move with some Action Units (AU6, AU9, AU17) and do not notice that a hand lies over the mouth; the
skin does. Every frame is looked at by itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from stages.contract import MapStage, OrderedStage
from stages.errors import ConfigError
from stages.expression import chart, clarity, folds, occlusion
from stages.expression.complexion import SIDE as COARSE
from stages.expression.complexion import complexion
from stages.expression.folds import FOLDS
from stages.expression.occlusion import REGIONS
from stages.expression.relief import SIDE, relief
from stages.packets import Cues, Faces, Floats, Frame, Job

__all__ = ["FOLDS", "REGIONS", "SkinCues", "SkinCuesLive"]


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


@dataclass
class Seen:
    """What was seen when somebody last looked."""

    cues: Cues | None = None
    frame: int = 0


@dataclass(frozen=True, kw_only=True)
class SkinCuesLive(OrderedStage[Seen]):
    """Looks at the skin on every `every`-th frame, 1..12, and says the same until then; at once when a face is new.

    Folds follow expression, but what covers a face, its light and its sharpness do not change within 100 ms, and eyes,
    brows and lips are measured by landmarks and scores on every frame.
    """

    every: int = 3
    skin: SkinCues = field(default_factory=SkinCues)

    def __post_init__(self) -> None:
        if not 1 <= self.every <= 12:
            raise ConfigError(f"cues.every must be 1..12 frames, it is {self.every}")

    def prepare(self) -> None:
        """Build the tables."""
        self.skin.prepare()

    def begin(self, job: Job) -> Seen:
        """Nobody was looked at yet."""
        return Seen()

    def process(self, state: Seen, frame: Frame, faces: Faces) -> Cues:
        """One row a face, in the order of `faces`."""
        tracks = tuple(face.track for face in faces.faces)
        held = state.cues
        if held is None or held.tracks != tracks or frame.at.index - state.frame >= self.every:
            state.cues, state.frame = self.skin.process(frame, faces), frame.at.index
            return state.cues
        return replace(held, at=faces.at)


def _rows(values: list[Floats], width: int) -> Floats:
    return np.stack(values) if values else np.zeros((0, width), np.float32)
