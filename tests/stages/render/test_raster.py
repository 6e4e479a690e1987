from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import Delaunay

from stages.packets import Floats
from stages.render import raster


def _scattered(seed: int, size: int = 60) -> tuple[raster.Indices, Floats]:
    """A triangulated square with vertices on samples, between them and very close to one another."""
    rng = np.random.default_rng(seed)
    corners = [[0, 0], [size, 0], [0, size], [size, size]]
    near = rng.uniform(20, 22, (30, 2))
    points = np.concatenate([corners, rng.uniform(1, size - 1, (80, 2)), rng.integers(1, size - 1, (30, 2)), near])
    points = np.unique(points.astype(np.float32), axis=0)
    triangles = Delaunay(points).simplices.astype(np.int32)
    backward = raster.facing(triangles, points) < 0
    triangles[backward] = triangles[backward][:, ::-1]
    return triangles, points


@pytest.mark.parametrize("seed", range(4))
def test_every_sample_is_written_exactly_once(seed: int) -> None:
    triangles, points = _scattered(seed)
    rows = np.ones((len(points), 3), np.float32)
    writes = sum(raster.rasterise(one[None], points, rows, (60, 60))[2] > 0 for one in triangles)
    assert np.array_equal(writes, np.ones((60, 60)))


@pytest.mark.parametrize(("step", "within"), [(1, 1e-4), (2, 1e-4)])
def test_an_affine_attribute_comes_out_affine(step: int, within: float) -> None:
    triangles, points = _scattered(0)
    rows = np.stack([2 * points[:, 0] - points[:, 1], points[:, 1] + 3, np.ones(len(points))], 1).astype(np.float32)
    dx, dy, _ = raster.rasterise(triangles, points, rows, (60, 60), step)
    y, x = np.mgrid[:60, :60]
    inner = slice(2, -2), slice(2, -2)
    assert np.abs(dx - (2 * x - y))[inner].max() < within * 100
    assert np.abs(dy - (y + 3))[inner].max() < within * 100


def test_a_mesh_at_rest_gives_exact_zeros() -> None:
    triangles, points = _scattered(1)
    dx, dy, _ = raster.rasterise(triangles, points, np.zeros((len(points), 3), np.float32), (60, 60), 2)
    assert not dx.any()
    assert not dy.any()


def test_a_triangle_showing_its_back_is_not_drawn() -> None:
    points = np.array([[5, 5], [25, 5], [5, 25]], np.float32)
    rows = np.ones((3, 3), np.float32)
    front, back = np.array([[0, 1, 2]], np.int32), np.array([[0, 2, 1]], np.int32)
    assert raster.rasterise(front, points, rows, (30, 30))[2].any()
    assert not raster.rasterise(back, points, rows, (30, 30))[2].any()


def test_what_is_painted_later_covers_what_was_painted_before() -> None:
    points = np.array([[0, 0], [30, 0], [0, 30], [0, 0], [20, 0], [0, 20]], np.float32)
    rows = np.array([[1, 0, 0]] * 3 + [[2, 0, 0]] * 3, np.float32)
    dx, _, _ = raster.rasterise(np.array([[0, 1, 2], [3, 4, 5]], np.int32), points, rows, (30, 30))
    assert dx[5, 5] == 2
    assert dx[12, 12] == 1


def test_a_mesh_reaching_beyond_the_picture_is_cut() -> None:
    points = np.array([[-50, -50], [100, -50], [-50, 100]], np.float32)
    mask = raster.rasterise(np.array([[0, 1, 2]], np.int32), points, np.ones((3, 3), np.float32), (20, 20))[2]
    assert mask.all()


def test_slivers_keep_between_the_values_of_their_corners() -> None:
    points = np.array([[0, 10], [40, 10.001], [20, 10.0005], [20, 11]], np.float32)
    rows = np.array([[0, 0, 0], [1, 0, 0], [-1, 0, 0], [0.5, 0, 0]], np.float32)
    triangles = np.array([[0, 2, 1], [0, 1, 2], [0, 1, 3]], np.int32)
    dx, _, _ = raster.rasterise(triangles, points, rows, (20, 50))
    assert dx.min() >= -1
    assert dx.max() <= 1
