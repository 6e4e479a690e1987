from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from stages.errors import ConfigError
from stages.packets import Edit, Edits, Face, Faces, Floats, Frame, Units
from stages.render.blend import Gaussian, Poisson, feather
from stages.render.warp import Warp
from tests.stages.render.conftest import AT


def _edit(shift: float = 0.0, size: int = 120) -> Edit:
    rng = np.random.default_rng(0)
    before = rng.uniform(0, 1, (size, size, 3)).astype(np.float32)
    mask = np.zeros((size, size), np.float32)
    mask[30:90, 30:90] = 1
    return Edit(0, (0, 0, size, size), before, before + np.float32(shift), mask)


def test_feathering_stays_within_the_mask_and_keeps_its_middle() -> None:
    mask = _edit().mask
    soft = feather(mask, 4.0)
    assert (soft <= mask).all()
    assert soft[60, 60] == pytest.approx(1)
    edge = soft[60, 28:50]
    assert (np.diff(edge) >= -1e-6).all()
    assert edge[2] < 0.1


def test_feathering_leaves_the_border_of_the_frame_alone() -> None:
    assert feather(np.ones((40, 40), np.float32), 3.0) == pytest.approx(np.ones((40, 40)))


def test_gaussian_softens_by_a_share_of_the_face(face: Callable[..., Face], only: Callable[[Face], Faces]) -> None:
    edits = Edits(AT, (_edit(),))
    small, large = (Gaussian(width=0.03).process(edits, only(face(unit=unit))) for unit in (60.0, 240.0))
    assert large.edits[0].mask.sum() < small.edits[0].mask.sum() < edits.edits[0].mask.sum()


def test_a_width_of_zero_changes_nothing(face: Callable[..., Face], only: Callable[[Face], Faces]) -> None:
    edits = Edits(AT, (_edit(),))
    assert Gaussian(width=0.0).process(edits, only(face())).edits[0] is edits.edits[0]


def test_poisson_takes_out_a_difference_in_tone(face: Callable[..., Face], only: Callable[[Face], Faces]) -> None:
    done = Poisson().process(Edits(AT, (_edit(0.2),)), only(face())).edits[0]
    inside = done.mask > 0
    assert np.abs(done.after - done.before)[inside].max() < 2e-3


def test_poisson_leaves_a_warp_as_it_is(
    picture: Callable[..., Frame],
    face: Callable[..., Face],
    only: Callable[[Face], Faces],
    measured: Callable[..., Units],
) -> None:
    faces = only(face())
    edits = Warp().process(picture(), faces, measured(), measured({"AU12": 2.0}))
    assert edits is not None
    done = Poisson().process(edits, faces)
    assert done.edits[0].after is edits.edits[0].after


@pytest.mark.parametrize("asked", [{"AU12": 3.0}, {"AU07": 3.0}, {"AU04": 3.0}, {"AU43": 2.0}])
def test_feathering_a_warp_does_not_bring_the_old_picture_back(
    picture: Callable[..., Frame],
    face: Callable[..., Face],
    only: Callable[[Face], Faces],
    measured: Callable[..., Units],
    asked: dict[str, float],
) -> None:
    faces = only(face())
    edits = Warp().process(picture(), faces, measured(), measured(asked))
    assert edits is not None
    soft = Gaussian().process(edits, faces).edits[0]
    motion: Floats = np.abs(soft.after - soft.before)[..., :2].max(2) * 2048
    assert motion.max() > 3
    assert ((1 - soft.mask) * motion).max() < 0.5


@pytest.mark.parametrize(("stage", "field", "value"), [(Gaussian, "width", -0.1), (Poisson, "cycles", 0)])
def test_a_wrong_value_is_refused_by_its_name(stage: type, field: str, value: float) -> None:
    with pytest.raises(ConfigError, match=f"^{field}"):
        stage(**{field: value})
