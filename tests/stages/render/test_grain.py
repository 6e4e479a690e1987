from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np
import pytest

from stages.errors import ConfigError
from stages.packets import Edit, Edits, Face, Floats, Stamp
from stages.render import noise
from stages.render.grain import Off, Plate, Plates
from stages.render.regions import OPENINGS, around


def _plain(size: int = 320) -> Floats:
    """Skin in smooth light from one side, dark to bright."""
    y, x = np.mgrid[:size, :size] / size
    light = 0.25 + 0.5 * x + 0.05 * np.sin(5 * y)
    return (light[..., None] * np.array([1.0, 0.85, 0.75])).astype(np.float32)


def _grainy(seed: int, sigma: float, size: float, tint: float = 0.3, rising: float = 0.0) -> Floats:
    """The same with known grain: standard deviation of luma at mid grey, blur in pixels, share of colour."""
    rng, plain = np.random.default_rng(seed), _plain()
    planes = []
    for _ in range(3):
        white = rng.standard_normal(plain.shape[:2], np.float32)
        blurred = cv2.GaussianBlur(white, (0, 0), size) if size else white
        planes.append(blurred / blurred.std())
    y, cb, cr = planes[0], tint * planes[1], tint * planes[2]
    rgb = np.stack([y + 1.5748 * cr, y - 0.1873 * cb - 0.4681 * cr, y + 1.8556 * cb], 2)
    luma = plain @ np.array([0.2126, 0.7152, 0.0722], np.float32)
    made: Floats = plain + (sigma * (1 + rising * (luma - 0.5)))[..., None].astype(np.float32) * rgb
    return made


def _edits(before: Floats, after: Floats, index: int = 3, track: int = 0) -> Edits:
    mask = np.zeros(before.shape[:2], np.float32)
    mask[10:-10, 10:-10] = 1
    edit = Edit(track, (0, 0, mask.shape[1], mask.shape[0]), before, after, mask)
    return Edits(Stamp("c", index, index, Fraction(1, 25)), (edit,))


def _added(edits: Edits) -> Floats:
    made: Floats = Plate().process(Plates(still=True), edits).edits[0].after - edits.edits[0].after
    return made[12:-12, 12:-12]


def _luma(picture: Floats) -> Floats:
    return picture @ np.array([0.2126, 0.7152, 0.0722], np.float32)


@pytest.mark.parametrize("size", [0.0, 0.7, 1.3])
@pytest.mark.parametrize("sigma", [0.01, 0.03])
def test_a_face_without_grain_gets_what_the_plate_has(sigma: float, size: float) -> None:
    added = _added(_edits(_grainy(0, sigma, size), _plain()))
    assert _luma(added).std() == pytest.approx(sigma, rel=0.2)
    own = _luma(_grainy(1, sigma, size) - _plain())

    def alike(plane: Floats) -> float:
        return float(np.corrcoef(plane[:, 1:].ravel(), plane[:, :-1].ravel())[0, 1])

    assert alike(_luma(added)) == pytest.approx(alike(own), abs=0.1)


@pytest.mark.parametrize("tint", [0.0, 0.5])
def test_it_is_as_coloured_as_the_plate(tint: float) -> None:
    added = _added(_edits(_grainy(0, 0.03, 0.7, tint), _plain()))
    blue = (added[..., 2] - _luma(added)) / 1.8556
    assert blue.std() / _luma(added).std() == pytest.approx(tint, abs=0.1)


def test_it_is_stronger_where_the_plate_is() -> None:
    added = _luma(_added(_edits(_grainy(0, 0.03, 0.7, rising=1.6), _plain())))
    wanted = _luma(_grainy(0, 0.03, 0.7, rising=1.6) - _plain())[12:-12, 12:-12]
    for part in (slice(0, 80), slice(-80, None)):
        assert added[:, part].std() == pytest.approx(wanted[:, part].std(), rel=0.25)


def test_only_what_is_missing_is_added() -> None:
    half = _grainy(5, 0.02, 0.7)
    edits = _edits(_grainy(0, 0.03, 0.7), half)
    whole = _luma(Plate().process(Plates(still=True), edits).edits[0].after - _plain())[12:-12, 12:-12]
    assert whole.std() == pytest.approx(0.03, rel=0.15)


@pytest.mark.parametrize("after", [_grainy(5, 0.03, 0.7), _grainy(5, 0.05, 0.7)])
def test_a_face_that_has_enough_stays_about_as_it_is(after: Floats) -> None:
    assert np.abs(_luma(_added(_edits(_grainy(0, 0.03, 0.7), after)))).std() < 0.3 * 0.03


