"""Action Unit intensities from landmarks and expression scores.

Per face: head pose by stable points, the person's neutral (`stages.expression.neutral`), then bounded least squares of
the difference on the unit basis (`stages.expression.solve`). Nothing is smoothed in time, so that micro-expressions
survive; smoothing is a stage of its own.

Closing an eye is one movement: its intensity stands in AU43 and in AU45, in every frame the same in both, 5 when an
average open eye is shut. Which of the two FACS would score depends on the duration (AU45 up to half a second), which is
for whoever reads events. AU27 is what the jaw drops beyond AU26's 5. Units that are not measured have intensity 0 and
confidence 0.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stages import facs
from stages.contract import ClipStage, OrderedStage, Timeline
from stages.errors import ConfigError
from stages.expression import basis, neutral, pose, solve
from stages.expression.recipes import REACH
from stages.packets import Face, Faces, FaceUnits, Floats, Job, Scores, Units

Doubles = NDArray[np.float64]

RELIABILITY: Final[Mapping[int, float]] = {
    1: 0.9, 2: 0.9, 4: 0.85, 5: 0.6, 7: 0.5, 10: 0.8, 12: 1.0, 15: 0.85, 17: 0.8, 20: 0.8, 25: 1.0, 26: 0.9, 27: 0.8,
    43: 0.95, 45: 0.95,
}  # fmt: skip
"""Confidence of each measured unit on a frontal, large, present face; the others have 0."""
STRETCH: Final = 0.45 * REACH[26]
"""Intensity of AU27 that moves the jaw as far as 1 of AU26."""


@dataclass(frozen=True, kw_only=True)
class _Measure:
    """What measuring a clip and measuring live have in common.

    full_yaw, no_yaw: degrees between which confidence fades as the head turns. no_size, full_size: pixels of
    interocular distance between which it rises. bridged: its share where optical flow carried the landmarks.
    """

    full_yaw: float = 25.0
    no_yaw: float = 45.0
    no_size: float = 14.0
    full_size: float = 30.0
    bridged: float = 0.5

    def __post_init__(self) -> None:
        if not 0 <= self.full_yaw < self.no_yaw <= 90:
            raise ConfigError(f"units.full_yaw must lie below no_yaw, within 0..90: {self.full_yaw}, {self.no_yaw}")
        if not 0 <= self.no_size < self.full_size:
            raise ConfigError(f"units.no_size must lie below full_size, in pixels: {self.no_size}, {self.full_size}")
        if not 0 <= self.bridged <= 1:
            raise ConfigError(f"units.bridged must be 0..1, it is {self.bridged}")

    def prepare(self) -> None:
        """Load the basis and compile the solver."""
        _ = solve.solver().fit(np.zeros((478, 3)))

    def _trust(self, face: Face, head: pose.Pose) -> float:
        """0..1, how far this frame's landmarks can be believed."""
        turned = (self.no_yaw - abs(head.yaw)) / (self.no_yaw - self.full_yaw)
        large = (head.scale - self.no_size) / (self.full_size - self.no_size)
        held = self.bridged if face.bridged else 1.0
        return float(np.clip(turned, 0, 1) * np.clip(large, 0, 1) * np.clip(face.presence, 0, 1) * held)

    def _measure(self, face: Face, person: Floats) -> FaceUnits:
        """One face against its person's neutral."""
        head = pose.fit(face.landmarks, basis.load().mean)
        values = solve.solver().fit(head.to_face(face.landmarks) - person)
        confidence = np.float32(self._trust(face, head)) * _reliability()
        return FaceUnits(face.track, _named(values), confidence, head.angles)

    def _shape(self, face: Face) -> tuple[Floats, float]:
        """The face in face space, and how far it can tell about the person's neutral."""
        head = pose.fit(face.landmarks, basis.load().mean)
        frontal = float(np.exp(-((head.yaw / 20) ** 2 + (head.pitch / 25) ** 2)))
        return head.to_face(face.landmarks), frontal * self._trust(face, head)


