from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import av
import numpy as np

from stages.packets import Colour, Face, Floats, Frame
from stages.render import cavity, mesh
from tests.stages.render.conftest import AT

DOWN = np.array([0, 1], np.float32)


def _mouthed(face: Face, dark_from: float) -> Frame:
    """A bright picture whose mouth is dark below the share `dark_from` of its depth."""
    rgb = np.full((480, 640, 3), 220, np.uint8)
    upper, lower = face.landmarks[mesh.MOUTH.upper, 1], face.landmarks[mesh.MOUTH.lower, 1]
    edge = float((upper + (lower - upper) * dark_from).mean())
    rgb[round(edge) : round(float(lower.max()))] = 15
    return Frame(AT, av.VideoFrame.from_ndarray(rgb, format="rgb24"), Colour(matrix=0, full_range=True))


def _opened(face: Face, by: float) -> tuple[Floats, Floats]:
    points = face.landmarks[:468, :2]
    moves = np.zeros_like(points)
    moves[mesh.MOUTH.lower, 1] = by
    return points, moves


def test_the_dark_part_takes_most_of_the_stretch(face: Callable[..., Face]) -> None:
    wide = face(unit=220.0, shown={"AU25": 5.0})
    give = cavity.yielding(_mouthed(wide, 0.5), wide.landmarks[:, :2])
    assert give is not None
    middle = give[mesh.MOUTH.columns // 2]
    assert np.isclose(middle.sum(), 1, atol=1e-5)
    assert middle[-6:-1].sum() > 3 * middle[1:6].sum()
    points, moves = _opened(wide, 15.0)
    even = np.zeros((mesh.MOUTH.columns * len(mesh.FRACTIONS), 2), np.float32)
    offsets = cavity.stretched(even, points, moves, DOWN, give).reshape(mesh.MOUTH.columns, -1, 2)
    column = offsets[mesh.MOUTH.columns // 2, :, 1]
    steps = len(mesh.FRACTIONS)
    # The bright upper half stays near where it was, the lower lip's side goes with the lip.
    assert abs(column[steps // 4]) < 3
    assert column[-1] < -10


def test_a_mouth_that_does_not_open_keeps_its_offsets(face: Callable[..., Face]) -> None:
    wide = face(shown={"AU25": 4.0})
    points, moves = _opened(wide, -2.0)
    offsets = np.random.default_rng(0).normal(size=(mesh.MOUTH.columns * len(mesh.FRACTIONS), 2)).astype(np.float32)
    give = np.full((mesh.MOUTH.columns, cavity.SAMPLES), 1 / cavity.SAMPLES, np.float32)
    assert np.array_equal(cavity.stretched(offsets, points, moves, DOWN, give), offsets)


def test_a_mouth_outside_the_frame_tells_nothing(face: Callable[..., Face], picture: Callable[..., Frame]) -> None:
    away = face((320.0, 900.0))
    assert cavity.yielding(picture(), replace(away).landmarks[:, :2]) is None
