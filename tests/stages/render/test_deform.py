from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from stages.expression import basis
from stages.faces import layouts
from stages.packets import Face, Floats
from stages.render import mesh, raster
from stages.render.deform import Deformed, deform
from stages.render.openings import Limit, View
from stages.render.skin import LEAST_AREA, SLIVER
from tests.stages.render.conftest import values

UNIT = 150.0
VIEW = View(UNIT, np.array([0, 1], np.float32), (640, 480))
EYE, MOUTH = Limit(1.4, 0.01, overlap=0.012), Limit(1.8, 0.012, rest=0.12)


def _deformed(face: Face, delta: Floats) -> Deformed:
    wanted = (np.tensordot(delta, basis.load().displacement, 2) * UNIT)[:, :2]
    return deform(face.landmarks, wanted, VIEW, eye=EYE, mouth=MOUTH)


def _gap(opening: mesh.Opening, points: Floats) -> Floats:
    gap: Floats = points[opening.lower, 1] - points[opening.upper, 1]
    return gap


@pytest.mark.parametrize("seed", range(12))
def test_no_triangle_of_the_skin_folds_whatever_is_asked(face: Callable[..., Face], seed: int) -> None:
    rng = np.random.default_rng(seed)
    shown = {"AU25": rng.uniform(0, 3), "AU12": rng.uniform(0, 3), "AU43": rng.uniform(0, 3)}
    still = face(shown=shown)
    moved = _deformed(still, rng.normal(0, 2.5, values({}).shape).astype(np.float32))
    skin = mesh.TRIANGLES[(mesh.TRIANGLES < layouts.MESH_COUNT).all(1)]
    before = raster.facing(skin, still.landmarks[:, :2])
    after = raster.facing(skin, moved.points)
    judged = before > 1.01 * (SLIVER * UNIT) ** 2
    assert judged.mean() > 0.7
    assert (after[judged] > 0.9 * LEAST_AREA * before[judged]).all()


def test_lids_stop_where_they_touch(face: Callable[..., Face]) -> None:
    moved = _deformed(face(), values({"AU43": 5.0}))
    for eye in mesh.OPENINGS[:2]:
        gap = _gap(eye, moved.points) / UNIT
        assert gap.min() > -0.02
        assert gap.max() < 0.025


