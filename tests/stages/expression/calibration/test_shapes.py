from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from stages import facs
from stages.expression import basis, pose
from stages.expression.calibration import shapes
from stages.packets import Floats

BASIS = basis.load()
UNITS = (4, 12, 25)
PEOPLE, PICTURES = 12, 14


def photographed(directory: Path, seed: int) -> None:
    """A person as `photograph` would keep them: two sittings, a few pictures at rest, heads turned, known units."""
    rng = np.random.default_rng(seed)
    who = BASIS.neutral + np.tensordot(rng.standard_normal(len(BASIS.identity)), BASIS.identity, 1)
    landmarks, values = [], np.zeros((2 * PICTURES, facs.COUNT, 2), np.float32)
    rest = np.tile(np.arange(PICTURES) < 4, 2)
    for picture in np.flatnonzero(~rest):
        for number in UNITS:
            values[picture, facs.INDEX[f"AU{number:02d}"]] = rng.uniform(0, 5)
    for shown in values:
        head = pose.Pose(150.0, pose.rotation(*rng.normal(0, (12, 8, 5))), np.array([300.0, 200.0, 0.0]))
        face = who + np.tensordot(shown, BASIS.response, 2) + BASIS.turned(head.angles)
        landmarks.append(head.to_image(face) + rng.normal(0, 0.2, face.shape))
    sitting = np.repeat([0, 1], PICTURES)
    np.savez(directory / f"{seed}.npz", landmarks=np.float32(landmarks), values=values, rest=rest, sitting=sitting)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("people")
    for seed in range(1, PEOPLE + 1):
        photographed(directory, seed)
    return directory


@pytest.fixture(scope="module")
def learned(data: Path) -> dict[str, Floats]:
    return shapes.learn(list(shapes.sittings(sorted(data.glob("*.npz")))))


@pytest.mark.parametrize("number", UNITS)
def test_the_response_of_a_known_movement_is_found(learned: dict[str, Floats], number: int):
    row = facs.INDEX[f"AU{number:02d}"]
    found, true = (table[row].astype(np.float64).sum(0).ravel() for table in (learned["response"], BASIS.response))
    assert found @ true > 0.95 * np.linalg.norm(found) * np.linalg.norm(true)
    assert np.linalg.norm(found) == pytest.approx(np.linalg.norm(true), rel=0.2)


def test_what_nobody_showed_has_no_response(learned: dict[str, Floats]):
    assert not learned["response"][facs.INDEX["AU20"]].any()


def test_sides_mirror(learned: dict[str, Floats]):
    left, right = learned["response"][facs.INDEX["AU12"]].astype(np.float64).reshape(2, -1)
    assert np.abs(shapes.mirror(left) - right).max() < 1e-3


def test_the_mean_person_is_found(learned: dict[str, Floats]):
    off = learned["neutral"] - BASIS.neutral
    size = np.sqrt(np.square(BASIS.identity).sum((0, 2)).mean())
    assert np.sqrt(np.square(off).sum(1).mean()) < size
    assert (
        np.abs(shapes.mirror(learned["neutral"].astype(np.float64).ravel()) - learned["neutral"].ravel()).max() < 1e-5
    )


def test_identity_is_as_large_as_people_differ(learned: dict[str, Floats]):
    found, true = (np.square(table.astype(np.float64)).sum() for table in (learned["identity"], BASIS.identity))
    assert found == pytest.approx(true, rel=0.6)


def test_noise_is_not_identity(learned: dict[str, Floats]):
    assert np.square(learned["unexplained"].astype(np.float64)).sum() < 0.1 * np.square(BASIS.unexplained).sum()


def test_what_a_turn_adds_is_found(learned: dict[str, Floats]):
    found, true = (np.tensordot(basis.turns(np.float32([15, 8, 0])), t.astype(np.float64), 1) for t in
                   (learned["turning"], BASIS.turning))  # fmt: skip
    assert np.linalg.norm(found - true) < 0.4 * np.linalg.norm(true)


def test_the_command_leaves_people_out_and_says_whom_it_saw(data: Path, tmp_path: Path):
    shapes.main(["--data", str(data), "--skip", "2", "--out", str(tmp_path / "a.npz")])
    with np.load(tmp_path / "a.npz") as table:
        facts = json.loads(str(table["provenance"]))
    assert facts["people"] == PEOPLE // 2
    assert facts["pictures"] == PEOPLE * PICTURES
    assert facts["licence"].endswith("CC0-1.0 material only")
