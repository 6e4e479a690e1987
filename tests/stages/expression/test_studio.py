from __future__ import annotations

import sys

import numpy as np
import pytest

from stages import facs
from stages.errors import ModelError
from stages.expression import basis
from stages.expression.calibration import acting
from stages.expression.make_basis import MAP
from stages.expression.recipes import RECIPES, blended, summed
from stages.expression.rig import Rig
from stages.expression.studio.people import Shot, cast, shot
from stages.expression.studio.reading import PRESENT, Reader, Sitter
from stages.expression.studio.scene import Studio
from stages.models.registry import shipped


@pytest.fixture(scope="module")
def rig() -> Rig:
    return Rig(shipped()["rig"].fetch())


@pytest.fixture(scope="module")
def reader(rig: Rig) -> Reader:
    pytest.importorskip("moderngl", reason="pip install glabella[calibrate]")
    with np.load(MAP) as places:
        return Reader.of(rig, places["vertex"], basis.load().mean)


def sitters(rig: Rig, seed: int, count: int) -> list[Sitter]:
    rng = np.random.default_rng(seed)
    return [Sitter(number, cast(rig, seed * 1000 + number), shot(rng)) for number in range(count)]


def gap(shape: np.ndarray, upper: int, lower: int) -> float:
    return float(shape[lower, 1] - shape[upper, 1])


def test_the_landmarker_takes_every_photograph_for_a_face(reader: Reader, rig: Rig):
    shots = sitters(rig, 5, 6)
    meshes = [reader.track(reader.studio.photograph(one.person, {}, one.shot)) for one in shots]
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
    sitter = Sitter(2, cast(rig, 2), Shot())
    seen = reader.difference(sitter, blended(number, 1, 1))
    assert seen is not None
    assert sign * gap(seen, upper, lower) > 0.02


def test_one_side_of_a_unit_is_seen_on_that_side(reader: Reader, rig: Rig):
    seen = reader.difference(Sitter(2, cast(rig, 2), Shot()), blended(12, 1, 0))
    assert seen is not None
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
