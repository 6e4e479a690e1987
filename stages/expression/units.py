"""Action Unit intensities of every face in every frame.

Per face: what is seen of it (`stages.expression.looks`), the person's neutral (`stages.expression.neutrals`), the
coder's reading of one beside the other, and how far that can be believed (`stages.expression.trust`). Nothing is
smoothed in time, so that micro-expressions survive; smoothing is a stage of its own.

Closing an eye is one movement: its intensity stands in AU43 and in AU45, in every frame the same in both. Which of the
two FACS would score depends on the duration (AU45 up to half a second), which is for whoever reads events. AU46 is what
one eye closes while the other is open.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from stages.contract import ClipStage, MapStage, Timeline
from stages.expression import coder, joint, neutral, reading
from stages.expression.coder import Coder
from stages.expression.looks import looks, sight
from stages.expression.reading import Read
from stages.expression.trust import Trust
from stages.packets import Cues, Faces, FaceUnits, Neutral, Neutrals, Scores, Units


@dataclass(frozen=True, kw_only=True)
class _Measure:
    """What measuring a clip and live have in common. coder: tells intensities; trust: when to believe them."""

    coder: Coder
    trust: Trust = field(default_factory=Trust)

    def prepare(self) -> None:
        """Open the coder, read the tables and compile the face model."""
        self.coder.prepare()
        neutral.prepare()

    def _told(self, read: Read, rest: Neutral) -> FaceUnits:
        look, values, deviation = read
        settled = joint.settled(look, rest, values, deviation)
        confidence = self.trust.confidence(look.picture, settled, deviation, coder.tables().skill)
        return FaceUnits(look.face.track, coder.spread(settled), confidence, look.head.angles)


def _beside(neutrals: Neutrals | None, track: int) -> Neutral:
    """A track's neutral; the average while nobody knows it."""
    return (neutrals.of(track) if neutrals is not None else None) or coder.tables().rest


@dataclass(frozen=True, kw_only=True)
class MeasureUnits(_Measure, ClipStage):
    """Measure a whole clip beside the neutrals that hold for it: those known at its end."""

    def process(
        self, faces: Timeline[Faces], scores: Timeline[Scores], cues: Timeline[Cues], neutrals: Timeline[Neutrals]
    ) -> Iterator[Units | None]:
        """Intensities above each person's own neutral; None where nobody was looked for."""
        people = next((packet for packet in reversed(neutrals) if packet is not None), None)
        frames = zip(faces, scores, cues, strict=True)
        for at, found in reading.read(self.coder, frames, lambda track: _beside(people, track)):
            told = tuple(self._told(one, _beside(people, one[0].face.track)) for one in found)
            yield Units(at, told) if at is not None else None


@dataclass(frozen=True, kw_only=True)
class MeasureUnitsLive(_Measure, MapStage):
    """Measure frame by frame beside the neutrals known by then."""

    def process(self, faces: Faces, scores: Scores, cues: Cues, neutrals: Neutrals) -> Units:
        """Intensities above each person's own neutral."""
        everybody = looks(faces, scores, cues)
        if not everybody:
            return Units(faces.at, ())
        rests = [_beside(neutrals, look.face.track) for look in everybody]
        fine = self.coder.read(sight(everybody), rests)
        rows = zip(everybody, fine.values, fine.deviation, strict=True)
        return Units(faces.at, tuple(self._told(row, rest) for row, rest in zip(rows, rests, strict=True)))
