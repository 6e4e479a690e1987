"""Sample clips, tracked once a session with the shipped models."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from stages.backend import Cpu, Model
from stages.expression.coder import Coder
from stages.expression.cues import SkinCues
from stages.faces.blendshapes import Blendshapes
from stages.faces.detect import Near
from stages.faces.landmarks import Mesh478
from stages.faces.track import TrackFaces
from stages.media import decode
from stages.models.registry import shipped
from stages.packets import Cues, Faces, Job, Scores

Tracked = tuple[list[Faces | None], list[Scores | None], list[Cues | None]]


def _model(name: str) -> Model:
    return Model(asset=shipped()[name], backend=Cpu())


@pytest.fixture(scope="session")
def tracked(sample: Callable[[str], Path]) -> Callable[[str], Tracked]:
    """`tracked("smile_onset")` -> faces, scores and cues of every frame."""
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
    state, skin = follow.begin(Job(clip, path.parent)), SkinCues()
    faces, scores, cues = [], [], []
    for frame in decode.frames(clip):
        found = follow.process(state, frame)
        faces.append(found)
        scores.append(score.process(found) if found is not None else None)
        cues.append(skin.process(frame, found) if found is not None else None)
    return faces, scores, cues


@pytest.fixture(scope="session")
def coder_model() -> Coder:
    """The shipped coder on the processor."""
    return Coder(model=_model("unit_coder"))
