from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from stages.errors import ConfigError
from stages.faces import layouts
from stages.packets import Clip, Colour, Edit, Edits, Face, Floats, Frame, Job, Stamp
from stages.render import spaces
from stages.render.colour import Histogram, MeanCovariance, Off, WhiteBalance
from stages.render.spaces import OKLAB

JOB = Job(Clip(Path("c"), "c", 640, 480, Fraction(1, 25), Fraction(25), 9, "rgb24", Colour(), "raw", "video"), Path())
MATCHES = [MeanCovariance, Histogram, WhiteBalance]


def _skin(seed: int, light: tuple[float, float, float], size: int = 160, spread: float = 0.05) -> Floats:
    """Smooth blotches around one tone."""
    rng = np.random.default_rng(seed)
    coarse = rng.normal(0, 1, (12, 12, 3)) @ np.array([[1, 1, 1], [0.3, -0.1, -0.2], [0.1, 0, -0.1]]) * spread
    blotches = cv2.resize(coarse.astype(np.float32), (size, size), interpolation=cv2.INTER_CUBIC)
    tone: Floats = blotches + np.array(light, np.float32)
    return tone


def _edit(before: Floats, after: Floats) -> Edit:
    size = len(before)
    mask = np.zeros((size, size), np.float32)
    mask[20:-20, 20:-20] = 1
    return Edit(0, (0, 0, size, size), before, after, mask)


def _at(index: int) -> Stamp:
    return Stamp("c", index, index, Fraction(1, 25))


def _frame(index: int = 0, colour: Colour | None = None) -> Frame:
    return Frame(_at(index), None, colour or Colour(transfer=1))


def _once(stage: Any, edit: Edit, colour: Colour | None = None) -> Edit:
    return stage.process(stage.begin(JOB), _frame(0, colour), Edits(_at(0), (edit,))).edits[0]  # type: ignore[no-any-return]


def _lab(pixels: Floats, colour: Colour) -> spaces.Doubles:
    lab: spaces.Doubles = spaces.cones(pixels.reshape(-1, 3), colour) @ OKLAB.T
    return lab


@pytest.mark.parametrize("transfer", [1, 13, 16, 18])
@pytest.mark.parametrize("stage", [MeanCovariance(), Histogram()])
def test_the_face_gets_the_mean_and_most_of_the_spread_of_the_picture(stage: Any, transfer: int) -> None:
    colour = Colour(transfer=transfer)
    edit = _edit(_skin(0, (0.62, 0.48, 0.40), spread=0.05), _skin(1, (0.45, 0.42, 0.44), spread=0.05))
    inside = edit.mask > 0
    wanted, made, was = (
        _lab(part[inside], colour) for part in (edit.before, _once(stage, edit, colour).after, edit.after)
    )
    assert np.abs(wanted.mean(0) - made.mean(0)).max() < 0.1 * np.abs(wanted.mean(0) - was.mean(0)).max()
    assert made.std(0)[0] == pytest.approx(wanted.std(0)[0], rel=0.2)


def test_white_balance_takes_the_tint_and_leaves_lightness() -> None:
    skin = _skin(2, (0.55, 0.45, 0.38))
    edit = _edit(skin, skin * np.array([0.85, 1.0, 1.25], np.float32))
    made = _once(WhiteBalance(), edit)
    inside, colour = edit.mask > 0, Colour(transfer=1)
    wanted, done, was = (_lab(part[inside], colour).mean(0) for part in (edit.before, made.after, edit.after))
    assert np.abs(done - wanted)[1:].max() < 0.15 * np.abs(was - wanted)[1:].max()
    assert done[0] == pytest.approx(was[0], abs=2e-3)


@pytest.mark.parametrize("stage", MATCHES)
def test_alike_faces_stay_as_they_are(stage: Any) -> None:
    skin = _skin(3, (0.6, 0.5, 0.45))
    edits = Edits(_at(0), (_edit(skin, skin.copy()),))
    assert stage().process({}, _frame(), edits) is edits
    assert Off().process(edits) is edits


@pytest.mark.parametrize("stage", MATCHES)
def test_a_strength_of_zero_changes_nothing_and_half_goes_half_the_way(stage: Any) -> None:
    edit = _edit(_skin(0, (0.62, 0.48, 0.40)), _skin(1, (0.45, 0.42, 0.44)))
    assert _once(stage(strength=0.0), edit) is edit
    half, whole = (_once(stage(strength=s), edit).after - edit.after for s in (0.5, 1.0))
    inside = edit.mask > 0
    assert half[inside].mean(0) == pytest.approx(whole[inside].mean(0) / 2, abs=4e-3)


def test_values_beyond_the_nominal_range_are_not_clipped() -> None:
    edit = _edit(_skin(0, (0.7, 0.6, 0.5)), _skin(1, (0.5, 0.5, 0.5)))
    edit.after[40:44, 40:44] = (1.2, 1.3, -0.1)
    made = _once(MeanCovariance(), edit).after
    assert made[41, 41, 1] > 1.1
    assert made[41, 41, 2] < 0.1


def test_one_face_of_another_skin_under_a_beard_counts_little() -> None:
    skin = _skin(4, (0.6, 0.5, 0.45), spread=0.02)
    bearded = skin.copy()
    bearded[110:140, 30:130] = (0.15, 0.12, 0.1)
    made = _once(MeanCovariance(), _edit(skin, bearded)).after
    assert np.abs(made - bearded)[25:100, 25:100].max() < 0.03


def test_eyes_and_mouth_keep_their_colours(face: Callable[..., Face]) -> None:
    shown = face(centre=(160.0, 150.0), unit=110.0, shown={"AU27": 5.0, "AU25": 4.0})
    spots = shown.landmarks[: layouts.MESH_COUNT, :2]
    plain = _edit(_skin(0, (0.62, 0.48, 0.40), 320), _skin(1, (0.45, 0.42, 0.44), 320))
    edit = replace(plain, places=spots, sources=spots)
    made = _once(MeanCovariance(), edit)
    x, y = np.rint(spots[layouts.LIPS_INNER].mean(0)).astype(int)
    assert np.array_equal(made.after[y, x], edit.after[y, x])
    x, y = np.rint(spots[4]).astype(int)
    assert np.abs(made.after[y, x] - edit.after[y, x]).max() > 0.02


def test_colours_do_not_pump_and_follow_a_cut() -> None:
    rng = np.random.default_rng(5)
    stage = MeanCovariance(steady_s=0.5)
    state, moves, before = stage.begin(JOB), [], _skin(0, (0.6, 0.5, 0.45))
    for index in range(40):
        after = _skin(1, (0.5, 0.45, 0.42)) + np.float32(0.02 * rng.normal())
        made = stage.process(state, _frame(index), Edits(_at(index), (_edit(before, after),))).edits[0]
        moves.append((made.after - after)[40:-40, 40:-40].mean())
    assert np.std(np.diff(moves[5:])) < 0.25 * np.std(0.02 * np.diff(np.random.default_rng(5).normal(size=40)))
    dark = _edit(_skin(0, (0.3, 0.25, 0.22)), _skin(1, (0.28, 0.24, 0.23)))
    made = stage.process(state, _frame(40), Edits(_at(40), (dark,))).edits[0]
    assert np.array_equal(made.after, _once(stage, dark).after)


@pytest.mark.parametrize("stage", MATCHES)
@pytest.mark.parametrize(("field", "value"), [("strength", 1.5), ("steady_s", -1.0)])
def test_a_wrong_value_is_refused_by_its_name(stage: Any, field: str, value: float) -> None:
    with pytest.raises(ConfigError, match=field):
        stage(**{field: value})
