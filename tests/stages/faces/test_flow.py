from __future__ import annotations

import cv2
import numpy as np

from stages.faces import flow


def test_landmarks_move_with_the_picture(mesh478, near, clip_frames, rgb_frames) -> None:
    """A frame shifted, turned and grown by known amounts carries its landmarks along."""
    (frame,) = clip_frames("talking_woman_mild", 5, 6)
    mesh = mesh478.from_detection(frame, near.find(frame)[0])
    picture = frame.native.to_ndarray(format="rgb24")
    matrix = cv2.getRotationMatrix2D((640, 360), 2.0, 1.03)
    matrix[:, 2] += (9, -6)
    before, now = rgb_frames([picture, cv2.warpAffine(picture, matrix, (1280, 720))])
    carried = flow.carry(before, now, mesh.landmarks)
    wanted = mesh.landmarks[:, :2] @ matrix[:, :2].T + matrix[:, 2]
    off = np.linalg.norm(carried[:, :2] - wanted, axis=1)
    assert np.median(off) < 0.5
    assert np.percentile(off, 95) < 2
    assert off.max() < 0.035 * np.ptp(mesh.landmarks[:, 1])


def test_a_face_that_vanished_is_not_carried(mesh478, near, clip_frames, rgb_frames) -> None:
    (frame,) = clip_frames("talking_woman_mild", 5, 6)
    mesh = mesh478.from_detection(frame, near.find(frame)[0])
    picture = frame.native.to_ndarray(format="rgb24")
    noise = np.random.default_rng(0).integers(0, 255, picture.shape, np.uint8)
    assert flow.carry(*rgb_frames([picture, noise]), mesh.landmarks) is None


def test_a_blurred_frame_is_bridged(mesh478, near, clip_frames, rgb_frames) -> None:
    (frame,) = clip_frames("talking_woman_mild", 5, 6)
    mesh = mesh478.from_detection(frame, near.find(frame)[0])
    picture = frame.native.to_ndarray(format="rgb24")
    before, now = rgb_frames([picture, cv2.blur(picture, (25, 1))])
    carried = flow.carry(before, now, mesh.landmarks)
    assert carried is not None
    assert np.median(np.linalg.norm(carried[:, :2] - mesh.landmarks[:, :2], axis=1)) < 3
