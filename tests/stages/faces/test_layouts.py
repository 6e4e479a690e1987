from __future__ import annotations

from collections import Counter

import numpy as np

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
