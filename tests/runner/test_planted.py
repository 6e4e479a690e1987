from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from runner.evaluate.options import Planted
from runner.evaluate.planted import planted
from stages.errors import ConfigError
from stages.expression.calibration.curves import SHOWN

GIVEN = {
    "people": 1,
    "units": [1, 12, 43],
    "levels": [0.1, 0.3],
    "seconds": [0.1, 0.5],
    "rest": 0.5,
    "repeats": 4,
    "busy": 0.2,
}


def test_events_are_planted_one_at_a_time_on_a_slow_course():
    shares, marks = planted(np.random.default_rng(1), 30, Planted(**GIVEN))
    assert sorted(mark.number for mark in marks) == [1] * 4 + [12] * 4 + [43] * 4
    assert all(0.1 <= mark.level <= 0.3 and 3 <= mark.stop - mark.start <= 15 for mark in marks)
    assert all(a.stop + 0.5 * 30 <= b.start for a, b in pairwise(marks))
    assert shares.min() == 0
    assert shares.max() <= 0.6 + 0.3
    eyes = shares[:, SHOWN.index(43)]
    shown = np.zeros(len(shares), bool)
    for mark in (mark for mark in marks if mark.number == 43):
        shown[mark.start : mark.stop] = True
        assert eyes[mark.start : mark.stop].max() == pytest.approx(mark.level, rel=0.3)
    assert not eyes[~shown].any()


@pytest.mark.parametrize(
    ("name", "wrong"), [("levels", [0.3, 0.1]), ("seconds", [0.1, 0.8]), ("busy", 0.9), ("units", [99])]
)
def test_settings_that_cannot_be_filmed_are_refused(name: str, wrong: object):
    with pytest.raises(ConfigError, match=name):
        Planted(**{**GIVEN, name: wrong})
