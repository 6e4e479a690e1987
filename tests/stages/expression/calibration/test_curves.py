from __future__ import annotations

import numpy as np
import pytest

from stages import facs
from stages.expression.calibration import acting, curves
from stages.expression.calibration.curves import SHOWN
from stages.expression.recipes import REACH


def test_pulses_follow_one_another_with_rests_and_reach_their_levels():
    shares, marks = curves.pulses([1, 12], [1.0, 0.2], length=24, rest=6)
    assert [(mark.number, mark.level) for mark in marks] == [(1, 1.0), (1, 0.2), (12, 1.0), (12, 0.2)]
    assert (shares > 0).any(2).sum(1).max() == 1
    for mark in marks:
        shown = shares[mark.start : mark.stop, SHOWN.index(mark.number)]
        assert shown.max() == pytest.approx(mark.level, rel=0.01)
        assert not shares[mark.start - 6 : mark.start].any()
        assert not shares[mark.stop : mark.stop + 6].any()


def test_the_jaw_goes_to_one_side_only():
    shares, _ = curves.pulses([30], [1.0], length=8, rest=2)
    assert shares[..., 0].max() > 0.9
    assert shares[..., 1].max() == 0


def test_overlapping_units_are_several_at_once_and_never_opposed():
    shares = curves.overlapping(np.random.default_rng(3), 900, 30, 0.28)
    active = shares.any(2)
    assert 3 < active.sum(1).mean() < 10
    assert active.any(0).all()
    for one, other in acting.OPPOSED:
        assert not (active[:, SHOWN.index(one)] & active[:, SHOWN.index(other)]).any()
    assert all(shares[:, i].max() <= acting.most(number) for i, number in enumerate(SHOWN))


def test_overlapping_curves_follow_the_seed():
    one, same, other = (curves.overlapping(np.random.default_rng(seed), 60, 30, 0.2) for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_heads_move_smoothly_within_their_limits():
    head = curves.wander(np.random.default_rng(0), 600, 30, (10, 5, 0))
    assert 7 < np.abs(head[:, 0]).max() <= 10
    assert np.abs(head[:, 1]).max() <= 5
    assert not head[:, 2].any()
    assert np.abs(np.diff(head[:, 0])).max() < 2


def test_intensities_count_the_reach_of_people_and_part_the_lips_by_their_gap():
    shares, _ = curves.pulses([1, 25], [1.0], length=9, rest=1)
    parted = np.linspace(0, 2, len(shares))
    values = curves.intensities(shares, parted)
    assert values[:, facs.INDEX["AU01"]].max() == pytest.approx(facs.MAX_INTENSITY / REACH[1])
    assert np.array_equal(values[:, facs.INDEX["AU25"], 1], parted)
