"""What was achieved: the Action Units of the rendered faces, measured as those of the source were."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from stages.contract import ClipStage, Timeline
from stages.expression.units import MeasureUnits
from stages.packets import Cues, Faces, Neutrals, Scores, Units


@dataclass(frozen=True, kw_only=True)
class Achieved(ClipStage):
    """Units of `seen` faces above the source's own neutrals. measure: how the source was measured."""

    measure: MeasureUnits

    def prepare(self) -> None:
        """Open the coder."""
        self.measure.prepare()

    def process(
        self,
        neutrals: Timeline[Neutrals],
        seen: Timeline[Faces],
        seen_scores: Timeline[Scores],
        seen_cues: Timeline[Cues],
    ) -> Iterator[Units | None]:
        """One packet for every frame that was looked at again."""
        yield from self.measure.process(seen, seen_scores, seen_cues, neutrals)
