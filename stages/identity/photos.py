"""From photos and clips to faces that can be laid flat, and a plain word on each that cannot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

import numpy as np

from stages.errors import ClipError, ConfigError
from stages.expression.cues import REGIONS, SkinCues
from stages.expression.looks import Look, looks
from stages.expression.trust import free, hidden
from stages.faces.blendshapes import NAMES, Blendshapes
from stages.faces.embed import Embedder
from stages.faces.track import TrackFaces
from stages.media import planes
from stages.media.decode import Decode
from stages.packets import Clip, Floats, Frame, Job

Which = int | Literal["largest"] | None
"""A face by its number from the picture's left, from 1; the largest; or None: there must be only one."""
BESIDE: Final = 0.25
"""Of the largest face's size: smaller ones are passers-by and do not count."""
PROFILE: Final = 60.0
"""Degrees of yaw beyond which landmarks are guesses."""
DIM: Final = 0.5
"""Light, 0..1, below which a picture is badly lit."""
STRONG: Final = 0.9
"""Root sum of squared expression scores at which a face counts 0.6 of a calm one."""
BUSY: Final = 0.5
"""Calmness below which an expression is called strong."""
APART_DEGREES, APART_SCORES = 12.0, 0.8
"""Of yaw and pitch, and of expression scores: as far as that apart, two frames of a clip are nothing alike."""
LITTLE: Final = 0.08
"""Share of the best frame's worth below which one more adds nothing."""
_SIDES: Final = ("Left", "Right")
_EXPRESSIVE: Final = [
    NAMES.index(f"{name}{side}")
    for name, sides in (
        ("jawOpen", ("",)),
        ("mouthSmile", _SIDES),
        ("eyeBlink", _SIDES),
        ("browDown", _SIDES),
        ("mouthPucker", ("",)),
        ("mouthFunnel", ("",)),
        ("mouthUpperUp", _SIDES),
    )
    for side in sides
]
AROUND: Final = 0.35
"""Of the face's size that is kept on every side of it."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """A face in a frame of a photo or clip."""

    frame: int
    look: Look

    @property
    def size(self) -> float:
        """Pixels of the face's longer side."""
        box = self.look.face.box
        return float(max(box[2] - box[0], box[3] - box[1]))


@dataclass(frozen=True, slots=True)
class Shot(Sighting):
    """A face that is used. source: its file; still: a photo, no clip. picture: (h, w, 3) R'G'B' around it. landmarks:
    (478, 3) in its pixels. vectors: embeddings by their embedder's key. doubts: what speaks against it, in words."""

    source: Path
    still: bool
    picture: Floats
    landmarks: Floats
    vectors: Mapping[str, Floats]
    doubts: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The file's name, with the frame of a clip."""
        return self.source.name if self.still else f"{self.source.name} frame {self.frame}"


