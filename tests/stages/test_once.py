"""What is remembered of an array, and for how long."""

from __future__ import annotations

import gc

import numpy as np

from stages.expression import basis, pose
from stages.once import once
from stages.packets import Floats


def test_an_array_is_worked_out_once_and_another_one_anew() -> None:
    asked: list[float] = []

    @once
    def total(array: Floats) -> float:
        asked.append(float(array.sum()))
        return asked[-1]

    first, alike = np.ones(3, np.float32), np.ones(3, np.float32)
    assert total(first) == total(first) == 3
    assert len(asked) == 1
    assert total(alike) == 3
    assert len(asked) == 2
    for size in range(1, 200):  # freed arrays give their place to new ones
        assert total(np.ones(size, np.float32)) == size
    del first
    gc.collect()
    assert len(asked) == 201


def test_a_face_keeps_its_pose_until_it_is_gone() -> None:
    landmarks = (basis.load().mean * 100).astype(np.float32)
    head = pose.of(landmarks)
    assert pose.of(landmarks) is head
    assert abs(head.scale - 100) < 1e-3
    aside = (landmarks + np.float32(7)).astype(np.float32)
    np.testing.assert_allclose(pose.of(aside).translation - head.translation, 7, atol=1e-3)
