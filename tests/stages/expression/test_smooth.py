from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from stages import facs
from stages.errors import ConfigError
from stages.expression.smooth import Off, OneEuro, ZeroPhase
from stages.packets import Clip, Colour, FaceUnits, Job, Stamp, Units
from tests.stages.expression.held import Held

AU12 = facs.INDEX["AU12"]


def packet(index: int, milliseconds: float, value: float | None) -> Units | None:
    if value is None:
        return None
    values = np.zeros((facs.COUNT, 2), np.float32)
    values[AU12] = value
    trust, pose = np.full(facs.COUNT, 0.7, np.float32), np.float32([1, 2, 3])
    at = Stamp("clip", index, round(milliseconds * 1000), Fraction(1, 1_000_000))
    return Units(at, (FaceUnits(0, values, trust, pose),))


def curve(seconds: Sequence[float], values: Sequence[float | None]) -> Held:
    pairs = enumerate(zip(seconds, values, strict=True))
    return Held([packet(i, 1000 * t, v) for i, (t, v) in pairs])


def read(packets: Sequence[Units | None]) -> list[float | None]:
    return [float(p.faces[0].values[AU12, 0]) if p is not None else None for p in packets]


def test_a_constant_stays_constant_at_any_frame_rate():
    seconds = np.cumsum(np.random.default_rng(1).uniform(0.01, 0.08, 60))
    smoothed = read(list(ZeroPhase(cutoff=3).process(curve(seconds, [2.5] * 60))))
    assert smoothed == pytest.approx([2.5] * 60, abs=1e-5)


def test_a_peak_stays_where_it_is():
    seconds = np.arange(61) / 30
    smoothed = read(list(ZeroPhase(cutoff=4).process(curve(seconds, np.exp(-(((seconds - 1) / 0.1) ** 2))))))
    assert int(np.argmax(smoothed)) == 30
    assert smoothed[:30] == pytest.approx(smoothed[:30:-1], abs=1e-5)


@pytest.mark.parametrize("rate", [24, 60])
def test_the_cutoff_is_in_hertz_whatever_the_frame_rate(rate: int):
    seconds = np.arange(4 * rate) / rate
    smoothed = read(list(ZeroPhase(cutoff=3).process(curve(seconds, 2 + np.sin(2 * np.pi * 3 * seconds)))))
    middle = np.array(smoothed[rate:-rate], float)
    assert np.ptp(middle) / 2 == pytest.approx(2**-0.5, rel=0.03)


def test_a_slow_ramp_is_followed_through_uneven_timestamps():
    seconds = np.cumsum(np.random.default_rng(2).choice([1 / 60, 1 / 15], 120))
    smoothed = np.array(read(list(ZeroPhase(cutoff=6).process(curve(seconds, seconds)))), float)
    assert np.abs(smoothed - seconds)[10:-10].max() < 0.02


def test_nothing_crosses_an_absence():
    values = [1.0] * 10 + [None] + [4.0] * 10
    smoothed = read(list(ZeroPhase(cutoff=1).process(curve(np.arange(21) / 30, values))))
    assert smoothed[10] is None
    assert smoothed[:10] == pytest.approx([1.0] * 10)
    assert smoothed[11:] == pytest.approx([4.0] * 10)


def test_confidence_and_pose_go_through():
    source = curve(np.arange(5) / 30, [0, 1, 2, 1, 0])
    for given, smoothed in zip(source, ZeroPhase().process(source), strict=True):
        assert smoothed is not None
        assert np.array_equal(smoothed.faces[0].pose, given.faces[0].pose)
        assert np.array_equal(smoothed.faces[0].confidence, given.faces[0].confidence)
        assert smoothed.at == given.at


def one_euro(stage: OneEuro, source: Held) -> list[float | None]:
    clip = Clip(Path("c"), "c", 2, 2, Fraction(1, 25), Fraction(25), None, "yuv420p", Colour(), "h264", "video")
    state = stage.begin(Job(clip, Path()))
    return read([stage.process(state, p) if p is not None else None for p in source])


def test_one_euro_calms_jitter_and_follows_a_blink():
    rng = np.random.default_rng(3)
    seconds = np.arange(90) / 30
    noisy = 2 + 0.05 * rng.standard_normal(90)
    assert np.std(one_euro(OneEuro(), curve(seconds, noisy))[30:]) < 0.6 * np.std(noisy[30:])  # type: ignore[arg-type]
    blink = np.where((seconds > 1) & (seconds < 1.2), 5.0, 0.0)
    assert max(v for v in one_euro(OneEuro(), curve(seconds, blink)) if v is not None) > 4


def test_one_euro_never_sees_the_future():
    values = list(np.random.default_rng(4).uniform(0, 5, 40))
    seconds = np.arange(40) / 30
    whole = one_euro(OneEuro(), curve(seconds, values))
    changed = one_euro(OneEuro(), curve(seconds, values[:20] + [0.0] * 20))
    assert whole[:20] == changed[:20]


def test_one_euro_starts_anew_after_an_absence():
    values = [1.0] * 10 + [None] * 10 + [4.0]
    assert one_euro(OneEuro(max_gap=0.2), curve(np.arange(21) / 30, values))[-1] == 4.0


def test_off_hands_on_the_very_same_packet():
    units = packet(0, 0, 1.0)
    assert units is not None
    assert Off().process(units) is units


def test_wrong_settings_are_refused():
    with pytest.raises(ConfigError, match=r"^smooth\.cutoff"):
        ZeroPhase(cutoff=0)
    with pytest.raises(ConfigError, match=r"^smooth\.beta"):
        OneEuro(beta=-1)
    with pytest.raises(ConfigError, match=r"^smooth\.max_gap"):
        OneEuro(max_gap=0)


@pytest.mark.parametrize("cutoff", [2.0, 6.0])
@pytest.mark.parametrize("rate", [24, 60])
def test_smoothing_a_clip_has_no_lag(cutoff: float, rate: int):
    seconds = np.arange(8 * rate) / rate
    noise = np.random.default_rng(5).normal(0, 1, len(seconds))
    measured = 2 + np.convolve(noise, np.hanning(rate // 4), "same")
    smoothed = np.array(read(list(ZeroPhase(cutoff=cutoff).process(curve(seconds, list(measured))))), float)
    match = np.correlate(smoothed - smoothed.mean(), measured - measured.mean(), "full")
    lag = int(match.argmax()) - (len(seconds) - 1)
    before, peak, after = match[match.argmax() + np.array([-1, 0, 1])]
    between = 0.5 * (before - after) / (before - 2 * peak + after)  # the parabola's top, in frames
    assert lag == 0
    assert abs(between) < 0.05
