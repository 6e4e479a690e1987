"""The identity guard: a restorer's detail is let through as far as it leaves the face the same person.

A few frames are restored before all are (`LoopStage`). Where the identity cosine falls by more than is tolerated, the
track's share of the detail is cut down; between the frames that were tried the share runs smoothly, so that it cannot
flicker. What was done to every frame goes into the report, and what a person should look at is listed there.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from stages.contract import LoopStage, MapStage, Timeline
from stages.errors import ConfigError
from stages.faces.embed import Embedder, mean
from stages.identity.likeness import Likeness
from stages.media import planes
from stages.packets import RESTORED, Edit, Edits, Faces, Floats, Frame, Restored, Restraints, Stamp

_COSINE, _HURT, _CHANGE, _SHARE = range(len(RESTORED))
_LEAST_CHANGE: Final = 1e-5


class HasLikeness(Protocol):
    """Whatever knows the wanted identity, if one is named."""

    @property
    def name(self) -> str | None:
        """Which one."""
        ...

    @property
    def likeness(self) -> Likeness:
        """Its photos, with embeddings."""
        ...


@dataclass(frozen=True, kw_only=True)
class Compare(MapStage):
    """Who a face is before and after restoration, on every `every`-th frame.

    identity: who it should be; None compares with the face before restoration.
    """

    embedder: Embedder
    identity: HasLikeness | None = None
    every: int = 1

    def __post_init__(self) -> None:
        if self.every < 1:
            raise ConfigError(f"enhance.compare.every must be 1 or more frames, it is {self.every}")

    def prepare(self) -> None:
        """Open the network."""
        self.embedder.prepare()

    def process(
        self, frame: Frame, faces: Faces, before: Edits, after: Edits, restraints: Restraints | None = None
    ) -> Restored | None:
        """A row for every restored face; None where there is none."""
        pairs = [pair for pair in zip(planes.drawn(before), planes.drawn(after), strict=True) if pair[0] is not pair[1]]
        landmarks = {face.track: face.landmarks for face in faces.faces}
        if not pairs or frame.at.index % self.every:
            return None
        rows = []
        for old, new in pairs:
            was, now = (self._vector(frame, edit, landmarks[old.track]) for edit in (old, new))
            wanted = self._wanted(was)
            share = restraints.of(old.track) if restraints is not None else 1.0
            cosine = float(now @ wanted)
            hurt = (float(was @ wanted) - cosine) / self.embedder.same
            rows.append((cosine, hurt, changed(old, new), share))
        tracks = tuple(old.track for old, _ in pairs)
        return Restored(frame.at, tracks, np.array(rows, np.float32))

    def _vector(self, frame: Frame, edit: Edit, landmarks: Floats) -> Floats:
        return self.embedder.vector(planes.paste(frame, (edit,)), landmarks)

    def _wanted(self, was: Floats) -> Floats:
        """(d,) what the face should look like to the embedder."""
        if self.identity is None or not self.identity.name:
            return was
        portraits = self.identity.likeness.portraits
        known = [one.vectors[self.embedder.name] for one in portraits if self.embedder.name in one.vectors]
        return mean(np.stack(known)) if known else was


@dataclass(frozen=True, kw_only=True)
class Guard(LoopStage):
    """Each track's share of a restorer's detail, so that the identity cosine falls by `tolerance` at most.

    tolerance: 0..1, of the embedder's same-person distance. frames: how many of each track are tried, 1..200. rounds:
    how often, 0..3; a second one checks the first. smooth_s: seconds over which the share may change, above 0.
    """

    tolerance: float = 0.1
    frames: int = 12
    rounds: int = 1
    smooth_s: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.tolerance <= 1:
            raise ConfigError(f"enhance.guard.tolerance must be 0..1, it is {self.tolerance}")
        if not 1 <= self.frames <= 200:
            raise ConfigError(f"enhance.guard.frames must be 1..200, it is {self.frames}")
        if not 0 <= self.rounds <= 3:
            raise ConfigError(f"enhance.guard.rounds must be 0..3, it is {self.rounds}")
        if not self.smooth_s > 0:
            raise ConfigError(f"enhance.guard.smooth_s must be above 0 seconds, it is {self.smooth_s}")

    def rehearsed(self, faces: Timeline[Faces]) -> Sequence[int]:
        """Frames spread over those that show a face, for every track."""
        seen: dict[int, list[int]] = {}
        for index, packet in enumerate(faces):
            for face in packet.faces if packet is not None else ():
                seen.setdefault(face.track, []).append(index)
        chosen = {i for frames in seen.values() for i in _spread(frames, self.frames)}
        return sorted(chosen)

    def process(
        self, faces: Timeline[Faces], restored: Timeline[Restored] | None = None
    ) -> Iterator[Restraints | None]:
        """Everything is allowed until something was tried."""
        tried = _tried(restored, self.tolerance) if restored is not None else {}
        ats = [packet.at if packet is not None else None for packet in faces]
        courses = {track: self._course(points, ats) for track, points in tried.items()}
        for index, at in enumerate(ats):
            shares = tuple(float(course[index]) for course in courses.values())
            yield None if at is None else Restraints(at, tuple(courses), shares)

    def _course(self, points: Sequence[tuple[int, float]], ats: Sequence[Stamp | None]) -> NDArray[np.float64]:
        """(frames,) the share over time, from the frames that were tried."""
        at, share = (np.array(column, np.float64) for column in zip(*points, strict=True))
        # A frame between two tried ones may be as bad as the worse of them.
        near = np.pad(share, 1, mode="edge")
        careful = np.minimum(share, (near[:-2] + near[2:]) / 2)
        course = np.interp(np.arange(len(ats)), at, careful)
        sigma = self.smooth_s * _rate(ats)
        smooth = cv2.GaussianBlur(course[None], (0, 0), max(sigma, 0.5), borderType=cv2.BORDER_REPLICATE)[0]
        return np.asarray(smooth, np.float64)


def changed(old: Edit, new: Edit) -> float:
    """Mean colour difference (CIE 1976) inside the mask, of pictures taken as sRGB."""
    total = float(old.mask.sum())
    if total <= 0:
        return 0.0
    one, other = (cv2.cvtColor(np.clip(edit.after, 0, 1), cv2.COLOR_RGB2Lab) for edit in (old, new))
    return float((np.linalg.norm(one - other, axis=2) * old.mask).sum() / total)


def _tried(restored: Timeline[Restored], tolerance: float) -> dict[int, list[tuple[int, float]]]:
    """Track -> (frame, share that would have been tolerated)."""
    found: dict[int, list[tuple[int, float]]] = {}
    for index, packet in enumerate(restored):
        for track, row in zip(packet.tracks, packet.values, strict=True) if packet is not None else ():
            hurt, share = float(row[_HURT]), float(row[_SHARE])
            if not math.isnan(hurt):
                # What is lost grows with the share, at least in proportion.
                allowed = share if hurt <= tolerance else share * tolerance / hurt
                found.setdefault(track, []).append((index, allowed))
    return found


def _spread(frames: Sequence[int], count: int) -> Sequence[int]:
    return [frames[i] for i in np.linspace(0, len(frames) - 1, min(len(frames), count)).astype(int)]


def _rate(ats: Sequence[Stamp | None]) -> float:
    """Frames a second."""
    known = [at for at in ats if at is not None]
    if len(known) < 2 or known[-1].pts == known[0].pts:
        return 25.0
    return (known[-1].index - known[0].index) / float((known[-1].pts - known[0].pts) * known[0].time_base)
