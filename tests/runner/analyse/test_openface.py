from __future__ import annotations

import numpy as np

from runner.analyse import openface
from stages import facs


def test_head_rotation_is_read_as_openface_writes_it() -> None:
    turned = openface.rotations(np.array([[20, 0, 0], [0, 10, 0], [0, 0, 15], [25, -12, 8]], np.float32))
    about_x, about_y, about_z = np.degrees(openface.euler(turned)).T
    np.testing.assert_allclose(about_y[:3], [-20, 0, 0], atol=1e-5)  # above 0 toward the performer's right
    np.testing.assert_allclose(about_x[:3], [0, -10, 0], atol=1e-5)  # above 0 down
    np.testing.assert_allclose(about_z[:3], [0, 0, -15], atol=1e-5)
    a, b, c = np.radians([about_x[3], about_y[3], about_z[3]])
    x = [[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]]
    y = [[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]]
    z = [[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]]
    np.testing.assert_allclose(np.array(x) @ y @ z, turned[3], atol=1e-6)


def test_gaze_adds_the_heads_turn_to_the_eyes() -> None:
    looks = np.zeros((4, facs.COUNT))
    looks[0, facs.INDEX["AU61"]] = 2  # left
    looks[1, facs.INDEX["AU64"]] = 1  # down
    looks[2, facs.INDEX["AU62"]] = 5  # right, while the head turns left as far
    looks[3] = np.nan
    reach = 5 * facs.GAZE_DEGREES[0]
    turned = openface.rotations(np.array([[0, 0, 0], [0, 0, 0], [reach, 0, 0], [0, 0, 0]], np.float32))
    x, y = np.degrees(openface.gaze(looks, turned)).T
    np.testing.assert_allclose(x[:3], [2 * facs.GAZE_DEGREES[0], 0, 0], atol=1e-5)
    np.testing.assert_allclose(y[:3], [0, facs.GAZE_DEGREES[1], 0], atol=1e-5)
    assert np.isnan([x[3], y[3]]).all()
