from __future__ import annotations

import numpy as np
import pytest

from stages.faces import layouts
from stages.faces.roi import Roi, bounds, overlap

SQUARE = np.array([100, 100, 200, 200], np.float32)


def canonical(angle: float = 0.0) -> np.ndarray:
    """The canonical face in pixels, y down, turned clockwise."""
    face = np.zeros((478, 3), np.float32)
    face[:468] = layouts.CANONICAL * (10, -10, -10)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    face[:, :2] = face[:, :2] @ turn.T + (320, 240)
    return face.astype(np.float32)


@pytest.mark.parametrize("angle", [0.0, 0.6, -1.2])
def test_region_around_landmarks_turns_with_the_eyes(angle: float) -> None:
    level, turned = Roi.around_landmarks(canonical(), 1.5), Roi.around_landmarks(canonical(angle), 1.5)
    assert turned.angle == pytest.approx(angle, abs=1e-4)
    assert turned.side == pytest.approx(level.side, rel=1e-4)


@pytest.mark.parametrize("angle", [0.0, 0.5])
def test_pixels_and_points_use_the_same_geometry(angle: float, rgb_frames) -> None:
    """A dot drawn in the frame is found in the crop where `to_frame` says it came from."""
    picture = np.zeros((480, 640, 3), np.uint8)
    yy, xx = np.mgrid[:480, :640]
    dot = np.array([300.5, 260.5])  # continuous coordinates: the middle of pixel (300, 260)
    blob = np.exp(-((xx + 0.5 - dot[0]) ** 2 + (yy + 0.5 - dot[1]) ** 2) / 50)
    picture[:] = (blob * 255).astype(np.uint8)[..., None]
    (frame,) = rgb_frames([picture])
    roi = Roi(310.0, 250.0, 200.0, angle)
    crop = roi.pixels(frame, 256)[0].astype(np.float64)
    y, x = np.mgrid[:256, :256] + 0.5
    centre = np.array([[(x * crop).sum(), (y * crop).sum(), 0]]) / crop.sum()
    found = roi.to_frame(centre.astype(np.float32), 256)[0, :2]
    np.testing.assert_allclose(found, dot, atol=0.15)


def test_a_region_beyond_the_frame_is_filled(rgb_frames) -> None:
    (frame,) = rgb_frames([np.full((60, 80, 3), 200, np.uint8)])
    assert (Roi(5.0, 5.0, 90.0, 0.3).pixels(frame, 64) > 190).all()


def test_overlap_of_boxes() -> None:
    assert overlap(SQUARE, SQUARE) == pytest.approx(1)
    assert overlap(SQUARE, SQUARE + 50) == pytest.approx(2500 / 17500)
    assert overlap(SQUARE, SQUARE + 200) == 0


def test_bounds_are_those_of_the_mesh() -> None:
    x0, y0, x1, y1 = bounds(canonical())
    np.testing.assert_allclose((x1 - x0, y1 - y0), np.ptp(layouts.CANONICAL[:, :2], axis=0) * 10, rtol=1e-4)
