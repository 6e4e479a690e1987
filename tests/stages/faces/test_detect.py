from __future__ import annotations

import numpy as np
import pytest

from stages.errors import ConfigError
from stages.faces.detect import Both, Group, Near
from stages.faces.roi import overlap


def test_near_detector_sees_a_talking_head_with_its_eyes(near: Near, clip_frames) -> None:
    (face,) = near.find(clip_frames("talking_woman_mild", 5, 6)[0])
    assert face.score > 0.9
    assert 300 < face.box[2] - face.box[0] < 480
    assert face.right_eye[0] < face.left_eye[0]
    for eye in (face.right_eye, face.left_eye):
        assert (face.box[:2] < eye).all()
        assert (eye < face.box[2:]).all()


def test_group_detector_sees_small_faces_that_the_near_one_misses(near: Near, group: Group, clip_frames) -> None:
    (frame,) = clip_frames("table_of_three", 20, 21)
    assert len(near.find(frame)) < 3
    faces = group.find(frame)
    assert len(faces) == 3
    assert all(60 < face.box[2] - face.box[0] < 140 for face in faces)


def test_both_detectors_agree_on_where_a_face_is(near: Near, group: Group, clip_frames) -> None:
    (frame,) = clip_frames("face_noface", 0, 1)
    (close,), (far,) = near.find(frame), group.find(frame)
    assert overlap(close.box, far.box) > 0.5
    np.testing.assert_allclose(close.right_eye, far.right_eye, atol=20)


def test_both_asks_the_second_only_for_what_the_first_did_not_find(both: Both, clip_frames) -> None:
    (frame,) = clip_frames("face_noface", 0, 1)
    assert [face.score for face in both.find(frame, 1)] == [face.score for face in both.near.find(frame)]
    assert len(both.find(frame, 3)) == 1
    (table,) = clip_frames("table_of_three", 20, 21)
    assert len(both.find(table, 3)) == 3


def test_no_face_is_an_empty_answer(both: Both, rgb_frames) -> None:
    grey = np.full((360, 640, 3), 90, np.uint8)
    noise = np.random.default_rng(1).integers(0, 255, grey.shape, np.uint8)
    assert [both.find(frame, 4) for frame in rgb_frames([grey, noise])] == [(), ()]


def test_nonsense_is_refused(near: Near, group: Group) -> None:
    with pytest.raises(ConfigError, match=r"^detect\.min_score"):
        Near(model=near.model, min_score=1.5)
    with pytest.raises(ConfigError, match=r"^detect\.side"):
        Group(model=group.model, side=10)
