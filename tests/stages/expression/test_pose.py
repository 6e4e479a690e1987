from __future__ import annotations

import time

import numpy as np
import pytest

from stages.expression import basis, pose
from stages.expression.pose import Pose
from stages.faces import layouts

MEAN = basis.load().mean
ANGLES = [(0, 0, 0), (20, 0, 0), (0, -15, 0), (0, 0, 10), (-25, 12, -8), (40, -10, 20)]


@pytest.mark.parametrize("angles", ANGLES)
def test_a_posed_mean_face_gives_its_pose_back(angles: tuple[float, float, float]):
    posed = Pose(180.0, pose.rotation(*angles), np.array([640.0, 360.0, -5.0]))
    found = pose.fit(posed.to_image(MEAN), MEAN)
    assert found.angles == pytest.approx(angles, abs=1e-3)
    assert found.scale == pytest.approx(180, rel=1e-5)
    assert found.translation == pytest.approx([640, 360, -5], abs=1e-2)


def test_angles_have_the_signs_of_face_units():
    forward, up = np.array([0, 0, -1.0]), np.array([0, -1.0, 0])
    assert (pose.rotation(20, 0, 0) @ forward)[0] > 0  # performer's left is the picture's right
    assert (pose.rotation(0, 20, 0) @ forward)[1] < 0  # up
    assert (pose.rotation(0, 0, 20) @ up)[0] < 0  # top of the head toward the performer's right shoulder


def test_to_face_undoes_to_image():
    posed = Pose(90.0, pose.rotation(15, -8, 4), np.array([100.0, 80.0, 3.0]))
    assert posed.to_face(posed.to_image(MEAN)) == pytest.approx(MEAN, abs=1e-5)
    step = np.zeros_like(MEAN)
    step[61] = (0.1, -0.05, 0.02)
    assert posed.to_image(MEAN + step) - posed.to_image(MEAN) == pytest.approx(posed.turn(step), abs=1e-3)


def test_a_wide_open_mouth_hardly_turns_the_head():
    face = basis.load().deformed(_with({25: 5.0, 26: 5.0, 12: 3.0}))
    found = pose.fit(face * 200 + 300, MEAN)
    assert np.abs(found.angles).max() < 1.0
    assert found.scale == pytest.approx(200, rel=0.02)


def test_noise_of_a_third_of_a_pixel_turns_the_head_by_less_than_half_a_degree():
    rng = np.random.default_rng(0)
    posed = Pose(180.0, pose.rotation(10, 5, -3), np.array([640.0, 360.0, 0.0]))
    errors = [
        pose.fit(posed.to_image(MEAN) + rng.normal(0, 0.3, MEAN.shape), MEAN).angles - posed.angles for _ in range(50)
    ]
    assert np.abs(errors).max() < 0.5


def test_only_stable_points_count():
    moved = MEAN * 100
    free = np.setdiff1d(np.arange(layouts.COUNT), layouts.RIGID)
    moved[free] += 17
    assert pose.fit(moved, MEAN).angles == pytest.approx([0, 0, 0], abs=1e-3)


def test_a_fit_is_quick():
    face, times = MEAN * 100, []
    for _ in range(200):
        start = time.perf_counter()
        pose.fit(face, MEAN)
        times.append(time.perf_counter() - start)
    assert np.min(times) < 0.00015


def _with(values: dict[int, float]) -> np.ndarray:
    from stages import facs

    table = np.zeros((facs.COUNT, 2), np.float32)
    for number, value in values.items():
        table[facs.INDEX[f"AU{number:02d}"]] = value
    return table
