"""The turned square against OpenCV's and against plain arithmetic."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from stages.faces.sampling import sample


def turned(angle: float, scale: float, x: float, y: float) -> np.ndarray:
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    return np.array([[cos, -sin, x], [sin, cos, y]])


@pytest.mark.parametrize("matrix", [turned(0.1, 1.7, 3, 2), turned(-1.2, 0.8, 30, 190), turned(2.5, 1.3, -20, 500)])
def test_pixels_are_those_of_opencv_within_a_rounding(matrix: np.ndarray) -> None:
    noise = np.random.default_rng(3).integers(0, 256, (150, 210, 3)).astype(np.uint8)
    picture = cv2.GaussianBlur(noise, (0, 0), 1.5)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    exact = cv2.warpAffine(picture.astype(np.float64), matrix, (96, 96), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    out = np.empty((3, 96, 96), np.uint8)
    sample(np.ascontiguousarray(np.moveaxis(picture, -1, 0)), matrix, out)
    apart = np.moveaxis(out, 0, -1) - exact
    assert np.abs(apart).max() < 1.5
    assert np.abs(apart).mean() < 0.3
    assert abs(apart.mean()) < 0.02


def test_extreme_bytes_stay_and_do_not_spill_into_their_neighbours() -> None:
    picture = np.zeros((3, 4, 6), np.uint8)
    picture[:, :, 3:] = np.array([255, 0, 255])[:, None, None]
    out = np.empty((3, 8, 8), np.uint8)
    sample(picture, turned(0, 1, 0, 0), out)
    assert (out[1] == 0).all()
    assert (out[:, :, :3] == 0).all()
    assert (out[0, :, 3:] == 255).all()
    assert (out[2, :, 3:] == 255).all()
