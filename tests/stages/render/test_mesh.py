from __future__ import annotations

from collections import Counter

import numpy as np

from stages.faces import layouts
from stages.render import mesh


def _edges() -> Counter[tuple[int, int]]:
    return Counter((t[k], t[(k + 1) % 3]) for t in mesh.TRIANGLES.tolist() for k in range(3))


def test_triangles_turn_alike_and_meet_without_holes_up_to_the_outermost_ring() -> None:
    edges = _edges()
    assert max(edges.values()) == 1
    open_edges = [edge for edge in edges if edge[::-1] not in edges]
    outermost = set(range(mesh.COUNT - len(layouts.OVAL), mesh.COUNT))
    assert len(open_edges) == len(layouts.OVAL)
    assert {vertex for edge in open_edges for vertex in edge} == outermost


def test_every_vertex_is_used() -> None:
    assert np.array_equal(np.unique(mesh.TRIANGLES), np.arange(mesh.COUNT))


def test_rims_face_each_other_across_the_opening() -> None:
    for opening in mesh.OPENINGS:
        upper, lower = layouts.CANONICAL[opening.upper], layouts.CANONICAL[opening.lower]
        assert np.abs(upper[:, 0] - lower[:, 0]).max() < 0.3
        assert (upper[:, 1] >= lower[:, 1] - 0.05).all()
        assert (np.diff(upper[:, 0]) > 0).all()


def test_rings_lie_around_the_outline() -> None:
    face = (layouts.CANONICAL[:, :2] * [10, -10]).astype(np.float32)
    rings = mesh.rings(face, 90.0).reshape(len(mesh.RINGS), -1, 2)
    middle = face[layouts.OVAL].mean(0)
    reach = np.linalg.norm(np.concatenate([face[layouts.OVAL][None], rings]) - middle, axis=2)
    assert (np.diff(reach, axis=0) > 5).all()


def test_neighbours_of_one_vertex_are_its_triangles_and_what_is_close() -> None:
    moved = np.zeros(mesh.COUNT, bool)
    moved[1] = True
    grown = mesh.neighbours(moved)
    assert grown[mesh.TRIANGLES[(mesh.TRIANGLES == 1).any(1)]].all()
    assert grown.sum() < 60


def test_an_opening_counts_as_a_whole() -> None:
    moved = np.zeros(mesh.COUNT, bool)
    moved[mesh.LEFT_EYE.lower] = True
    grown = mesh.neighbours(moved)
    assert grown[mesh.LEFT_EYE.inner].all()
    assert grown[mesh.LEFT_EYE.upper].all()
    assert not grown[mesh.RIGHT_EYE.inner].any()
