"""Blink rate and depth, through the stage."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from stages.expression import blinking, blinks
from stages.expression.gain import Gain
from stages.expression.shape import Shape
from tests.stages.expression.filmed import RATE, blink, curve, seconds, units

WHEN = seconds(60)
OWN = np.cumsum(np.random.default_rng(3).lognormal(np.log(4), 0.5, 13))  # a blink every 4 s or so
NOISE = np.abs(np.random.default_rng(4).normal(0, 0.05, len(WHEN)))
BLINKING = NOISE + sum(blink(WHEN, at, 3.5) for at in OWN if at < 59)
Lids = NDArray[np.float64]


def shaped(lids: Lids, profile: Gain, confidence: NDArray[np.float64] | float = 1.0, **more: Lids) -> Lids:
    """The closure asked for; both eyes alike."""
    measured = units([{"AU43": lids, **more}], confidence)
    asked = curve(list(Shape(profile=profile).process(measured, measured)), "AU43")
    assert np.array_equal(asked[:, 0], asked[:, 1])
    return asked[:, 0]


def apexes(lids: Lids) -> Lids:
    return np.array([WHEN[one.apex] for one in blinks.find(WHEN, np.float32(lids))])


@pytest.mark.parametrize("rate", [0, 6, 12, 20, 30])
@pytest.mark.parametrize("lids", [BLINKING, NOISE], ids=["blinking", "staring"])
def test_the_rate_is_reached_within_one_a_minute(lids: Lids, rate: int):
    times = apexes(shaped(lids, Gain(blinks={"rate": rate})))
    assert len(times) == pytest.approx(rate, abs=1)
    assert np.all(np.diff(times) >= 0.4 - 1e-6)


@pytest.mark.parametrize("rate", [4, 9])
def test_a_blink_stays_as_it_was_or_goes_as_a_whole(rate: int):
    asked = shaped(BLINKING, Gain(blinks={"rate": rate}))
    kept = gone = 0
    for one in blinks.find(WHEN, np.float32(BLINKING)):
        window = slice(one.onset, one.offset + 1)
        kept += np.array_equal(asked[window], np.float32(BLINKING)[window])
        gone += asked[window].max() < 0.5
    assert (kept, kept + gone) == (rate, len(apexes(BLINKING)))


def test_real_blinks_are_kept_when_more_are_wanted():
    asked, before = shaped(BLINKING, Gain(blinks={"rate": 30})), np.float32(BLINKING)
    for one in blinks.find(WHEN, before):
        assert np.array_equal(asked[one.onset : one.offset + 1], before[one.onset : one.offset + 1])


def test_new_blinks_look_like_the_clips_own_and_come_at_uneven_times():
    asked = shaped(BLINKING, Gain(blinks={"rate": 30}))
    found = blinks.find(WHEN, np.float32(asked))
    assert np.std([one.height for one in found]) < 0.6
    assert all(2.4 < one.height <= 5 for one in found)
    assert 0.25 < np.diff(apexes(shaped(NOISE, Gain(blinks={"rate": 20})))).std() / 3 < 1.2


def test_the_same_clip_blinks_at_the_same_times():
    first, second = (shaped(NOISE, Gain(blinks={"rate": 12})) for _ in range(2))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, shaped(NOISE[::-1].copy(), Gain(blinks={"rate": 12}))[::-1])


def test_none_is_set_where_the_eye_is_shut_looks_down_or_is_not_seen():
    shut = np.where((WHEN > 10) & (WHEN < 20), 4.5, 0.0) + NOISE
    down = np.where((WHEN > 25) & (WHEN < 35), 4.0, 0.0)
    unseen = np.where((WHEN > 40) & (WHEN < 50), 0.1, 1.0)
    asked = shaped(shut, Gain(blinks={"rate": 30}), unseen, AU64=down)
    changed = np.abs(asked - np.float32(shut)) > 1e-6
    forbidden = (shut > 4) | (down > 3) | (unseen < 1)
    assert changed.any()
    assert not (changed & forbidden).any()


def test_a_face_that_is_lost_gets_no_half_blink():
    measured = units([{"AU43": NOISE}])
    for i in range(len(measured)):
        if (i // RATE) % 2:
            measured.items[i] = type(measured[i])(measured[i].at, ())
    asked = list(Shape(profile=Gain(blinks={"rate": 40})).process(measured, measured))
    for start in range(0, len(asked), 2 * RATE):
        lids = curve(asked[start : start + RATE], "AU43")[:, 0]
        assert max(lids[0], lids[-1]) < 0.3
    assert len([packet for packet in asked if packet is not None and not packet.faces]) == 30 * RATE


@pytest.mark.parametrize("depth", [0.0, 0.5, 1.2])
def test_depth_scales_blinks_and_nothing_else(depth: float):
    asked = shaped(BLINKING, Gain(blinks={"depth": depth}))
    found = blinks.find(WHEN, np.float32(BLINKING))
    inside = np.zeros(len(WHEN), bool)
    for one in found:
        inside[one.onset : one.offset + 1] = True
        assert asked[one.apex] == pytest.approx(min(depth * BLINKING[one.apex], 5), abs=0.15)
    assert np.array_equal(asked[~inside], np.float32(BLINKING)[~inside])


def test_shut_is_shut():
    assert shaped(BLINKING, Gain(blinks={"depth": 2.0})).max() <= 5


def test_a_range_has_a_rate_of_its_own():
    profile = Gain(blinks={"rate": 6}, ranges=[{"from": "30s", "blinks": {"rate": 24}}])
    times = apexes(shaped(BLINKING, profile))
    assert (times < 30).sum() == pytest.approx(3, abs=1)
    assert (times >= 30).sum() == pytest.approx(12, abs=1)


def test_a_winking_eye_is_no_blink():
    measured = units([{"AU43": np.stack([blink(WHEN, 5), np.zeros_like(WHEN)], axis=1)}])
    asked = list(Shape(profile=Gain(blinks={"rate": 0})).process(measured, measured))
    assert np.array_equal(curve(asked, "AU43"), curve(measured, "AU43"))


def test_blinks_are_counted_where_the_eyes_are_seen():
    seen = np.where(WHEN < 30, 1.0, 0.1)
    count, minutes = blinking.reached(units([{"AU43": BLINKING}], seen), 0.2)[0]
    assert (count, minutes) == (len(apexes(BLINKING)), pytest.approx(0.5, abs=0.01))
