"""Sample clips, tracked once a session with the shipped models."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from stages.backend import Cpu, Model
from stages.faces.blendshapes import Blendshapes
from stages.faces.detect import Near
from stages.faces.landmarks import Mesh478
from stages.faces.track import TrackFaces
from stages.media import decode
from stages.models.registry import shipped
from stages.packets import Faces, Job, Scores

Tracked = tuple[list[Faces | None], list[Scores | None]]


def _model(name: str) -> Model:
    return Model(asset=shipped()[name], backend=Cpu())


@pytest.fixture(scope="session")
def tracked(sample: Callable[[str], Path]) -> Callable[[str], Tracked]:
    """`tracked("smile_onset")` -> faces and scores of every frame."""
    kept: dict[str, Tracked] = {}

    def track(name: str) -> Tracked:
        if name not in kept:
            kept[name] = _track(sample(name))
        return kept[name]

    return track


def _track(path: Path) -> Tracked:
    clip = decode.probe(path)
    follow = TrackFaces(detector=Near(model=_model("near_faces")), landmarker=Mesh478(model=_model("face_landmarks")))
    score = Blendshapes(model=_model("face_blendshapes"))
    state = follow.begin(Job(clip, path.parent))
    faces = [follow.process(state, frame) for frame in decode.frames(clip)]
    return faces, [score.process(found) if found is not None else None for found in faces]
