from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np
import pytest

from stages.errors import ConfigError
from stages.faces import layouts
from stages.packets import Edit, Edits, Face, Faces, Floats, Frame, Stamp, Units
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


def test_a_row_and_a_column_more_leave_a_wide_feather_where_it_is() -> None:
    mask = cv2.GaussianBlur(_edit().mask, (0, 0), 3)
    whole, odd = feather(mask, 8.0), feather(np.ascontiguousarray(mask[:-1, :-1]), 8.0)
    np.testing.assert_allclose(odd, whole[:-1, :-1], atol=1e-5)


def test_gaussian_softens_by_a_share_of_the_face(face: Callable[..., Face], only: Callable[[Face], Faces]) -> None:
    edits = Edits(AT, (_edit(),))
    small, large = (Gaussian(width=0.03).process(edits, only(face(unit=unit))) for unit in (60.0, 240.0))
    assert large.edits[0].mask.sum() < small.edits[0].mask.sum() < edits.edits[0].mask.sum()


def test_a_width_of_zero_changes_nothing(face: Callable[..., Face], only: Callable[[Face], Faces]) -> None:
    edits = Edits(AT, (_edit(),))
    assert Gaussian(width=0.0).process(edits, only(face())).edits[0] is edits.edits[0]


def test_poisson_takes_out_a_difference_in_tone(face: Callable[..., Face], only: Callable[[Face], Faces]) -> None:
    done = Poisson().process({}, Edits(AT, (_edit(0.2),)), only(face())).edits[0]
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
    done = Poisson().process({}, edits, faces)
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


@pytest.mark.parametrize(
    ("stage", "field", "value"), [(Gaussian, "width", -0.1), (Poisson, "cycles", 0), (Poisson, "steady_s", -1.0)]
)
def test_a_wrong_value_is_refused_by_its_name(stage: type, field: str, value: float) -> None:
    with pytest.raises(ConfigError, match=f"^{field}"):
        stage(**{field: value})


def _restless(face: Face, frames: int, hair: float, light: float = 0.0) -> Iterator[Edits]:
    """A face painted in another tone on a picture whose mask's edge lies in strands that differ from frame to frame."""
    spots = face.landmarks[: layouts.MESH_COUNT, :2]
    mask = np.zeros((480, 640), np.float32)
    cv2.fillPoly(mask, [np.rint(spots[layouts.OVAL]).astype(np.int32)], 1)
    rng = np.random.default_rng(7)
    for index in range(frames):
        strands = cv2.resize(rng.normal(0, hair, (48, 64, 1)).astype(np.float32), (640, 480))[..., None]
        lit = np.float32(0.5 + light * index)
        edge = cv2.erode(mask, np.ones((9, 9), np.uint8))[..., None]
        before = np.broadcast_to(lit + strands * (1 - edge), (480, 640, 3)).astype(np.float32)
        after = np.full((480, 640, 3), 0.4, np.float32)
        yield Edits(
            Stamp("c", index, index, Fraction(1, 25)),
            (Edit(0, (0, 0, 640, 480), before, after, mask, places=spots, sources=spots),),
        )


def _middles(stage: Poisson, frames: Iterator[Edits], faces: Faces) -> np.ndarray:
    """(frames, h, w) what comes out in the middle of the face."""
    state = stage.begin(None)  # type: ignore[arg-type]
    return np.stack([stage.process(state, edits, faces).edits[0].after[180:280, 270:370, 0] for edits in frames])


def test_what_flickers_along_the_edge_does_not_flicker_over_the_face(
    face: Callable[..., Face], only: Callable[[Face], Faces]
) -> None:
    one = face()
    restless, calm = (
        np.abs(np.diff(_middles(Poisson(steady_s=s), _restless(one, 16, 0.06), only(one))[4:], axis=0)).mean()
        for s in (0.0, 0.2)
    )
    assert calm < 0.4 * restless


def test_light_that_changes_over_the_whole_edge_is_followed_at_once(
    face: Callable[..., Face], only: Callable[[Face], Faces]
) -> None:
    one = face()
    made = _middles(Poisson(steady_s=0.5), _restless(one, 8, 0.0, light=0.03), only(one))
    assert made.mean((1, 2)) == pytest.approx(0.5 + 0.03 * np.arange(8), abs=2e-3)


def test_after_a_gap_the_edge_starts_anew(face: Callable[..., Face], only: Callable[[Face], Faces]) -> None:
    one = face()
    frames = list(_restless(one, 3, 0.06))
    late = Edits(Stamp("c", 99, 99, Fraction(1, 25)), frames[2].edits)
    stage = Poisson(steady_s=0.2)
    alone = stage.process({}, late, only(one)).edits[0].after
    assert np.array_equal(_last(stage, [*frames[:2], late], only(one)), alone)
    other = Edits(frames[2].at, (replace(frames[2].edits[0], track=0),))
    assert not np.array_equal(_last(stage, [*frames[:2], other], only(one)), alone)


def _last(stage: Poisson, frames: list[Edits], faces: Faces) -> Floats:
    state = stage.begin(None)  # type: ignore[arg-type]
    return [stage.process(state, edits, faces).edits[0].after for edits in frames][-1]


def test_background_under_the_edge_does_not_shine_into_the_face(
    face: Callable[..., Face], only: Callable[[Face], Faces]
) -> None:
    edit = _edit(0.1)
    bright = edit.before.copy()
    bright[50:60, 28:31] += np.float32(0.6)
    made, plain = (
        Poisson().process({}, Edits(AT, (replace(edit, before=before),)), only(face())).edits[0].after
        for before in (bright, edit.before)
    )
    assert np.abs(made - plain)[50:60, 33:60].max() < 0.06
