from __future__ import annotations

import json

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
    assert facts["licence"] == "CC0-1.0"
    assert len(facts["sha256"]) == 64


def test_saving_is_deterministic(tmp_path):
    BASIS.save(tmp_path / "a.npz")
    BASIS.save(tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes() == basis.PATH.read_bytes()
