from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from stages.faces import layouts


def edges() -> Counter[tuple[int, int]]:
    return Counter(
        (int(a), int(b)) for triangle in layouts.TRIANGLES for a, b in zip(triangle, np.roll(triangle, -1), strict=True)
    )


def test_triangles_are_a_disc_whose_only_boundary_is_the_oval() -> None:
    directed = edges()
    assert max(directed.values()) == 1
    boundary = {edge for edge in directed if edge[::-1] not in directed}
    oval = layouts.OVAL.tolist()
    ring = {(a, b) for a, b in zip(oval, oval[1:] + oval[:1], strict=True)}
    assert boundary in (ring, {(b, a) for a, b in ring})


def test_triangles_face_the_camera() -> None:
    a, b, c = (layouts.CANONICAL[layouts.TRIANGLES[:, i]] for i in range(3))
    assert (np.cross(b - a, c - a)[:, 2] > 0).mean() > 0.98


def test_mirror_is_its_own_inverse_and_swaps_the_sides() -> None:
    np.testing.assert_array_equal(layouts.MIRROR[layouts.MIRROR], np.arange(layouts.COUNT))
    for right, left in ((layouts.RIGHT_EYE, layouts.LEFT_EYE), (layouts.RIGHT_BROW, layouts.LEFT_BROW)):
        np.testing.assert_array_equal(layouts.MIRROR[left], right)
    for group in (layouts.RIGID, layouts.NOSE, layouts.OVAL, layouts.LIPS_OUTER, layouts.LIPS_INNER):
        assert set(layouts.MIRROR[group].tolist()) == set(group.tolist())


def test_left_is_the_performers_left() -> None:
    assert (layouts.CANONICAL[layouts.LEFT_EYE, 0] > 0).all()
    assert (layouts.CANONICAL[layouts.RIGHT_BROW, 0] < 0).all()


def test_rings_follow_the_mesh() -> None:
    """Neighbours in a ring are neighbours in the mesh, so that a ring can be drawn and integrated along."""
    undirected = {frozenset(edge) for edge in edges()}
    for ring in (layouts.LIPS_INNER, layouts.LIPS_OUTER, layouts.LEFT_EYE, layouts.RIGHT_EYE, layouts.OVAL):
        pairs = zip(ring, np.roll(ring, -1), strict=True)
        missing = [pair for pair in pairs if frozenset(map(int, pair)) not in undirected]
        assert not missing


def test_groups_cannot_be_changed_by_accident() -> None:
    for table in (layouts.OVAL, layouts.TRIANGLES, layouts.CANONICAL, layouts.MIRROR):
        assert not table.flags.writeable


@pytest.fixture(scope="module")
def portrait(clip_frames, mesh478, near) -> np.ndarray:
    """The portrait's 478 points, upright and frontal."""
    (frame,) = clip_frames("portrait")
    return mesh478.from_detection(frame, near.find(frame)[0]).landmarks


@pytest.mark.parametrize(("table", "count"), [(layouts.TO_68, 68), (layouts.TO_106, 106)])
def test_sparse_points_are_means_of_mesh_points(table: np.ndarray, count: int) -> None:
    assert table.shape == (count, layouts.COUNT)
    assert (table >= 0).all()
    np.testing.assert_allclose(table.sum(1), 1, atol=1e-6)
    assert len(np.unique(table, axis=0)) == count


@pytest.mark.parametrize(
    ("table", "pairs"),
    [
        (layouts.TO_68, {0: 16, 8: 8, 17: 26, 31: 35, 36: 45, 37: 44, 48: 54, 60: 64, 59: 55}),
        (layouts.TO_106, {1: 17, 0: 0, 9: 25, 43: 101, 50: 102, 75: 81, 34: 88, 35: 93, 52: 61, 65: 69}),
    ],
    ids=["68", "106"],
)
def test_sparse_layouts_are_the_same_on_both_sides(table: np.ndarray, pairs: dict[int, int]) -> None:
    apart = np.abs(table[:, None] - table[None, :, layouts.MIRROR]).max(axis=2)
    twin = apart.argmin(axis=1)
    assert apart.min(axis=1).max() < 0.02
    np.testing.assert_array_equal(twin[twin], np.arange(len(table)))
    assert {point: int(twin[point]) for point in pairs} == pairs


def test_sparse_points_lie_where_their_standard_has_them(portrait: np.ndarray) -> None:
    x, y = (layouts.TO_68 @ portrait)[:, :2].T
    assert (np.diff(x[:17])[2:-2] > 0).all()  # the jaw runs from the picture's left to its right,
    assert y[8] == y[:17].max()  # down to the chin and up again,
    steps = np.hypot(np.diff(x[:17]), np.diff(y[:17]))
    assert steps.max() < 1.7 * steps.min()  # in even steps
    assert (np.diff(x[17:27]) > 0).all()
    assert (np.diff(y[27:31]) > 0).all()
    assert (np.diff(x[31:36]) > 0).all()
    for eye in (slice(36, 42), slice(42, 48)):
        assert x[eye].argmin() == 0
        assert x[eye].argmax() == 3
        assert max(y[eye][1:3]) < min(y[eye][4:])
    assert x[48:60].argmin() == 0
    assert x[48:60].argmax() == 6
    assert y[48:60].argmax() == 9
    assert y[62] < y[66]


def test_the_106_points_are_in_the_order_of_their_names(portrait: np.ndarray) -> None:
    x, y = (layouts.TO_106 @ portrait)[:, :2].T
    assert y.argmax() == 0  # contour_chin
    assert x[:33].min() == min(x[1:17])  # contour_left: the picture's
    assert x[33:52].max() < x[72:75].min() < x[87:106].min()  # left eye and brow, bridge, right eye and brow
    assert y[[34, 38]] == pytest.approx(y[[33, 40]].mean(), abs=6)  # centre and pupil between the lids
    assert x[52] == x[52:72].min()  # mouth_left_corner
    assert x[61] == x[52:72].max()  # mouth_right_corner
    assert (np.diff(y[[71, 62, 60, 53]]) > 0).all()  # upper lip's top and bottom, lower lip's top and bottom
    assert x[77] == x[72:87].min()
    assert x[83] == x[72:87].max()
