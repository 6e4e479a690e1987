"""The neutrals of a clip's people, as a wire of their own: found over the whole clip, or learned while it plays.

Whatever is measured, shaped or rendered stands on them, so they are estimated once and handed on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from stages.contract import ClipStage, OrderedStage, Timeline
from stages.errors import ConfigError
from stages.expression import coder, neutral
from stages.expression.carry import known, read, write
from stages.expression.coder import Coder
from stages.expression.looks import Look, looks, sight
from stages.expression.reading import Seen, present
from stages.expression.reading import read as reading
from stages.expression.trust import Trust, free
from stages.packets import Cues, Faces, Floats, Job, Neutral, Neutrals, Scores

REMEMBERED: Final = 512  # readings that a live neutral goes by


@dataclass(frozen=True, kw_only=True)
class _Estimate:
    """What both ways have in common. coder: tells what is at work; trust: which pictures to believe."""

    coder: Coder
    trust: Trust = field(default_factory=Trust)

    def prepare(self) -> None:
        """Open the coder, read the tables and compile the face model."""
        self.coder.prepare()
        neutral.prepare()

    def _weight(self, look: Look) -> float:
        """How much a face says about its person's neutral: frontal and uncovered ones the most."""
        frontal = np.exp(-((look.head.yaw / 25) ** 2 + (look.head.pitch / 25) ** 2))
        return float(frontal * self.trust.of_picture(look.picture) * free(look.picture.covered) ** 4)


@dataclass(frozen=True, kw_only=True)
class FindNeutrals(_Estimate, ClipStage):
    """Every person's neutral, from the whole clip.

    carry: a file of neutrals that another clip's run kept; a face of this clip that is one of those people gets that
    neutral. keep: a file to write this clip's neutrals to. frames: a longer clip is sampled evenly at so many frames.
    """

    carry: str | None = None
    keep: str | None = None
    frames: int = 400

    def __post_init__(self) -> None:
        if self.frames < 1:
            raise ConfigError(f"neutral.frames must be at least 1, it is {self.frames}")

    def prepare(self) -> None:
        """Read the carried neutrals too, so that a wrong file is reported before the first frame.

        Raises:
            ConfigError: `carry` is no file of neutrals, or there is no folder to `keep` them in.
        """
        super().prepare()
        if self.carry:
            read(Path(self.carry))
        if self.keep and not Path(self.keep).parent.is_dir():
            raise ConfigError(f"neutral.keep: there is no folder {Path(self.keep).parent} - make it first")

    def process(
        self, faces: Timeline[Faces], scores: Timeline[Scores], cues: Timeline[Cues]
    ) -> Iterator[Neutrals | None]:
        """The same packet on every frame; none at all in a clip without faces."""
        people = self._people(faces, scores, cues)
        if self.keep:
            write(Path(self.keep), people)
        first = next((packet.at for packet in faces if packet is not None), None)
        found = Neutrals(first, tuple(people), tuple(people.values())) if first is not None else None
        yield from (found for _ in range(len(faces)))

    def _people(self, faces: Timeline[Faces], scores: Timeline[Scores], cues: Timeline[Cues]) -> Mapping[int, Neutral]:
        average = coder.tables().rest
        readings: dict[int, list[tuple[Floats, Floats]]] = {}
        for _, found in reading(self.coder, self._sampled(faces, scores, cues), lambda _: average):
            for look, values, deviation in found:
                readings.setdefault(look.face.track, []).append((values, deviation))
        persons = {track: neutral.Person() for track in readings}
        bias = {track: neutral.bias(np.stack([values for values, _ in rows])) for track, rows in readings.items()}
        told = {track: iter(rows) for track, rows in readings.items()}
        for _, everybody in present(self._sampled(faces, scores, cues)):
            for look in everybody:
                values, deviation = next(told[look.face.track])
                persons[look.face.track].add(look, values - bias[look.face.track], deviation, self._weight(look))
        people = {track: person.rest() for track, person in sorted(persons.items())}
        return known(people, read(Path(self.carry))) if self.carry else people

    def _sampled(self, faces: Timeline[Faces], scores: Timeline[Scores], cues: Timeline[Cues]) -> Iterator[Seen]:
        chosen = np.unique(np.linspace(0, len(faces) - 1, min(len(faces), self.frames)).round().astype(int))
        return ((faces[i], scores[i], cues[i]) for i in chosen)


@dataclass
class _Live:
    """What is known of one face so far. readings: of the last frames, beside the average neutral."""

    person: neutral.Person = field(default_factory=neutral.Person)
    rest: Neutral = field(default_factory=lambda: coder.tables().rest)
    bias: Floats | None = None
    readings: deque[Floats] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    frames: int = 0


@dataclass(frozen=True, kw_only=True)
class LearnNeutrals(_Estimate, OrderedStage[dict[int, _Live]]):
    """Every person's neutral by what was seen so far.

    settle: frames between two estimates once it is known; in the first ones it is estimated at 1, 2, 4, 8, ... frames.
    every: of a face seen in `settle` frames, one of so many frames is learned from, 1..12; neighbours are alike.
    """

    settle: int = 32
    every: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.every <= 12:
            raise ConfigError(f"neutral.every must be 1..12 frames, it is {self.every}")
        if self.settle < 1:
            raise ConfigError(f"neutral.settle must be at least 1 frame, it is {self.settle}")

    def begin(self, job: Job) -> dict[int, _Live]:
        """Nobody is known yet."""
        return {}

    def process(self, state: dict[int, _Live], faces: Faces, scores: Scores, cues: Cues) -> Neutrals:
        """The neutrals known by now."""
        everybody = looks(faces, scores, cues) if self._learns(state, faces) else []
        if everybody:
            rough = self.coder.read(sight(everybody), coder.tables().rest)
            for look, values, deviation in zip(everybody, rough.values, rough.deviation, strict=True):
                self._learn(state.setdefault(look.face.track, _Live()), look, values, deviation)
        return Neutrals(faces.at, tuple(state), tuple(live.rest for live in state.values()))

    def _learns(self, state: dict[int, _Live], faces: Faces) -> bool:
        """Every frame while somebody is hardly known."""
        known = all((live := state.get(face.track)) and live.frames >= self.settle for face in faces.faces)
        return not known or faces.at.index % self.every == 0

    def _learn(self, live: _Live, look: Look, values: Floats, deviation: Floats) -> None:
        live.frames += 1
        live.readings.append(values)
        due = live.frames & (live.frames - 1) == 0 or live.frames % self.settle == 0
        if live.bias is None or due:
            live.bias = neutral.bias(np.stack(live.readings))
        live.person.add(look, values - live.bias, deviation, self._weight(look))
        if due:
            live.rest = live.person.rest()
