from __future__ import annotations

import numpy as np
import pytest

from stages.errors import ConfigError
from stages.faces import layouts
from stages.faces.landmarks import Mesh478
from stages.faces.roi import bounds, overlap


def test_points_lie_where_the_detector_saw_the_face(mesh478: Mesh478, near, clip_frames) -> None:
    (frame,) = clip_frames("talking_man_mild", 20, 21)
    (face,) = near.find(frame)
    mesh = mesh478.from_detection(frame, face)
    assert mesh.presence > 0.99
    assert mesh.landmarks.shape == (478, 3)
    assert mesh.landmarks.dtype == np.float32
    assert overlap(bounds(mesh.landmarks), face.box) > 0.7
    assert np.hypot(*(mesh.landmarks[layouts.LEFT_IRIS[0], :2] - face.left_eye)) < 30
    assert mesh.landmarks[1, 2] < mesh.landmarks[234, 2], "the tip of the nose is nearer than an ear"


def test_one_picture_gives_one_answer_whatever_came_before(mesh478: Mesh478, near, clip_frames) -> None:
    """Single-image mode: the same frame with the same region gives the same points, bit by bit."""
    first, *_, last = clip_frames("talking_man_mild", 20, 40)
    mesh = mesh478.from_detection(first, near.find(first)[0])
    once = mesh478.from_landmarks(last, mesh.landmarks).landmarks
    for frame in clip_frames("talking_woman_mild", 0, 3):
        mesh478.from_landmarks(frame, mesh.landmarks)
    np.testing.assert_array_equal(mesh478.from_landmarks(last, mesh.landmarks).landmarks, once)


def test_result_hardly_depends_on_where_the_crop_was(mesh478: Mesh478, near, clip_frames) -> None:
    (frame,) = clip_frames("talking_woman_mild", 5, 6)
    mesh = mesh478.from_detection(frame, near.find(frame)[0])
    again = mesh478.from_landmarks(frame, mesh.landmarks + np.float32([12, -8, 0])).landmarks
    size = bounds(mesh.landmarks)[2] - bounds(mesh.landmarks)[0]
    assert np.median(np.linalg.norm((again - mesh.landmarks)[:, :2], axis=1)) < 0.01 * size


def test_no_face_has_no_presence(mesh478: Mesh478, rgb_frames) -> None:
    landmarks = np.zeros((478, 3), np.float32)
    landmarks[:468] = layouts.CANONICAL * (10, -10, -10) + (320, 180, 0)
    noise = np.random.default_rng(1).integers(0, 255, (360, 640, 3), np.uint8)
    for frame in rgb_frames([np.full((360, 640, 3), 90, np.uint8), noise]):
        assert mesh478.from_landmarks(frame, landmarks).presence < 0.5


@pytest.mark.parametrize("fields", [{"margin": 0.5}, {"settle": 9}])
def test_nonsense_is_refused(mesh478: Mesh478, fields: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=rf"^landmarks\.{next(iter(fields))}"):
        Mesh478(model=mesh478.model, **fields)
