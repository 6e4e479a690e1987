"""Faces as the coder gets them: what the wires of a frame say about each, brought together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stages.expression import pose
from stages.expression.coder import Sight, together
from stages.expression.pose import Pose
from stages.expression.trust import Picture
from stages.packets import Bytes, Cues, Face, Faces, Floats, Scores


@dataclass(frozen=True, slots=True)
class Look:
    """One face of one frame. shape: (478, 3) in face space, straightened; scores: (52,); relief: (SIDE, SIDE); folds:
    (len(FOLDS),)."""

    face: Face
    head: Pose
    shape: Floats
    scores: Floats
    relief: Bytes
    folds: Floats
    picture: Picture


def looks(faces: Faces, scores: Scores, cues: Cues) -> list[Look]:
    """Every face of a frame that has scores and cues, in order."""
    scored = {track: row for row, track in enumerate(scores.tracks)}
    shown = {track: row for row, track in enumerate(cues.tracks)}
    both = [face for face in faces.faces if face.track in scored and face.track in shown]
    return [_look(face, scores.values[scored[face.track]], cues, shown[face.track]) for face in both]


def _look(face: Face, scores: Floats, cues: Cues, row: int) -> Look:
    head = pose.of(face.landmarks)
    shape = head.to_face(face.landmarks) - pose.turned(face.landmarks)
    qualities = float(cues.sharpness[row]), float(cues.light[row])
    picture = Picture(head.yaw, head.scale, face.presence, *qualities, cues.covered[row], face.bridged)
    return Look(face, head, shape, scores, cues.relief[row], cues.folds[row], picture)


def sight(faces: Sequence[Look]) -> Sight:
    """Several faces for the coder at once."""
    return Sight(
        together([look.shape for look in faces]),
        together([look.relief for look in faces]),
        together([look.scores for look in faces]),
        together([look.head.angles for look in faces]),
    )
