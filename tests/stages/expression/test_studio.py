from __future__ import annotations

import sys
from collections.abc import Mapping

import numpy as np
import pytest

from stages import facs
from stages.errors import ModelError
from stages.expression import basis, pose
from stages.expression.calibration import acting
from stages.expression.make_basis import MAP
from stages.expression.recipes import RECIPES, blended, summed
from stages.expression.rig import Rig
from stages.expression.studio.people import Person, Shot, cast
from stages.expression.studio.reading import PRESENT, Reader
from stages.expression.studio.scene import Studio
from stages.models.registry import shipped


@pytest.fixture(scope="module")
def rig() -> Rig:
    return Rig(shipped()["rig"].fetch())


@pytest.fixture(scope="module")
def reader(rig: Rig) -> Reader:
    pytest.importorskip("moderngl", reason="pip install glabella[calibrate]")
    with np.load(MAP) as places:
        return Reader.of(rig, places["vertex"])


def shot(rng: np.random.Generator) -> Shot:
    """A face turned and lit mildly."""
    yaw, pitch, roll = rng.normal(0, (6.0, 4.2, 3.0)).tolist()
    light = (float(rng.uniform(-0.8, 0.8)), float(rng.uniform(0.2, 0.8)), 0.85)
    key, ambient, noise = rng.uniform((1.0, 0.3, 0.0), (1.5, 0.6, 3.0)).tolist()
    return Shot(yaw, pitch, roll, light, key, ambient, noise, int(rng.integers(2**31)))


def changed(reader: Reader, who: Person, weights: Mapping[str, float]) -> np.ndarray:
    """What rig units change in the landmarks of a straight shot, in face space."""
    rest, moved = (reader.track(reader.studio.photograph(who, shown, Shot())) for shown in ({}, weights))
    assert min(rest.presence, moved.presence) >= PRESENT
    mean = basis.load().mean
    faces = [pose.fit(mesh.landmarks, mean).to_face(mesh.landmarks) for mesh in (moved, rest)]
    return faces[0] - faces[1]


def gap(shape: np.ndarray, upper: int, lower: int) -> float:
    return float(shape[lower, 1] - shape[upper, 1])


def test_the_landmarker_takes_every_photograph_for_a_face(reader: Reader, rig: Rig):
    rng = np.random.default_rng(5)
    photos = [reader.studio.photograph(cast(rig, 5000 + number), {}, shot(rng)) for number in range(6)]
    meshes = [reader.track(photo) for photo in photos]
    assert min(mesh.presence for mesh in meshes) > PRESENT


def test_the_same_seed_gives_the_same_photograph(reader: Reader, rig: Rig):
    first, second = (reader.studio.photograph(cast(rig, 3), {}, Shot(seed=4)).picture for _ in range(2))
    assert np.array_equal(first, second)
    other = reader.studio.photograph(cast(rig, 9), {}, Shot(seed=4)).picture
    assert np.abs(first.astype(int) - other).mean() > 2


@pytest.mark.parametrize(
    ("number", "upper", "lower", "sign"), [(43, 159, 145, -1), (25, 13, 14, 1), (26, 4, 152, 1), (1, 107, 4, 1)]
)
def test_a_shown_unit_is_seen(reader: Reader, rig: Rig, number: int, upper: int, lower: int, sign: int):
    seen = changed(reader, cast(rig, 2), blended(number, 1, 1))
    assert sign * gap(seen, upper, lower) > 0.02


def test_one_side_of_a_unit_is_seen_on_that_side(reader: Reader, rig: Rig):
    seen = changed(reader, cast(rig, 2), blended(12, 1, 0))
    assert np.abs(seen[291]).max() > 2 * np.abs(seen[61]).max()


def test_without_moderngl_it_says_what_to_install(rig: Rig, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "moderngl", None)
    with pytest.raises(ModelError, match="pip install"):
        Studio(rig).photograph(cast(rig, 0), {}, Shot())


def test_a_unit_without_sides_is_shown_whole():
    assert blended(26, 0.5, 0.0) == {"jawOpen": 0.225, "mouthClose": 0.225}
    assert blended(12, 1, 0.5) == {"mouthSmileLeft": 1, "mouthSmileRight": 0.5}


def test_units_that_share_rig_units_add():
    assert summed({26: (1, 1), 27: (1, 1)})["jawOpen"] == pytest.approx(1.45)


def test_random_faces_follow_the_seed_and_stay_in_range():
    draws = [
        [acting.performance(rng) for _ in range(40)] for rng in (np.random.default_rng(1), np.random.default_rng(1))
    ]
    assert draws[0] == draws[1]
    assert {number for shares in draws[0] for number in shares} <= set(RECIPES)
    values = [acting.intensities(shares) for shares in draws[0]]
    assert all(table.min() >= 0 and table.max() <= facs.MAX_INTENSITY for table in values)
