from __future__ import annotations

import numpy as np
import pytest

from stages.expression.movements import BRIEF, Movement, component, find

RATE = 30.0


def pulse(seconds: np.ndarray, start: float, length: float, height: float) -> np.ndarray:
    phase = np.clip((seconds - start) / length, 0, 1)
    return height * (0.5 - 0.5 * np.cos(2 * np.pi * phase))


def noise(n: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.04, n)


@pytest.mark.parametrize("length", [0.13, 0.25, 0.5])
@pytest.mark.parametrize("height", [0.5, 1.5])
def test_a_pulse_over_a_slope_is_found_with_its_time_and_height(length: float, height: float):
    seconds = np.arange(150) / RATE
    curve = 1 + 0.4 * seconds + pulse(seconds, 2.0, length, height) + noise(150)
    (found,) = find(seconds, curve)
    assert found.brief
    assert seconds[found.apex] == pytest.approx(2 + length / 2, abs=0.07)
    assert found.strength == pytest.approx(height, rel=0.25)
    assert 2 - 2 / RATE <= seconds[found.onset] < seconds[found.offset] <= 2 + length + 2 / RATE


def test_uneven_frame_times_change_nothing():
    seconds = np.cumsum(np.random.default_rng(3).choice([1 / 60, 1 / 24], 200))
    curve = 0.5 + pulse(seconds, 3.0, 0.3, 1.0) + noise(200)
    (found,) = find(seconds, curve)
    assert seconds[found.apex] == pytest.approx(3.15, abs=0.06)


@pytest.mark.parametrize("length", [1.2, 2.0, 4.0])
def test_a_slow_movement_is_none(length: float):
    seconds = np.arange(200) / RATE
    assert find(seconds, pulse(seconds, 1.0, length, 3.0) + noise(200)) == []


def test_noise_alone_is_none():
    seconds = np.arange(3000) / RATE
    assert find(seconds, 0.5 + noise(3000)) == []


def test_a_quick_smile_that_stays_is_told_once_and_not_as_brief():
    seconds = np.arange(120) / RATE
    curve = 3 * np.clip((seconds - 1) / 0.2, 0, 1) + noise(120)
    (found,) = find(seconds, curve)
    assert not found.brief
    assert seconds[found.onset] == pytest.approx(1, abs=0.07)
    assert found.strength == pytest.approx(3, rel=0.1)


def test_events_at_the_ends_of_a_run_and_short_runs_do_no_harm():
    for n in (1, 2, 3, 7):
        assert find(np.arange(n) / RATE, np.linspace(0, 1, n)) == []


def test_what_moves_all_the_time_stands_out_less():
    seconds = np.arange(300) / RATE
    calm = pulse(seconds, 5, 0.3, 0.8)
    busy = calm + 1.2 * np.sin(2 * np.pi * 2.6 * seconds)
    assert len(find(seconds, calm + noise(300))) == 1
    assert all(abs(seconds[one.apex] - 5.15) < 0.2 for one in find(seconds, busy + noise(300)))


def test_component_and_course_add_up_to_the_curve_and_meet_it_at_both_ends():
    seconds = np.arange(150) / RATE
    curve = (1 + pulse(seconds, 2, 0.3, 1.2) + 0.3 * np.sin(seconds)).astype(np.float32)
    events = find(seconds, curve)
    part = component(seconds, curve, events)
    (one,) = events
    inside = np.zeros(150, bool)
    inside[one.onset + 1 : one.offset] = True
    assert part.dtype == np.float32
    assert (part[~inside] == 0).all()
    assert part[one.apex] == pytest.approx(one.strength, abs=1e-5)
    assert part.max() == pytest.approx(1.2, rel=0.15)


def test_the_course_under_an_event_bends_as_the_movement_around_it():
    seconds = np.arange(150) / RATE
    macro = pulse(seconds, 1.5, 2.0, 3.0)
    event = pulse(seconds, 2.3, 0.4, 0.8)
    low, high = round(2.3 * RATE), round(2.7 * RATE)
    part = component(seconds, (macro + event).astype(np.float32), [Movement(low, low + 6, high, 0.8, 9, True)])
    assert np.abs(part - event).max() < 0.03 * 3.0


def test_component_shifts_frames_and_leaves_out_what_is_not_brief_or_not_here():
    seconds = np.arange(20) / RATE
    curve = pulse(seconds, 0.2, 0.2, 1).astype(np.float32)
    here = Movement(1006, 1009, 1012, 1, 9, True)
    assert component(seconds, curve, [here], first=1000)[9] > 0.5
    slow, elsewhere = Movement(1006, 1009, 1012, 1, 9, False), Movement(990, 995, 1003, 1, 9, True)
    assert not component(seconds, curve, [slow, elsewhere], first=1000).any()
    assert seconds[here.offset - 1000] - seconds[here.onset - 1000] <= BRIEF
