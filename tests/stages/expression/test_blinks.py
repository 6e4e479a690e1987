from __future__ import annotations

import numpy as np
import pytest

from stages.expression import blinks
from tests.stages.expression.filmed import blink, pulse, seconds

WHEN = seconds(10)


def test_blinks_are_found_whole():
    found = blinks.find(WHEN, np.float32(blink(WHEN, 2) + blink(WHEN, 6, 2.5)))
    assert [WHEN[one.apex] for one in found] == pytest.approx([2, 6])
    for one in found:
        assert WHEN[one.onset] == pytest.approx(WHEN[one.apex] - 0.1, abs=0.05)
        assert WHEN[one.offset] == pytest.approx(WHEN[one.apex] + 0.2, abs=0.05)


def test_two_in_quick_succession_are_two():
    assert len(blinks.find(WHEN, np.float32(blink(WHEN, 2) + blink(WHEN, 2.44)))) == 2


@pytest.mark.parametrize(
    "lids",
    [
        blink(WHEN, 3, 0.7),  # a twitch
        pulse(WHEN, 3, 2.5, 4),  # slowly shut and opened again
        4.2 + blink(WHEN, 3, 0.7) * 1.1,  # eyes that are shut
        np.where(WHEN > 5, 4.0, 0.0),  # shut for good
        np.random.default_rng(0).uniform(0, 0.5, len(WHEN)),  # noise
        blink(WHEN, 0),  # cut by the start of the clip
    ],
)
def test_what_is_no_blink_is_none(lids: np.ndarray):
    assert blinks.find(WHEN, np.float32(lids)) == []


def test_the_clips_own_shape_is_learned():
    lids = np.float32(sum(blink(WHEN, at, 3) for at in (1.2, 3.4, 5.8, 8)))
    shape = blinks.learn(WHEN, lids, blinks.find(WHEN, lids))
    assert (shape.closing, shape.opening, shape.height) == pytest.approx((0.1, 0.2, 3), abs=0.04)
    drawn = shape.height * shape.at(WHEN - 3.4)
    assert np.abs(drawn - blink(WHEN, 3.4, 3)).max() < 0.6


def test_without_enough_of_them_a_blink_closes_faster_than_it_opens():
    shape = blinks.learn(WHEN, np.zeros(len(WHEN), np.float32), [])
    assert shape.closing < shape.opening
    assert 0.1 <= shape.closing + shape.opening <= blinks.LONGEST
    course = shape.at(np.linspace(-0.2, 0.3, 501))
    assert course.max() == pytest.approx(1, abs=0.01)
    assert course[0] == course[-1] == 0
