from __future__ import annotations

import numpy as np

from stages.backend import Cpu, Model
from stages.faces.blendshapes import INDEX, NAMES, Blendshapes
from stages.faces.roi import bounds
from stages.models.registry import shipped
from stages.packets import Face, Faces


def test_names_are_52_and_distinct() -> None:
    assert len(NAMES) == len(set(NAMES)) == 52
    assert {name for name in NAMES if name.endswith("Left")} == {
        name.removesuffix("Right") + "Left" for name in NAMES if name.endswith("Right")
    } | {"jawLeft", "mouthLeft"} - {"jawRight"}


def test_a_smile_is_seen_as_one(mesh478, near, clip_frames) -> None:
    stage = Blendshapes(model=Model(asset=shipped()["face_blendshapes"], backend=Cpu()))
    frames = clip_frames("smile_onset")
    rows = []
    for frame in (frames[0], frames[36]):
        mesh = mesh478.from_detection(frame, near.find(frame)[0])
        face = Face(3, bounds(mesh.landmarks), mesh.landmarks, mesh.presence)
        scores = stage.process(Faces(frame.at, (face, face)))
        assert scores.tracks == (3, 3)
        assert 0 <= scores.values.min() <= scores.values.max() <= 1
        np.testing.assert_array_equal(scores.values[0], scores.values[1])
        rows.append(scores.values[0])
    smile = [row[[INDEX["mouthSmileLeft"], INDEX["mouthSmileRight"]]].mean() for row in rows]
    assert smile[1] > smile[0] + 0.3


def test_no_faces_give_no_rows(clip_frames) -> None:
    stage = Blendshapes(model=Model(asset=shipped()["face_blendshapes"], backend=Cpu()))
    (frame,) = clip_frames("carphone", 0, 1)
    assert stage.process(Faces(frame.at, ())).values.shape == (0, 52)
