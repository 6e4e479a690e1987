from __future__ import annotations

import cv2
import numpy as np
import pytest

from runner.membranes import exact
from stages.packets import Floats
from stages.render.membrane import membrane


def _hostile(size: int, seed: int = 0) -> tuple[Floats, np.ndarray]:
    """A difference of two unrelated pictures (smooth shading, edges, grain), 0..255, and an oval."""
    rng = np.random.default_rng(seed)
    coarse = cv2.resize(
        rng.uniform(-120, 120, (9, 9, 3)).astype(np.float32), (size, size), interpolation=cv2.INTER_CUBIC
    )
    blocks = cv2.resize(
        rng.uniform(-40, 40, (25, 25, 3)).astype(np.float32), (size, size), interpolation=cv2.INTER_NEAREST
    )
    grain = rng.normal(0, 3, (size, size, 3)).astype(np.float32)
    inside = np.zeros((size, size), np.uint8)
    cv2.ellipse(inside, (size // 2, size // 2), (int(size * 0.36), int(size * 0.44)), 0, 0, 360, 1, -1)
    return coarse + blocks + grain, inside.astype(bool)


def test_two_cycles_come_within_half_a_level_of_the_exact_solution() -> None:
    difference, inside = _hostile(240)
    error = np.abs(membrane(difference, inside) - exact(difference, inside))[inside]
    assert error.mean() < 0.5
    assert np.percentile(error, 99) < 3


def test_more_cycles_come_closer() -> None:
    difference, inside = _hostile(120)
    wanted = exact(difference, inside)
    errors = [np.abs(membrane(difference, inside, n) - wanted)[inside].mean() for n in (1, 2, 4)]
    assert errors[0] > errors[1] > errors[2]


def test_a_constant_difference_is_filled_with_itself() -> None:
    _, inside = _hostile(101)
    filled = membrane(np.full((101, 101, 3), 0.25, np.float32), inside)
    assert np.abs(filled - 0.25).max() < 1e-4


def test_a_mask_cut_by_the_picture_runs_out_level_there() -> None:
    difference, _ = _hostile(96)
    inside = np.zeros((96, 96), bool)
    inside[40:, 20:80] = True
    error = np.abs(membrane(difference, inside, 4) - exact(difference, inside))[inside]
    assert error.mean() < 0.5


@pytest.mark.parametrize(("height", "width"), [(3, 3), (5, 17), (64, 31), (1, 40)])
def test_any_size_is_filled_and_the_outside_kept(height: int, width: int) -> None:
    rng = np.random.default_rng(height)
    difference = rng.normal(size=(height, width, 3)).astype(np.float32)
    inside = np.zeros((height, width), bool)
    inside[height // 2, 1 : width - 1] = True
    filled = membrane(difference, inside)
    assert np.isfinite(filled).all()
    assert np.array_equal(filled[~inside], difference[~inside])
    assert filled.max() <= difference.max() + 1e-5
    assert filled.min() >= difference.min() - 1e-5


def test_without_an_outside_there_is_nothing_to_span() -> None:
    assert not membrane(np.ones((8, 8, 3), np.float32), np.ones((8, 8), bool)).any()


def test_larger_masks_are_interpolated_from_a_half_and_come_as_near() -> None:
    difference, inside = _hostile(520)
    error = np.abs(membrane(difference, inside) - exact(difference, inside))[inside]
    assert error.mean() < 0.5
    assert np.percentile(error, 99) < 3


def test_what_lies_beyond_the_rim_takes_no_part() -> None:
    difference, inside = _hostile(300)
    other = difference.copy()
    other[cv2.dilate(inside.astype(np.uint8), np.ones((3, 3), np.uint8)) == 0] = 1e4
    assert np.array_equal(membrane(difference, inside)[inside], membrane(other, inside)[inside])


def test_above_2048_pixels_the_solve_is_bounded_and_the_edge_still_met() -> None:
    small, _ = _hostile(300)
    difference = cv2.resize(small, (2400, 2400), interpolation=cv2.INTER_CUBIC)
    inside = np.zeros((2400, 2400), np.uint8)
    cv2.ellipse(inside, (1200, 1200), (1100, 1150), 0, 0, 360, 1, -1)
    near = cv2.erode(inside, np.ones((3, 3), np.uint8)) < inside
    filled = membrane(difference, inside.astype(bool))
    assert np.abs(filled - difference)[near].mean() < 2.0
    assert np.abs(filled - membrane(difference, inside.astype(bool), 6))[inside > 0].mean() < 0.5
