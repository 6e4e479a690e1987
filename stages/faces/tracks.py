"""What a tracker remembers: live tracks, lost ones, and who is who."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from fractions import Fraction

import cv2
import numpy as np

from stages.faces.roi import bounds, overlap
from stages.media import planes
from stages.packets import Face, Floats, Frame

_SAME_FACE = 0.5  # intersection over union above which two tracks are on one face
_JUMP = 0.35  # of a face's size: further than a head moves between two frames
_REACH = 1.5  # of a face's size: how far away a lost face may come back
_GROWTH = 1.6  # by how much it may have grown or shrunk meanwhile


@dataclass
class Track:
    """One face over time. landmarks: (478, 3) as last seen. seen: when they were last measured, not bridged.

    What recognition knows: vector: who it is; looked: when that was last checked; strange: looks in a row that showed
    somebody else; doubt: distance of the last one over the same-person distance; home: landmarks when it was last sure.
    """

    id: int
    landmarks: Floats
    presence: float
    seen: Fraction
    moved: float = 0.0
    bridged: bool = False
    vector: Floats | None = None
    looks: float = 0.0
    looked: Fraction | None = None
    strange: int = 0
    doubt: float = 0.0
    home: Floats | None = None

    @property
    def box(self) -> Floats:
        """(4,) around the landmarks."""
        return bounds(self.landmarks)

    @property
    def size(self) -> float:
        """The longer side of the box, in luma pixels."""
        box = self.box
        return float(max(box[2] - box[0], box[3] - box[1]))

    def face(self) -> Face:
        """The packet's entry."""
        return Face(self.id, self.box, self.landmarks, self.presence, self.bridged)

    def update(self, landmarks: Floats, presence: float, at: Fraction) -> None:
        """A new measurement."""
        self.moved = distance(self, landmarks)
        self.landmarks, self.presence, self.seen, self.bridged = landmarks, presence, at, False

    def learn(self, vector: Floats, kept: float) -> None:
        """A look that is surely this person's; the last `kept` count."""
        self.looks = min(self.looks + 1, kept)
        before = self.vector if self.vector is not None else vector
        mixed = before + (vector - before) / np.float32(self.looks)
        self.vector, self.home = (mixed / np.linalg.norm(mixed)).astype(np.float32), self.landmarks


@dataclass
class Memory:
    """The state that a clip's frames pass through."""

    live: list[Track] = field(default_factory=list)
    lost: list[Track] = field(default_factory=list)
    before: Frame | None = None
    searched: Fraction | None = None
    next_id: int = 0

    def drop(self, track: Track, *, astray: bool = False) -> None:
        """Stop following a track, but remember it; one that went astray where it was last sure of itself."""
        self.live.remove(track)
        self.lost.append(track)
        if astray and track.home is not None:
            track.landmarks = track.home

    def forget(self, older_than: Fraction) -> None:
        """Give up on faces that were lost before this time."""
        self.lost = [track for track in self.lost if track.seen >= older_than]

    def reset(self) -> None:
        """A cut: nobody of before is here."""
        self.live.clear()
        self.lost.clear()

    def admit(
        self, landmarks: Floats, presence: float, at: Fraction, might: Callable[[Track], bool] = lambda _: True
    ) -> Track:
        """A face that no live track is on: of the lost ones that it `might` be the one that fits best, or a new one."""
        fitting = [track for track in self.lost if _fits(track, landmarks) and might(track)]
        if fitting:
            return self.resume(min(fitting, key=lambda track: distance(track, landmarks)), landmarks, presence, at)
        return self.start(landmarks, presence, at)

    def resume(self, track: Track, landmarks: Floats, presence: float, at: Fraction) -> Track:
        """A lost track is there again."""
        self.lost.remove(track)
        track.update(landmarks, presence, at)
        track.moved, track.strange, track.doubt = 0.0, 0, 0.0
        return self._live(track)

    def start(self, landmarks: Floats, presence: float, at: Fraction) -> Track:
        """Somebody new."""
        self.next_id += 1
        return self._live(Track(self.next_id - 1, landmarks, presence, at))

    def without_duplicates(self) -> None:
        """Where two tracks have run onto one face, the one that it is less like is dropped; if nobody was looked at,
        the one that came from further away."""
        for track in sorted(self.live, key=lambda track: (-track.doubt, -track.moved)):
            others = (other for other in self.live if other is not track)
            if any(overlap(track.box, other.box) > _SAME_FACE for other in others):
                self.drop(track, astray=True)

    def _live(self, track: Track) -> Track:
        self.live.append(track)
        self.live.sort(key=lambda track: track.id)
        return track


def distance(track: Track, landmarks: Floats) -> float:
    """Median distance of the landmarks to the track's, as a share of the face's size."""
    step = landmarks - track.landmarks
    apart = step[:, 0] ** 2 + step[:, 1] ** 2
    return float(np.sqrt(np.partition(apart, len(apart) // 2)[len(apart) // 2])) / max(track.size, 1.0)


def has_jumped(tracks: Iterable[Track]) -> bool:
    """Whether a face moved further than a head does between two frames."""
    return any(track.moved > _JUMP for track in tracks)


def is_cut(before: Frame, now: Frame) -> bool:
    """Whether two frames show different scenes: their thumbnails do not correlate.

    A correlation is blind to flashes and fades, and a background that stays keeps it high whatever people do in front.
    """
    thumbs = [
        cv2.cvtColor(planes.rgb8(frame, None, (48, 27)), cv2.COLOR_RGB2GRAY).astype(np.float32)
        for frame in (before, now)
    ]
    centred = [(thumb - thumb.mean()).ravel() for thumb in thumbs]
    scale = float(np.linalg.norm(centred[0]) * np.linalg.norm(centred[1]))
    return scale > 0 and float(centred[0] @ centred[1]) / scale < 0.5


def _fits(track: Track, landmarks: Floats) -> bool:
    box = bounds(landmarks)
    growth = float(max(box[2] - box[0], box[3] - box[1])) / max(track.size, 1.0)
    return 1 / _GROWTH < growth < _GROWTH and distance(track, landmarks) < _REACH