def test_the_eyeball_stays_put_while_the_lid_comes_down(face: Callable[..., Face]) -> None:
    moved = _deformed(face(), values({"AU43": 1.5}))
    for eye in mesh.OPENINGS[:2]:
        inner = moved.offsets[eye.inner].reshape(eye.columns, -1, 2)[eye.columns // 2]
        lid = np.abs(moved.offsets[eye.upper[eye.columns // 2]]).max()
        assert lid > 3
        assert np.abs(inner[inner.shape[0] * 3 // 4]).max() < 0.1 * lid


def test_gaze_moves_the_eyeball_and_leaves_the_lids(face: Callable[..., Face]) -> None:
    moved = _deformed(face(), values({"AU61": 2.0}))
    iris = np.tensordot(values({"AU61": 2.0}), basis.load().displacement, 2)[layouts.RIGHT_IRIS[0], 0] * UNIT
    inner = moved.offsets[mesh.RIGHT_EYE.inner].reshape(mesh.RIGHT_EYE.columns, -1, 2)
    assert abs(iris) > 2
    assert -inner[3, 2, 0] == pytest.approx(iris, rel=0.6)
    assert np.abs(moved.offsets[mesh.RIGHT_EYE.upper]).max() < 0.5 * abs(iris)


def test_closed_lips_do_not_part_further_than_the_slack(face: Callable[..., Face]) -> None:
    still = face()
    moved = _deformed(still, values({"AU25": 5.0, "AU26": 5.0}))
    gap, before = _gap(mesh.MOUTH, moved.points), _gap(mesh.MOUTH, still.landmarks[:, :2])
    assert (gap <= np.maximum(before, 0) * MOUTH.growth + (MOUTH.slack + 0.012) * UNIT).all()


def test_inner_points_are_taken_from_inside_the_opening_and_in_order(face: Callable[..., Face]) -> None:
    still = face(shown={"AU25": 3.0})
    for delta in ({"AU12": 4.0}, {"AU43": 3.0}, {"AU26": 4.0}, {"AU10": 4.0}, {"AU05": 3.0}):
        moved = _deformed(still, values(delta))
        sources = moved.points + moved.offsets
        for opening in mesh.OPENINGS:
            column = sources[opening.inner].reshape(opening.columns, -1, 2)[..., 1]
            gap = _gap(opening, still.landmarks[:, :2])
            wide = gap > 1
            assert (np.diff(column[wide], axis=1) > 0).all()
            assert (column[wide] > still.landmarks[opening.upper[wide], 1][:, None]).all()
            assert (column[wide] < still.landmarks[opening.lower[wide], 1][:, None]).all()


def test_small_changes_of_the_wish_change_the_mesh_little(face: Callable[..., Face]) -> None:
    still = face(shown={"AU25": 1.0})
    steps = [_deformed(still, values({"AU43": t, "AU12": t, "AU25": t / 2})).points for t in np.arange(0, 5, 0.05)]
    assert np.abs(np.diff(steps, axis=0)).max() < 0.012 * UNIT


def test_at_rest_every_offset_is_exactly_zero(face: Callable[..., Face]) -> None:
    moved = _deformed(face(), values({}))
    assert not moved.offsets.any()
    assert not moved.moved.any()


def test_lips_meet_where_another_frame_shows_them_shut(face: Callable[..., Face]) -> None:
    still = face(shown={"AU25": 4.0, "AU26": 2.0})
    wanted = (np.tensordot(values({"AU25": -3.4, "AU26": -1.7}), basis.load().displacement, 2) * UNIT)[:, :2]
    left = [
        _gap(mesh.MOUTH, deform(still.landmarks, wanted, VIEW, eye=EYE, mouth=MOUTH, known=(None, None, known)).points)
        for known in (None, np.zeros(mesh.MOUTH.columns, np.float32))
    ]
    assert left[0].mean() > 0.025 * UNIT
    assert np.abs(left[1]).max() < 0.01 * UNIT


def test_shutting_is_left_alone_where_half_the_gap_is_asked_for(face: Callable[..., Face]) -> None:
    still = face(shown={"AU25": 4.0, "AU26": 2.0})
    wanted = (np.tensordot(values({"AU25": -1.4, "AU26": -0.7}), basis.load().displacement, 2) * UNIT)[:, :2]
    shut = np.zeros(mesh.MOUTH.columns, np.float32)
    one, two = (
        deform(still.landmarks, wanted, VIEW, eye=EYE, mouth=MOUTH, known=(None, None, known)).points
        for known in (None, shut)
    )
    assert np.array_equal(one, two)


def test_an_opening_may_grow_as_far_as_another_frame_shows_it(face: Callable[..., Face]) -> None:
    still = face(shown={"AU43": 5.0})
    wanted = (np.tensordot(values({"AU43": -5.0}), basis.load().displacement, 2) * UNIT)[:, :2]
    known = np.full(mesh.LEFT_EYE.columns, 0.05, np.float32)
    moved = deform(still.landmarks, wanted, VIEW, eye=EYE, mouth=MOUTH, known=(None, known, None)).points
    assert _gap(mesh.RIGHT_EYE, moved)[2:-2].mean() < 0.02 * UNIT
    assert 0.04 * UNIT < _gap(mesh.LEFT_EYE, moved)[2:-2].mean() < 0.06 * UNIT


def test_a_fold_at_one_corner_of_the_mouth_does_not_stop_the_rest(face: Callable[..., Face]) -> None:
    still = face()
    moves = np.zeros((layouts.COUNT, 2), np.float32)
    moves[[105, 334], 1] = -10  # both brows
    alone = deform(still.landmarks, moves, VIEW, eye=EYE, mouth=MOUTH).points
    moves[57] = [60, 0]  # a point beside the right corner of the mouth, far across its neighbours
    both = deform(still.landmarks, moves, VIEW, eye=EYE, mouth=MOUTH).points
    brows = [105, 334]
    assert np.allclose(both[brows], alone[brows], atol=0.1)
    skin = mesh.TRIANGLES[(mesh.TRIANGLES < layouts.MESH_COUNT).all(1)]
    skin = skin[(skin == 57).any(1)]
    assert raster.facing(skin, both).min() > 0
