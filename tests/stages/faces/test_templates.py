"""Aligned crops put the five points where the template has them."""

from __future__ import annotations

import numpy as np
import pytest

from stages.faces import layouts, templates


def turned(degrees: float, scale: float, shift: tuple[float, float]) -> np.ndarray:
    """(478, 3) the canonical face in a picture."""
    face = np.zeros((478, 3), np.float32)
    face[:468] = layouts.CANONICAL * (1, -1, -1)
    angle = np.radians(degrees)
    spin = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    face[:, :2] = face[:, :2] @ spin.T * scale + shift
    return face


@pytest.mark.parametrize("name", templates.TEMPLATES)
def test_points_land_near_the_template_whatever_the_pose_in_the_plane(name: str) -> None:
    crops = []
    for degrees, scale, shift in ((0, 20, (300, 200)), (35, 7, (-40, 900))):
        points = templates.five_points(turned(degrees, scale, shift))
        matrix = templates.similarity(points, name, 512)
        crops.append(points @ matrix[:, :2].T + matrix[:, 2])
    np.testing.assert_allclose(crops[0], crops[1], atol=0.05)
    wanted = np.array(templates.TEMPLATES[name]) * 512 - 0.5
    assert np.abs(crops[0] - wanted).max() < 30
    np.testing.assert_allclose(crops[0].mean(0), wanted.mean(0), atol=0.05)


def test_the_exact_similarity_is_found() -> None:
    crop = np.array(templates.TEMPLATES["ffhq_512"]) * 256 - 0.5
    points = ((crop - (3, 8)) @ np.array([[0.6, -0.8], [0.8, 0.6]]) / 1.7).astype(np.float32)
    matrix = templates.similarity(points, "ffhq_512", 256)
    np.testing.assert_allclose(points @ matrix[:, :2].T + matrix[:, 2], crop, atol=1e-3)
    assert np.linalg.det(matrix[:, :2]) == pytest.approx(1.7**2, rel=1e-4)


def test_the_eye_at_the_left_of_the_picture_comes_first() -> None:
    points = templates.five_points(turned(0, 20, (300, 200)))
    assert points[0, 0] < points[2, 0] < points[1, 0]
    assert points[3, 0] < points[4, 0]
