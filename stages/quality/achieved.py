"""What was achieved: the Action Units of the rendered faces, measured as those of the source were."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from stages.contract import ClipStage, Timeline
from stages.expression.units import MeasureUnits
from stages.packets import Cues, Faces, Scores, Units


@dataclass(frozen=True, kw_only=True)
class Achieved(ClipStage):
    """Units of `seen` faces above the neutral that the source's own wires give.

    measure: how the source was measured, so that both stand on the same neutral.
    """

    measure: MeasureUnits

    def process(
        self,
        faces: Timeline[Faces],
        scores: Timeline[Scores],
        cues: Timeline[Cues],
        seen: Timeline[Faces],
        seen_scores: Timeline[Scores],
        seen_cues: Timeline[Cues],
    ) -> Iterator[Units | None]:
        """One packet for every frame that was looked at again."""
        if all(packet is None for packet in seen):  # nothing was edited, so no neutral is needed
            yield from (None for _ in seen)
            return
        people = self.measure.people(faces, scores, cues)
        yield from self.measure.against(people, seen, seen_scores, seen_cues)
