"""Action Unit intensities of every face in every frame.

Per face: what is seen of it (`stages.expression.looks`), the person's neutral (`stages.expression.neutral`), the
coder's reading of one beside the other, and how far that can be believed (`stages.expression.trust`). Nothing is
smoothed in time, so that micro-expressions survive; smoothing is a stage of its own.

Closing an eye is one movement: its intensity stands in AU43 and in AU45, in every frame the same in both. Which of the
two FACS would score depends on the duration (AU45 up to half a second), which is for whoever reads events. AU46 is what
one eye closes while the other is open.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from stages.contract import ClipStage, OrderedStage, Timeline
from stages.errors import ConfigError
from stages.expression import coder, joint, neutral
from stages.expression.carry import known, read, write
from stages.expression.coder import Coder, Rest
from stages.expression.looks import Look, looks, sight
from stages.expression.trust import Trust, free
from stages.packets import Cues, Faces, FaceUnits, Floats, Job, Scores, Stamp, Units

AT_ONCE: Final = 32  # faces that the coder reads at once; more gain nothing
REMEMBERED: Final = 512  # readings that a live neutral goes by

Read = tuple[Look, Floats, Floats]
"""A face, and its intensities and their standard deviations, (columns,) both."""


@dataclass(frozen=True, kw_only=True)
class _Measure:
    """What measuring a clip and live have in common. coder: tells intensities; trust: when to believe them."""

    coder: Coder
    trust: Trust = field(default_factory=Trust)

    def prepare(self) -> None:
        """Open the coder, read the tables and compile the face model."""
        self.coder.prepare()
        neutral.prepare()

    def _told(self, read: Read, rest: Rest) -> FaceUnits:
        look, values, deviation = read
        settled = joint.settled(look, rest, values, deviation)
        confidence = self.trust.confidence(look.picture, settled, deviation, coder.tables().skill)
        return FaceUnits(look.face.track, coder.spread(settled), confidence, look.head.angles)

    def _weight(self, look: Look) -> float:
        """How much a face says about its person's neutral: frontal and uncovered ones the most."""
        frontal = np.exp(-((look.head.yaw / 25) ** 2 + (look.head.pitch / 25) ** 2))
        return float(frontal * self.trust.of_picture(look.picture) * free(look.picture.covered) ** 4)


@dataclass(frozen=True, kw_only=True)
class MeasureUnits(_Measure, ClipStage):
    """Measure a whole clip: reads it three times in order, and holds 350 bytes a face and frame.

    carry: a file of neutrals that another clip's measurement kept; a face of this clip that is one of those people is
    measured against that neutral. keep: a file to write this clip's neutrals to.
    """

    carry: str | None = None
    keep: str | None = None

    def prepare(self) -> None:
        """Read the carried neutrals too, so that a wrong file is reported before the first frame.

        Raises:
            ConfigError: `carry` is no file of neutrals, or there is no folder to `keep` them in.
        """
        super().prepare()
        if self.carry:
            read(Path(self.carry))
        if self.keep and not Path(self.keep).parent.is_dir():
            raise ConfigError(f"units.keep: there is no folder {Path(self.keep).parent} - make it first")

    def process(self, faces: Timeline[Faces], scores: Timeline[Scores], cues: Timeline[Cues]) -> Iterator[Units | None]:
        """Intensities above each person's own neutral."""
        people = self.people(faces, scores, cues)
        if self.keep:
            write(Path(self.keep), people)
        yield from self.against(people, faces, scores, cues)

    def against(
        self, people: Mapping[int, Rest], faces: Timeline[Faces], scores: Timeline[Scores], cues: Timeline[Cues]
    ) -> Iterator[Units | None]:
        """The intensities of faces above known neutrals."""
        average = coder.tables().rest

        def rest(track: int) -> Rest:
            return people.get(track, average)

        for at, found in self._read(faces, scores, cues, rest):
            told = tuple(self._told(read, rest(read[0].face.track)) for read in found)
            yield Units(at, told) if at is not None else None

    def people(self, faces: Timeline[Faces], scores: Timeline[Scores], cues: Timeline[Cues]) -> dict[int, Rest]:
        """The neutral of every track."""
        readings: dict[int, list[tuple[Floats, Floats]]] = {}
        average = coder.tables().rest
        for _, found in self._read(faces, scores, cues, lambda _: average):
            for look, values, deviation in found:
                readings.setdefault(look.face.track, []).append((values, deviation))
        persons = {track: neutral.Person() for track in readings}
        bias = {track: neutral.bias(np.stack([values for values, _ in rows])) for track, rows in readings.items()}
        told = {track: iter(rows) for track, rows in readings.items()}
        for _, present in _frames(faces, scores, cues):
            for look in present:
                values, deviation = next(told[look.face.track])
                persons[look.face.track].add(look, values - bias[look.face.track], deviation, self._weight(look))
        rests = {track: person.rest() for track, person in persons.items()}
        return known(rests, read(Path(self.carry))) if self.carry else rests

    def _read(
        self,
        faces: Timeline[Faces],
        scores: Timeline[Scores],
        cues: Timeline[Cues],
        rest: Callable[[int], Rest],
    ) -> Iterator[tuple[Stamp | None, list[Read]]]:
        """Every frame's readings; no stamp where nobody was looked for."""
        waiting: list[tuple[Stamp | None, list[Look]]] = []
        count = 0
        for at, present in _frames(faces, scores, cues):
            waiting.append((at, present))
            count += len(present)
            if count >= AT_ONCE or len(waiting) >= 8 * AT_ONCE:
                yield from self._together(waiting, rest)
                waiting, count = [], 0
        yield from self._together(waiting, rest)

    def _together(
        self, frames: list[tuple[Stamp | None, list[Look]]], rest: Callable[[int], Rest]
    ) -> Iterator[tuple[Stamp | None, list[Read]]]:
        every = [look for _, present in frames for look in present]
        if not every:
            yield from ((at, []) for at, _ in frames)
            return
        reading = self.coder.read(sight(every), [rest(look.face.track) for look in every])
        rows = iter(zip(every, reading.values, reading.deviation, strict=True))
        for at, present in frames:
            yield at, [next(rows) for _ in present]


