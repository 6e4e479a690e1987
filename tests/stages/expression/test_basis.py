from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from stages import facs
from stages.expression import basis
from stages.faces import layouts

BASIS = basis.load()


def full(number: int) -> np.ndarray:
    """(478, 3) displacement at full intensity, both halves."""
    return BASIS.displacement[facs.INDEX[f"AU{number:02d}"]].sum(0) * facs.MAX_INTENSITY


def test_the_mean_face_is_in_face_space_and_at_rest():
    mean = BASIS.mean
    assert np.linalg.norm(mean[33] - mean[263]) == pytest.approx(1, abs=0.02)
    assert mean[263, 0] > 0 > mean[33, 0]  # the performer's left is +x
    assert mean[152, 1] > mean[10, 1]  # y points down
    assert mean[1, 2] < mean[234, 2]  # z points away from the camera
    assert 0 < mean[14, 1] - mean[13, 1] < 0.02
    assert 0.1 < mean[145, 1] - mean[159, 1] < 0.13


@pytest.mark.parametrize(
    ("number", "point", "axis", "sign"),
    [
        (1, 55, 1, -1),
        (2, 105, 1, -1),
        (4, 55, 1, 1),
        (5, 159, 1, -1),
        (10, 0, 1, -1),
        (12, 61, 1, -1),
        (12, 61, 0, -1),
        (15, 61, 1, 1),
        (17, 17, 1, -1),
        (20, 61, 0, -1),
        (25, 14, 1, 1),
        (26, 152, 1, 1),
        (43, 159, 1, 1),
        (61, 468, 0, 1),
        (63, 468, 1, -1),
    ],
)
def test_a_unit_moves_its_landmark_the_way_facs_says(number: int, point: int, axis: int, sign: int):
    assert full(number)[point, axis] * sign > 0.02


def test_the_halves_of_a_sided_unit_mirror_each_other():
    flipped = BASIS.displacement[:, 1][:, layouts.MIRROR] * np.float32([-1, 1, 1])
    gaze = [facs.INDEX[name] for name in ("AU61", "AU62", "AU63", "AU64")]
    others = np.setdiff1d(np.arange(facs.COUNT), gaze)
    mesh = slice(0, layouts.MESH_COUNT)
    assert np.abs(BASIS.displacement[others, 0, mesh] - flipped[others, mesh]).max() < 1e-6


def test_a_half_stays_on_its_side():
    smile = BASIS.displacement[facs.INDEX["AU12"]]
    assert np.abs(smile[0, 291]).max() > 20 * np.abs(smile[0, 61]).max()


def test_full_closure_shuts_the_eye_and_does_not_lap():
    shut = BASIS.mean + full(43)
    for upper, lower in ((159, 145), (386, 374)):
        assert abs(shut[lower, 1] - shut[upper, 1]) < 0.01


def test_lips_part_by_au25_and_not_by_the_jaw():
    assert full(25)[14, 1] - full(25)[13, 1] == pytest.approx(0.2, abs=0.02)
    assert abs(full(26)[14, 1] - full(26)[13, 1]) < 0.005
    assert full(26)[152, 1] > 0.09 > 10 * abs(full(25)[152, 1])


def test_the_jaw_carries_the_lower_outline():
    assert np.all(full(26)[[377, 152, 148], 1] > 0.08)
    assert np.abs(full(26)[[10, 338, 109]]).max() < 0.01


def test_only_gaze_moves_the_irises():
    gaze = [facs.INDEX[name] for name in ("AU61", "AU62", "AU63", "AU64")]
    others = np.setdiff1d(np.arange(facs.COUNT), gaze)
    assert np.abs(BASIS.displacement[others][:, :, layouts.IRISES]).max() == 0


def test_closing_an_eye_is_carried_once():
    assert not BASIS.displacement[facs.INDEX["AU45"]].any()
    assert not BASIS.displacement[facs.INDEX["AU46"]].any()


def test_deformed_adds_displacements():
    values = np.zeros((facs.COUNT, 2), np.float32)
    values[facs.INDEX["AU12"]] = 2
    assert BASIS.deformed(values) - BASIS.mean == pytest.approx(full(12) * 2 / 5, abs=1e-6)


def test_it_is_read_only_and_says_where_it_comes_from():
    with pytest.raises(ValueError, match="read-only"):
        BASIS.mean[0] = 0
    facts = json.loads(BASIS.provenance)
    assert facts["basis"]["licence"] == "CC0-1.0"
    assert len(facts["basis"]["sha256"]) == 64
    assert facts["tracked"]["people"] >= 200


def test_writing_is_deterministic(tmp_path: Path):
    for name in ("a.npz", "b.npz"):
        basis.write(tmp_path / name, "{}", mean=BASIS.mean)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_the_files_stay_small():
    assert basis.PATH.stat().st_size + basis.TRACKED.stat().st_size < 1_500_000


def test_responses_mirror_each_other():
    flipped = BASIS.response[:, 1][:, layouts.MIRROR] * np.float32([-1, 1, 1])
    gaze = [facs.INDEX[name] for name in ("AU61", "AU62")]
    others = np.setdiff1d(np.arange(facs.COUNT), gaze)
    assert np.abs(BASIS.response[others, 0] - flipped[others]).max() < 1e-4


@pytest.mark.parametrize("number", [1, 2, 4, 5, 10, 12, 15, 17, 18, 20, 22, 25, 26, 43])
def test_the_tracker_shows_a_movement_where_it_is(number: int):
    shown = (BASIS.response[facs.INDEX[f"AU{number:02d}"]].sum(0) * facs.MAX_INTENSITY).ravel()
    moved = full(number).ravel()
    assert shown @ moved > 0.4 * np.linalg.norm(shown) * np.linalg.norm(moved)
    assert 0.2 < shown @ moved / (moved @ moved) < 1.6


def test_a_straight_head_adds_nothing_and_a_turn_to_the_other_side_mirrors():
    assert not BASIS.turned(np.zeros(3, np.float32)).any()
    left, right = (BASIS.turned(np.float32([yaw, 8, 3 * np.sign(yaw)])) for yaw in (25, -25))
    assert np.abs(left[layouts.MIRROR] * np.float32([-1, 1, 1]) - right).max() < 1e-3
    assert np.abs(left).max() > 0.02


def test_beyond_what_was_seen_a_turn_adds_no_more():
    assert np.array_equal(BASIS.turned(np.float32([60, 0, 0])), BASIS.turned(np.float32([85, 0, 0])))


def test_identity_is_ordered_and_neutral_faces_are_faces():
    sizes = np.sqrt(np.square(BASIS.identity).sum((1, 2)))
    assert np.all(np.diff(sizes) <= 1e-3)
    for amount in (-2, 2):
        face = BASIS.neutral + amount * BASIS.identity[0]
        assert face[263, 0] > face[1, 0] > face[33, 0]
        assert face[152, 1] > face[14, 1] > face[1, 1] > face[168, 1]
