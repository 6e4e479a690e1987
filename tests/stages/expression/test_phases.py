from __future__ import annotations

import numpy as np
import pytest

from stages.expression import phases
from stages.expression.gain import Gain
from stages.expression.shape import Shape
from tests.stages.expression.filmed import curve, seconds, units

WHEN = seconds(8)
SMILE = 3 * np.interp(WHEN, [2, 3, 5, 6.5], [0, 1, 1, 0])
"""Comes up from 2 to 3 s, stays to 5, goes by 6.5."""


def smiled(speed: float) -> np.ndarray:
    measured = units([{"AU12": SMILE, "AU06": SMILE / 2, "AU04": SMILE}])
    asked = list(Shape(profile=Gain(smile={"onset": speed})).process(measured, measured))
    assert np.array_equal(curve(asked, "AU04"), curve(measured, "AU04"))
    assert curve(asked, "AU06") == pytest.approx(curve(asked, "AU12") / 2, abs=1e-5)
    return curve(asked, "AU12")[:, 0]


def onset(smile: np.ndarray) -> float:
    """Seconds from 10 to 90 %."""
    return float(np.interp(2.7, smile[:100], WHEN[:100]) - np.interp(0.3, smile[:100], WHEN[:100]))


@pytest.mark.parametrize("speed", [0.5, 0.75, 1.5, 2, 3])
def test_a_smile_comes_up_so_many_times_faster(speed: float):
    assert onset(smiled(speed)) == pytest.approx(onset(SMILE) / speed, abs=0.08)


@pytest.mark.parametrize("speed", [0.5, 2])
def test_it_begins_when_it_did_and_is_as_strong(speed: float):
    smile = smiled(speed)
    assert np.array_equal(smile[WHEN <= 2], np.float32(SMILE)[WHEN <= 2])
    assert smile.max() == pytest.approx(3, abs=1e-5)
    assert smile[WHEN > 6.5].max() == 0
    assert np.abs(np.diff(smile)).max() < 0.5


def test_speech_on_the_lips_is_no_smile():
    small = 0.3 * (1 + np.sin(2 * np.pi * 3 * WHEN))
    assert list(phases.onsets(np.float32(small))) == []
    assert np.array_equal(phases.paced(WHEN, np.float32(small), 2), WHEN)


def test_several_smiles_are_several_onsets():
    twice = np.float32(3 * (0.5 - 0.5 * np.cos(np.pi * WHEN / 2)))
    found = [(WHEN[one.start], WHEN[one.apex], WHEN[one.end]) for one in phases.onsets(twice)]
    assert len(found) == 2
    assert found[0] == pytest.approx((0.3, 1.72, 4.0), abs=0.1)


def held(**hold: object) -> np.ndarray:
    measured = units([{"AU12": SMILE}])
    profile = Gain(hold=[{"au": 12, **hold}])
    return curve(list(Shape(profile=profile).process(measured, measured)), "AU12")[:, 0]


def test_a_unit_stays_at_its_apex_and_is_released():
    asked = held(**{"from": "00:00:02:12", "to": "6s", "release": 1.0})
    assert np.array_equal(asked[WHEN < 5], np.float32(SMILE)[WHEN < 5])
    assert asked[(WHEN >= 3) & (WHEN <= 6)] == pytest.approx(3, abs=1e-5)
    assert np.all(np.diff(asked[WHEN >= 6]) <= 1e-6)
    assert np.abs(np.diff(asked)).max() < 0.25
    assert asked[WHEN >= 7].max() == 0


def test_a_hold_where_nothing_happens_changes_nothing():
    assert np.array_equal(held(**{"from": "7s", "to": "7.5s"}), np.float32(SMILE))
    assert np.array_equal(held(**{"from": "3600s", "to": "3700s"}), np.float32(SMILE))