def test_a_clean_plate_gets_none() -> None:
    edits = _edits(_plain(), _plain() + np.float32(0.05))
    assert Plate().process(Plates(still=True), edits) is edits
    assert Off().process(edits) is edits


def test_the_same_frame_has_the_same_grain_on_any_thread_and_no_two_frames_share_it() -> None:
    before, after = _grainy(0, 0.03, 0.7), _plain()
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: _added(_edits(before, after)), range(4)))
    assert all(np.array_equal(one, made[0]) for one in made)
    for other in (_edits(before, after, index=4), _edits(before, after, track=1)):
        assert abs(np.corrcoef(_luma(_added(other)).ravel(), _luma(made[0]).ravel())[0, 1]) < 0.05


def test_openings_keep_the_grain_they_have(face: Callable[..., Face]) -> None:
    spots = face(centre=(160.0, 150.0), unit=150.0, shown={"AU27": 5.0, "AU25": 4.0}).landmarks[:468, :2]
    plain = _edits(_grainy(0, 0.03, 0.7), _plain())
    edits = replace(plain, edits=(replace(plain.edits[0], places=spots, sources=spots),))
    made = Plate().process(Plates(still=True), edits).edits[0]
    shut = around(edits.edits[0], OPENINGS) == 0
    assert shut.sum() > 100
    assert np.array_equal(made.after[shut], _plain()[shut])


def test_an_edge_or_a_wrinkle_is_no_grain() -> None:
    lined = _plain()
    lined[:, 100:104] *= 0.6
    lined[60:63] *= 0.7
    assert np.abs(_added(_edits(lined, _plain()))).max() < 0.004


def test_a_face_too_small_to_measure_stays_as_it_is() -> None:
    small = _edits(_grainy(0, 0.03, 0.7)[:40, :40], _plain()[:40, :40])
    assert Plate().process(Plates(still=True), small) is small


def test_what_stays_from_frame_to_frame_is_no_grain() -> None:
    """Pores, and what a codec made of them: fine, but the same in the next frame, a little further to the right."""
    stage = Plate()
    state = Plates(still=False)
    pores = _grainy(0, 0.03, 1.3)
    added = []
    for index in range(12):
        edits = _edits(np.roll(pores, index, axis=1), _plain(), index)
        added.append(_luma(stage.process(state, edits).edits[0].after - _plain())[12:-12, 12:-12].std())
    assert max(added) < 0.3 * 0.03


def test_tiles_have_unit_variance_and_wrap_around() -> None:
    for size in (0.0, 0.5, 2.0):
        tile = noise.tile(size)
        assert tile.std() == pytest.approx(1, abs=1e-3)
        across = np.abs(tile[:, 0] - tile[:, -1]).mean()
        assert across == pytest.approx(np.abs(np.diff(tile, axis=1)).mean(), rel=0.25)


@pytest.mark.parametrize(("field", "value"), [("strength", 2.0), ("steady_s", -1.0)])
def test_a_wrong_value_is_refused_by_its_name(field: str, value: float) -> None:
    with pytest.raises(ConfigError, match=field):
        Plate(**{field: value})


def test_the_measurement_holds_until_the_next_and_follows_another_plate() -> None:
    stage = Plate(steady_s=0.2)
    state = Plates(still=False)
    added = []
    for index in range(40):
        edits = _edits(_grainy(index, 0.03 if index < 8 else 0.01, 0.7), _plain(), index)
        made = stage.process(state, edits).edits[0].after - edits.edits[0].after
        added.append(_luma(made)[12:-12, 12:-12].std())
    assert added[0] == 0  # it may be skin, until the next frame tells
    assert added[1:8] == pytest.approx([added[1]] * 7, rel=0.05)
    assert added[10] > added[20] > 0.01
    assert added[-1] == pytest.approx(0.01, rel=0.25)


def test_after_a_gap_what_was_measured_holds_until_a_frame_has_one_before_it() -> None:
    stage, state = Plate(), Plates(still=False)
    added = []
    for index in (0, 1, 2, 16, 17):  # 16 is to be measured, and 15 was not seen
        edits = _edits(_grainy(index, 0.03, 0.7), _plain(), index)
        added.append(_luma(stage.process(state, edits).edits[0].after - _plain())[12:-12, 12:-12].std())
    assert added[3:] == pytest.approx([added[1]] * 2, rel=0.05)