def _frames(
    faces: Timeline[Faces], scores: Timeline[Scores], cues: Timeline[Cues]
) -> Iterator[tuple[Stamp | None, list[Look]]]:
    """Everybody who can be read in every frame, in order."""
    for packet, told, shown in zip(faces, scores, cues, strict=True):
        if packet is None:
            yield None, []
        else:
            yield packet.at, looks(packet, told, shown) if told is not None and shown is not None else []


@dataclass
class _Live:
    """What is known of one face so far. readings: of the last frames, beside the average neutral."""

    person: neutral.Person = field(default_factory=neutral.Person)
    rest: Rest = field(default_factory=lambda: coder.tables().rest)
    bias: Floats | None = None
    readings: deque[Floats] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    frames: int = 0


@dataclass(frozen=True, kw_only=True)
class MeasureUnitsLive(_Measure, OrderedStage[dict[int, _Live]]):
    """Measure frame by frame; the neutral is learned from what was seen so far.

    settle: frames between two estimates of the neutral once it is known; in the first ones it is estimated at 1, 2, 4,
    8, ... frames.
    """

    settle: int = 32

    def __post_init__(self) -> None:
        if self.settle < 1:
            raise ConfigError(f"units.settle must be at least 1 frame, it is {self.settle}")

    def begin(self, job: Job) -> dict[int, _Live]:
        """Nobody seen yet."""
        return {}

    def process(self, state: dict[int, _Live], faces: Faces, scores: Scores, cues: Cues) -> Units:
        """Intensities above the neutral known by now."""
        present = looks(faces, scores, cues)
        if not present:
            return Units(faces.at, ())
        seen = sight(present)
        rough = self.coder.read(seen, coder.tables().rest)
        for look, values, deviation in zip(present, rough.values, rough.deviation, strict=True):
            self._learn(state.setdefault(look.face.track, _Live()), look, values, deviation)
        fine = self.coder.read(seen, [state[look.face.track].rest for look in present])
        rows = zip(present, fine.values, fine.deviation, strict=True)
        return Units(faces.at, tuple(self._told(row, state[row[0].face.track].rest) for row in rows))

    def _learn(self, live: _Live, look: Look, values: Floats, deviation: Floats) -> None:
        live.frames += 1
        live.readings.append(values)
        due = live.frames & (live.frames - 1) == 0 or live.frames % self.settle == 0
        if live.bias is None or due:
            live.bias = neutral.bias(np.stack(live.readings))
        live.person.add(look, values - live.bias, deviation, self._weight(look))
        if due:
            live.rest = live.person.rest()
