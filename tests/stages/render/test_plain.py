"""A performer's skin at rest, and how skin that has shifted is found again."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from stages import facs
from stages.errors import ConfigError
from stages.expression import chart, pose
from stages.faces import layouts
from stages.packets import FaceUnits, Page, Pages, Units
from stages.render.wear import regions, relief, unseen
from stages.render.wear.plain import FitPlain
from tests.stages.render.conftest import AT, values


def speckled() -> np.ndarray:
    """(SIZE, SIZE) luma with structure everywhere."""
    noise = cv2.GaussianBlur(np.random.default_rng(4).standard_normal((chart.SIZE, chart.SIZE)), (0, 0), 2.5)
    return (120 + 150 * noise).astype(np.float32)


def test_light_that_varies_slowly_is_no_detail():
    luma = speckled()
    shaded = luma * np.linspace(0.8, 1.25, chart.SIZE, dtype=np.float32)
    inner = np.s_[40:150, 50:140]
    off = relief.detail(shaded)[inner] - relief.detail(luma)[inner]
    assert np.abs(off).mean() < 0.1 * np.abs(relief.detail(luma)[inner]).mean()


def test_a_shift_of_the_skin_is_found_and_undone():
    rest = relief.detail(speckled())
    moved = np.roll(rest, 2, axis=0)  # the skin lies two texels lower now
    found = relief.flow(moved, relief.anchor(rest))
    x, y = chart.places()[50] / 2
    assert found[int(y), int(x)] == pytest.approx([0, 2], abs=0.3)
    again = relief.laid(moved, found)
    inner = np.s_[int(2 * y) - 8 : int(2 * y) + 9, int(2 * x) - 8 : int(2 * x) + 9]
    assert np.abs(again - rest)[inner].mean() < 0.3 * np.abs(moved - rest)[inner].mean()


def test_rims_of_eyes_and_mouth_do_not_shift():
    rest = relief.detail(speckled())
    found = relief.flow(np.roll(rest, 2, axis=1), relief.anchor(rest))
    for ring in (layouts.LEFT_EYE, layouts.RIGHT_EYE, layouts.LIPS_INNER):
        x, y = (chart.places()[ring] / 2).T.astype(int)
        assert np.abs(found[y, x]).max() < 0.2


def test_brows_go_further_than_the_tracker_shows_and_lids_do_not():
    head = pose.Pose(150.0, np.eye(3), np.zeros(3))
    face = FaceUnits(0, values({"AU04": 3.0, "AU43": 3.0}), np.ones(facs.COUNT, np.float32), np.zeros(3, np.float32))
    moved = unseen.shift(face, head)
    assert moved[[107, 336], 1].min() > 0.5, "lower"
    assert np.abs(moved[[159, 386, 13, 14]]).max() == 0
    assert not unseen.shift(None, head).any()


def test_somebody_of_few_pages_is_not_known(face):
    """Nothing to learn from: no packet invents a face."""
    one = face()
    box = (180, 60, 460, 400)
    picture = np.full((340, 280, 3), 0.5, np.float16)
    page = Page(0, box, picture, one.landmarks, np.zeros(52, np.float32), np.zeros(3, np.float32))
    units = Units(AT, (FaceUnits(0, values({}), np.ones(facs.COUNT, np.float32), np.zeros(3, np.float32)),))
    fit = FitPlain()
    assert next(iter(fit.process([units] * 3, [Pages(AT, (page,)), None, None]))).plains == ()
    known = next(iter(fit.process([units] * 8, [Pages(AT, (page,))] * 8)))
    assert known.of(0).detail.shape == (chart.SIZE, chart.SIZE)
    assert np.abs(known.of(0).detail[60:120, 60:130].astype(np.float32)).max() < 0.05, "an even face has no detail"


def test_too_few_pages_are_refused():
    with pytest.raises(ConfigError, match=r"^plain\.fewest"):
        FitPlain(fewest=1)


def test_brows_follow_a_found_shift_by_half_and_other_skin_wholly():
    share = regions.followed(chart.SIZE)
    brow, glabella, cheek, chin = (
        share[tuple(np.rint(chart.places()[p]).astype(int)[::-1])] for p in (105, 9, 205, 199)
    )
    assert max(brow, glabella) < 0.6
    assert min(cheek, chin) > 0.95
    assert np.abs(np.diff(share, axis=0)).max() < 0.1, "softly"


def test_what_is_faint_is_no_wrinkle():
    depths = np.linspace(-0.5, 0.5, 101, dtype=np.float32)
    believed = relief.cored(depths)
    assert np.abs(believed[np.abs(depths) < 0.015]).max() < 0.0015
    assert (believed[depths > 0.25] > 0.95 * depths[depths > 0.25]).all()
    assert (np.diff(believed) > 0).all()
    np.testing.assert_allclose(believed, -believed[::-1], atol=1e-6)
