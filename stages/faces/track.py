"""Follow every face through a clip: detect rarely, measure always, keep who is who."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from stages.contract import OrderedStage
from stages.errors import ConfigError
from stages.faces import flow, layouts
from stages.faces.detect import Detection, Detector
from stages.faces.landmarks import Landmarker, Mesh
from stages.faces.recognition import Recognition
from stages.faces.roi import bounds, overlap
from stages.faces.tracks import Memory, Track, has_jumped, is_cut
from stages.packets import Faces, Floats, Frame, Job

_SOON = 2  # seconds for which a lost face is looked for
_EAGER = 4  # times as often
_EYES_APART = 0.15  # of a face's size: how far the detector's and the mesh's eyes may lie apart


@dataclass(frozen=True, kw_only=True)
class TrackFaces(OrderedStage[Memory]):
    """Landmarks and a persistent id for up to `max_faces` faces of every frame; None where there is no face.

    A face is measured in every frame, by itself, around its landmarks of the frame before. The detector runs when a
    track is lost, while fewer than `max_faces` are followed every `redetect_every` seconds, and on every frame while
    there is none.

    max_faces: 1 to 64, largest first. redetect_every: seconds. min_presence: 0..1, what a new face must reach;
    keep_presence: 0..min_presence, below it a face that is followed counts as not seen.
    bridge: seconds for which optical flow may carry a face that is not seen. remember: seconds within which a face that
    comes back gets its old id. recognition: keeps tracks on their persons; None goes by place alone, which may mistake
    people who cross.
    """

    detector: Detector
    landmarker: Landmarker
    max_faces: int = 1
    redetect_every: float = 1.0
    min_presence: float = 0.5
    keep_presence: float = 0.4
    bridge: float = 0.2
    remember: float = 10.0
    recognition: Recognition | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.max_faces <= 64:
            raise ConfigError(f"faces.max_faces: must be 1 to 64, not {self.max_faces}")
        if not 0 < self.min_presence < 1:
            raise ConfigError(f"faces.min_presence: must lie between 0 and 1, not {self.min_presence}")
        if not 0 < self.keep_presence <= self.min_presence:
            raise ConfigError(f"faces.keep_presence: must lie between 0 and min_presence, not {self.keep_presence}")
        for name in ("redetect_every", "bridge", "remember"):
            if getattr(self, name) < 0:
                raise ConfigError(f"faces.{name}: must be 0 seconds or more, not {getattr(self, name)}")

    def prepare(self) -> None:
        """Open the models."""
        self.detector.prepare()
        self.landmarker.prepare()
        if self.recognition is not None:
            self.recognition.prepare()

    def begin(self, job: Job) -> Memory:
        """Nobody is known yet."""
        return Memory()

    def process(self, state: Memory, frame: Frame) -> Faces | None:
        """The faces of this frame, in order of track id."""
        now = frame.at.pts * frame.at.time_base
        unseen = [track for track in state.live if not self._measure(track, frame, now)]
        self._reset_at_cut(state, frame, unseen)
        for track in unseen:
            self._bridge_or_drop(state, track, frame, now)
        if self.recognition is not None:
            self.recognition.check(state, frame, now)
        state.without_duplicates()
        if self._should_search(state, now, bool(unseen)):
            self._search(state, frame, now)
        state.forget(now - Fraction(self.remember))
        state.before = frame
        return Faces(frame.at, tuple(track.face() for track in state.live)) if state.live else None

    def _measure(self, track: Track, frame: Frame, now: Fraction) -> bool:
        mesh = self.landmarker.from_landmarks(frame, track.landmarks)
        if mesh.presence < self.keep_presence:
            return False
        track.update(mesh.landmarks, mesh.presence, now)
        return True

    def _reset_at_cut(self, state: Memory, frame: Frame, unseen: list[Track]) -> None:
        # Frames are only compared when something happened to a face: a cut that changes no face needs no reset.
        if state.before is not None and (unseen or has_jumped(state.live)) and is_cut(state.before, frame):
            state.reset()
            unseen.clear()

    def _bridge_or_drop(self, state: Memory, track: Track, frame: Frame, now: Fraction) -> None:
        carried = None
        if state.before is not None and now - track.seen <= Fraction(self.bridge):
            carried = flow.carry(state.before, frame, track.landmarks)
        if carried is None:
            state.drop(track)
        else:
            track.landmarks, track.bridged = carried, True

    def _should_search(self, state: Memory, now: Fraction, lost: bool) -> bool:
        if not state.live or lost:
            return True
        # Who was lost just now, behind somebody else perhaps, is likely to be back soon.
        missed = any(now - track.seen < _SOON for track in state.lost)
        every = Fraction(self.redetect_every) / (_EAGER if missed else 1)
        due = state.searched is None or now - state.searched >= every
        return len(state.live) < self.max_faces and due

    def _search(self, state: Memory, frame: Frame, now: Fraction) -> None:
        """Add the faces that no measured track is on; a bridged track that the detector sees is measured again."""
        state.searched = now
        for face in sorted(self.detector.find(frame, self.max_faces), key=_area, reverse=True):
            here = [track for track in state.live if overlap(track.box, face.box) > 0.3]
            if any(not track.bridged for track in here):
                continue
            if not here and len(state.live) >= self.max_faces:
                continue
            mesh = self.landmarker.from_detection(frame, face)
            if mesh.presence < self.min_presence or not _agree(face, mesh) or _is_taken(state, mesh.landmarks, here):
                continue
            if here:
                here[0].update(mesh.landmarks, mesh.presence, now)
            elif self.recognition is None:
                state.admit(mesh.landmarks, mesh.presence, now)
            else:
                self.recognition.admit(state, frame, mesh, now)


def _area(face: Detection) -> float:
    return float((face.box[2] - face.box[0]) * (face.box[3] - face.box[1]))


def _agree(face: Detection, mesh: Mesh) -> bool:
    """Whether the mesh's eyes are where the detector saw them: on the side of a head a mesh may lie convincingly
    wrong."""
    right = mesh.landmarks[layouts.RIGHT_EYE, :2].mean(0) - face.right_eye
    left = mesh.landmarks[layouts.LEFT_EYE, :2].mean(0) - face.left_eye
    size = float(np.max(face.box[2:] - face.box[:2]))
    return float(np.hypot(*right) + np.hypot(*left)) / 2 < _EYES_APART * size


def _is_taken(state: Memory, landmarks: Floats, here: list[Track]) -> bool:
    box = bounds(landmarks)
    return any(overlap(box, track.box) > 0.5 for track in state.live if track not in here)
