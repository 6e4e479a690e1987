"""Faces of photos from a script, over the same stages as a run: where they are, who they are, what they show.

faces = detect_face("ada.jpg")
compare_faces(get_embedding("ada.jpg"), get_embedding("take3.png"))
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from runner.compose import composed_alone
from stages import facs
from stages.errors import ClipError
from stages.faces.embed import Embedder, distance
from stages.media import decode
from stages.packets import Face, Faces, Floats, Frame, Job, Neutrals


@dataclass(frozen=True, slots=True)
class Comparison:
    """distance: cosine, 0..2; same: whether that is one person by the network's own threshold."""

    distance: float
    same: bool


def detect_face(photo: str | Path) -> tuple[Face, ...]:
    """The faces of a photo (of a clip: of its first frame), largest first, with 478 landmarks each.

    Raises:
        ClipError: the photo cannot be read.
    """
    return _seen(Path(photo))[1]


def get_embedding(photo: str | Path) -> Floats:
    """(d,) of unit length: who the largest face is, by the shipped embedder.

    Raises:
        ClipError: the photo cannot be read, or shows no face.
    """
    frame, faces = _faced(Path(photo))
    return _embedder().vector(frame, faces[0].landmarks)


def compare_faces(one: Floats, other: Floats) -> Comparison:
    """Whether two embeddings of `get_embedding` are of one person."""
    return Comparison(distance(one, other), _embedder().says_same(one, other))


def extract_units(photo: str | Path) -> dict[str, float]:
    """Action Unit -> intensity 0..5 of the largest face, the stronger side's, beside the average neutral.

    Raises:
        ClipError: the photo cannot be read, or shows no face.
    """
    frame, faces = _faced(Path(photo))
    packet = Faces(frame.at, faces[:1])
    scores, cues = _stage("scores").process(packet), _stage("cues").process(frame, packet)
    values = _stage("units", "preset=live").process(packet, scores, cues, Neutrals(frame.at, (), ())).faces[0].values
    return {name: float(np.max(row)) for name, row in zip(facs.NAMES, values, strict=True)}


def _seen(photo: Path) -> tuple[Frame, tuple[Face, ...]]:
    frame, found = _tracked(photo)
    return frame, tuple(sorted(found.faces if found else (), key=lambda face: -float(np.ptp(face.box[[0, 2]]))))


def _tracked(photo: Path) -> tuple[Frame, Any]:
    clip, tracker = decode.probe(photo), _stage("faces")
    frame = next(iter(decode.frames(clip)))
    return frame, tracker.process(tracker.begin(Job(clip, Path())), frame)


def _faced(photo: Path) -> tuple[Frame, tuple[Face, ...]]:
    frame, faces = _seen(photo)
    if not faces:
        raise ClipError(f"{photo.name}: no face found; give a picture in which the face is large and looks here")
    return frame, faces


def _embedder() -> Embedder:
    made: Embedder = _stage("embed").embedder
    return made


@cache
def _stage(group: str, *overrides: str) -> Any:
    stage: Any = composed_alone(list(overrides)).stage(group)
    stage.prepare()
    return stage