@dataclass(frozen=True, kw_only=True)
class MeasureUnits(_Measure, ClipStage):
    """Measure a whole clip: reads it three times in order, and holds 16 bytes a face and frame."""

    def process(self, faces: Timeline[Faces], scores: Timeline[Scores]) -> Iterator[Units | None]:
        """Intensities above each person's own neutral."""
        people = self.people(faces, scores)
        for packet in faces:
            yield self.against(people, packet) if packet else None

    def against(self, people: Mapping[int, Floats], faces: Faces) -> Units:
        """The intensities of `faces` above known neutrals."""
        return Units(faces.at, tuple(self._measure(face, people[face.track]) for face in faces.faces))

    def people(self, faces: Timeline[Faces], scores: Timeline[Scores]) -> dict[int, Floats]:
        """The neutral of every track."""
        active: dict[int, list[Doubles]] = {}
        for face, row in _scored(faces, scores):
            shape, _ = self._shape(face)
            active.setdefault(face.track, []).append(neutral.activation(row, neutral.lip_gap(shape)))
        waiting = {track: iter(neutral.calmness(np.stack(rows))) for track, rows in active.items()}
        calmest: dict[int, neutral.Calmest] = {}
        for face, row in _scored(faces, scores):
            shape, trust = self._shape(face)
            kept = calmest.setdefault(face.track, neutral.Calmest())
            kept.add(shape, row, trust * next(waiting[face.track]))
        people: dict[int, Floats] = defaultdict(lambda: basis.load().mean)
        people.update((track, kept.neutral()) for track, kept in calmest.items())
        return people


def _scored(faces: Timeline[Faces], scores: Timeline[Scores]) -> Iterator[tuple[Face, Floats]]:
    """Every face that has scores, in order, with its row of them."""
    for packet, told in zip(faces, scores, strict=True):
        if packet is None or told is None:
            continue
        rows = dict(zip(told.tracks, told.values, strict=True))
        yield from ((face, rows[face.track]) for face in packet.faces if face.track in rows)


@dataclass
class _Person:
    """What is known of one face so far."""

    calmest: neutral.Calmest = field(default_factory=neutral.Calmest)
    lowest: Doubles = field(default_factory=lambda: np.full(2, np.inf))
    rest: Floats = field(default_factory=lambda: basis.load().mean)
    frames: int = 0


@dataclass(frozen=True, kw_only=True)
class MeasureUnitsLive(_Measure, OrderedStage[dict[int, _Person]]):
    """Measure frame by frame; the neutral is learned from what was seen so far.

    settle: frames between two estimates of the neutral once it is known; in the first ones it is estimated at 1, 2, 4,
    8, ... frames.
    """

    settle: int = 32

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.settle < 1:
            raise ConfigError(f"units.settle must be at least 1 frame, it is {self.settle}")

    def begin(self, job: Job) -> dict[int, _Person]:
        """Nobody seen yet."""
        return {}

    def process(self, state: dict[int, _Person], faces: Faces, scores: Scores) -> Units:
        """Intensities above the neutral known by now."""
        rows = dict(zip(scores.tracks, scores.values, strict=True))
        measured = []
        for face in faces.faces:
            person = state.setdefault(face.track, _Person())
            if face.track in rows:
                self._learn(person, face, rows[face.track])
            measured.append(self._measure(face, person.rest))
        return Units(faces.at, tuple(measured))

    def _learn(self, person: _Person, face: Face, scores: Floats) -> None:
        shape, trust = self._shape(face)
        activation = neutral.activation(scores, neutral.lip_gap(shape))
        calmer = np.minimum(person.lowest, activation)
        # Frames seen earlier were weighed against a busier calm than the one known now.
        known = np.where(np.isfinite(person.lowest), person.lowest, calmer)
        person.calmest.weight *= np.exp(-(known - calmer) / neutral.CALM)
        person.lowest = calmer
        person.calmest.add(shape, scores, trust * np.exp(-(activation - calmer) / neutral.CALM))
        person.frames += 1
        if person.frames & (person.frames - 1) == 0 or person.frames % self.settle == 0:
            person.rest = person.calmest.neutral()


@cache
def _reliability() -> Floats:
    """(facs.COUNT,)"""
    table = np.zeros(facs.COUNT, np.float32)
    for number, share in RELIABILITY.items():
        table[facs.INDEX[f"AU{number:02d}"]] = share
    table.setflags(write=False)
    return table


def _named(columns: Doubles) -> Floats:
    """(facs.COUNT, 2) reported intensities from the solver's columns."""
    raw = solve.solver().spread(columns)
    jaw, stretch = facs.INDEX["AU26"], facs.INDEX["AU27"]
    raw[stretch] = (raw[jaw] - facs.MAX_INTENSITY) * STRETCH
    raw[facs.INDEX["AU45"]] = raw[facs.INDEX["AU43"]]
    raw[_reliability() == 0] = 0
    values: Floats = np.clip(raw, 0, facs.MAX_INTENSITY)
    return values