@dataclass(frozen=True, kw_only=True)
class Photos:
    """Finds the faces. embedders: tell who they are, the first whether all are one person.

    min_size: pixels of a face's longer side below which it is refused; good_size: below which it is doubted. max_yaw:
    degrees beyond which a face counts as a profile. sharp: 0..1 below which it is blurred. free: 0..1, share of the
    face that must be uncovered. frames: of a clip that are looked at; keep: of them at most.
    """

    tracker: TrackFaces
    scores: Blendshapes
    embedders: Sequence[Embedder]
    cues: SkinCues = field(default_factory=SkinCues)
    decode: Decode = field(default_factory=Decode)
    min_size: float = 48
    good_size: float = 80
    max_yaw: float = 35
    sharp: float = 0.3
    free: float = 0.6
    frames: int = 120
    keep: int = 8

    def __post_init__(self) -> None:
        if not 0 < self.min_size <= self.good_size:
            raise ConfigError(f"min_size must lie above 0 and not above good_size: {self.min_size}, {self.good_size}")
        if not 0 < self.max_yaw <= 90:
            raise ConfigError(f"max_yaw must lie above 0, up to 90 degrees; it is {self.max_yaw}")
        if not self.embedders:
            raise ConfigError("embedders must name one at least, to tell whether all pictures show one person")
        for name in ("sharp", "free"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"{name} must be 0..1, it is {getattr(self, name)}")
        for name in ("frames", "keep"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be at least 1, it is {getattr(self, name)}")

    def prepare(self) -> None:
        """Open the models."""
        for stage in (self.tracker, self.scores, self.cues):
            stage.prepare()
        for embedder in self.embedders:
            embedder.prepare()

    def find(self, path: Path, which: Which = None) -> list[Shot]:
        """The usable faces of a photo (one) or of a clip (up to `keep`), best first.

        Raises:
            ClipError: unreadable, no face, several, too small, turned away, blurred, covered.
        """
        clip = self.decode.probe(path)
        seen = list(self._seen(clip))
        everybody = _people(seen)
        if not everybody:
            raise ClipError(f"{path.name}: no face found; give a picture in which the face is large and looks here")
        track = _chosen(path, everybody, which)
        told = [(sight, self.fault(sight)) for sight in seen if sight.look.face.track == track]
        good = [sight for sight, fault in told if fault is None]
        if not good:
            raise ClipError(f"{path.name}: {told[len(told) // 2][1]}")
        return [self._shot(path, clip, sight) for sight in diverse(good, self.keep)]

    def _seen(self, clip: Clip) -> Iterator[Sighting]:
        """Every face of every frame that is looked at."""
        state = self.tracker.begin(Job(clip, Path()))
        step = max(1, (clip.frames or 1) // self.frames)
        for frame in self.decode.frames(clip):
            if frame.at.index % step:
                continue
            if (faces := self.tracker.process(state, frame)) is not None:
                found = looks(faces, self.scores.process(faces), self.cues.process(frame, faces))
                yield from (Sighting(frame.at.index, look) for look in found if not look.face.bridged)

    def _shot(self, path: Path, clip: Clip, sight: Sighting) -> Shot:
        frame = next(self.decode.frames(clip, start=sight.frame, stop=sight.frame + 1))
        box = _around(frame, sight.look.face.box)
        corner = np.array([*box[:2], 0], np.float32)
        landmarks = sight.look.face.landmarks
        return Shot(
            sight.frame,
            sight.look,
            path,
            clip.kind == "still",
            planes.crop(frame, box),
            landmarks - corner,
            {key: one.vector(frame, landmarks) for key, one in {one.key: one for one in self.embedders}.items()},
            self.doubts(sight),
        )

    def fault(self, shot: Sighting) -> str | None:
        """Why a face cannot be used, or None."""
        picture = shot.look.picture
        if shot.size < self.min_size:
            return f"the face has {shot.size:.0f} pixels, {self.min_size:.0f} are needed; give a larger picture"
        if abs(picture.yaw) > PROFILE:
            return f"the face is turned away by {abs(picture.yaw):.0f} degrees; give one that looks at the camera"
        if picture.sharpness < self.sharp:
            return "the face is blurred; give a sharper picture"
        if free(picture.covered) < self.free:
            return "something covers the face; give a picture without hands, masks or large sunglasses"
        return None

    def doubts(self, shot: Sighting) -> tuple[str, ...]:
        """What speaks against a face that can be used, in words."""
        picture, told = shot.look.picture, []
        if shot.size < self.good_size:
            told.append(f"small: {shot.size:.0f} pixels, {self.good_size:.0f} and more show detail")
        if abs(picture.yaw) > self.max_yaw:
            told.append(f"half a profile: {abs(picture.yaw):.0f} degrees")
        if picture.sharpness < 2 * self.sharp:
            told.append("not quite sharp")
        if picture.light < DIM:
            told.append("badly lit")
        if (hiding := hidden(picture.covered)).max() > 0.5:
            told.append(f"covered: {', '.join(REGIONS[i].replace('_', ' ') for i in np.flatnonzero(hiding > 0.5))}")
        if calmness(shot) < BUSY:
            told.append("a strong expression")
        return tuple(told)


def diverse(sights: Sequence[Sighting], count: int) -> list[Sighting]:
    """The best face first, then those that are good and unlike all before them in pose and expression."""
    value = np.array([goodness(sight) * calmness(sight) for sight in sights])
    traits = np.stack(
        [np.r_[sight.look.head.angles[:2] / APART_DEGREES, sight.look.scores / APART_SCORES] for sight in sights]
    )
    chosen, apart = [int(value.argmax())], np.full(len(sights), np.inf)
    while len(chosen) < min(count, len(sights)):
        apart = np.minimum(apart, np.linalg.norm(traits - traits[chosen[-1]], axis=1))
        worth = value * np.minimum(apart, 1)
        if worth.max() < LITTLE * value.max():
            break
        chosen.append(int(worth.argmax()))
    return [sights[index] for index in chosen]


def calmness(shot: Sighting) -> float:
    """1 for a face at rest, falling to 0 with open mouth, smile, closed eyes, lowered brows and pursed lips."""
    busy = float(np.square(shot.look.scores[_EXPRESSIVE]).sum())
    return float(np.exp(-busy / (2 * STRONG**2)))


def goodness(shot: Sighting) -> float:
    """How much a face says: large, sharp, from the front, well lit, uncovered."""
    picture = shot.look.picture
    frontal = np.exp(-((shot.look.head.yaw / 25) ** 2 + (shot.look.head.pitch / 25) ** 2))
    large = min(shot.size / 400, 1.0) ** 0.5
    return float(frontal * large * (0.2 + picture.sharpness) * (0.2 + picture.light) * _uncovered(picture.covered))


def _uncovered(covered: Floats) -> float:
    """0..1, by the region that is covered most: a hand that shows in one has hardly ever left the others clean."""
    return float(free(covered) * (1 - 0.9 * hidden(covered)[1:].max()))


def _people(seen: Sequence[Sighting]) -> dict[int, tuple[float, float]]:
    """Track -> median place across and median size, without passers-by; in order from the picture's left."""
    tracks: dict[int, list[tuple[float, float]]] = {}
    for sight in seen:
        face = sight.look.face
        tracks.setdefault(face.track, []).append((float(face.box[[0, 2]].mean()), sight.size))
    middle = {
        track: (float(np.median([x for x, _ in rows])), float(np.median([s for _, s in rows])))
        for track, rows in tracks.items()
    }
    largest = max((size for _, size in middle.values()), default=0)
    near = {track: place for track, place in middle.items() if place[1] >= BESIDE * largest}
    return dict(sorted(near.items(), key=lambda item: item[1][0]))


def _chosen(path: Path, everybody: dict[int, tuple[float, float]], which: Which) -> int:
    tracks = list(everybody)
    if which == "largest":
        return max(tracks, key=lambda track: everybody[track][1])
    if which is not None:
        if not 1 <= which <= len(tracks):
            raise ClipError(f"{path.name}: there is no face {which}, it shows {len(tracks)} (from the left)")
        return tracks[which - 1]
    if (count := len(tracks)) > 1:
        raise ClipError(
            f"{path.name}: it shows {count} faces; say which with --face 1..{count} (from the picture's left), "
            "or --face largest, or crop the picture"
        )
    return tracks[0]


def _around(frame: Frame, box: Floats) -> tuple[int, int, int, int]:
    more = AROUND * float(max(box[2] - box[0], box[3] - box[1]))
    x0, y0, x1, y1 = (float(value) for value in box)
    return planes.align(
        (
            max(0.0, x0 - more),
            max(0.0, y0 - more),
            min(float(frame.width), x1 + more),
            min(float(frame.height), y1 + more),
        ),
        frame,
    )
