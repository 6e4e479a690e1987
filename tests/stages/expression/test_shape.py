from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from stages import facs
from stages.errors import GainError
from stages.expression.events import FindEvents
from stages.expression.gain import Gain
from stages.expression.shape import KNEE, Shape, ShapeLive, bounded
from stages.expression.smooth import ZeroPhase
from stages.packets import Clip, Colour, FaceUnits, Job, Stamp, Units
from tests.stages.expression.filmed import curve, pulse, seconds, units
from tests.stages.expression.held import Held

CLIP = Clip(Path("c.mp4"), "c", 64, 64, Fraction(1, 25), Fraction(25), 1, "yuv420p", Colour(), "h264", "video")
JOB = Job(CLIP, Path("work"))
AT = Stamp("clip", 0, 0, Fraction(1, 25))


def frame(values: dict[int, float | tuple[float, float]], confidence: float = 1.0, track: int = 0) -> Units:
    table = np.zeros((facs.COUNT, 2), np.float32)
    for number, value in values.items():
        table[facs.INDEX[f"AU{number:02d}"]] = value
    trust = np.full(facs.COUNT, confidence, np.float32)
    return Units(AT, (FaceUnits(track, table, trust, np.zeros(3, np.float32)),))


def read(packet: Units, number: int) -> list[float]:
    return [float(v) for v in packet.faces[0].values[facs.INDEX[f"AU{number:02d}"]]]


def asked_of(profile: Gain, measured: Units, smoothed: Units) -> Units:
    """What the profile asks for in one frame, clip and live alike."""
    (asked,) = Shape(profile=profile).process(Held([measured]), Held([smoothed]))
    stage = ShapeLive(profile=profile)
    live = stage.process(stage.begin(JOB), measured, smoothed)
    assert asked is not None
    assert (asked is measured) == (live is measured)
    for one, other in zip(asked.faces, live.faces, strict=True):
        assert np.allclose(one.values, other.values, atol=1e-5)
    return asked


def test_the_users_own_profile_works_as_written():
    gain = Gain(au_gain={4: 1.2, 12: 0.8, 43: 1.5}, enable_smooth=True)
    measured = frame({4: 2.0, 12: 3.0, 43: 1.0, 45: 1.0, 1: 1.7})
    asked = asked_of(gain, measured, frame({4: 1.0, 12: 2.0, 43: 2.0, 45: 2.0, 1: 9.0}))
    assert read(asked, 4) == pytest.approx([2.2, 2.2])
    assert read(asked, 12) == pytest.approx([2.6, 2.6])
    assert read(asked, 43) == pytest.approx([2.0, 2.0])
    assert read(asked, 1) == read(measured, 1)


def test_gain_of_one_hands_on_the_very_same_packet():
    measured = frame({12: 4.99, 4: 0.123})
    assert asked_of(Gain(au_gain={12: 1.0, 4: 1}), measured, frame({})) is measured
    assert asked_of(Gain(), measured, frame({12: 3})) is measured


def test_units_that_are_not_named_stay_bit_for_bit():
    measured = frame({number: 0.1 * number for number in (1, 2, 4, 5, 12, 15, 43)})
    asked = asked_of(Gain(au_gain={12: 1.7}), measured, measured)
    untouched = np.arange(facs.COUNT) != facs.INDEX["AU12"]
    assert np.array_equal(asked.faces[0].values[untouched], measured.faces[0].values[untouched])


def test_without_smoothing_the_measured_value_is_multiplied():
    asked = asked_of(Gain(au_gain={12: 1.5}, enable_smooth=False), frame({12: 2.0}), frame({12: 0.0}))
    assert read(asked, 12) == pytest.approx([3.0, 3.0])


def test_sides_have_gains_of_their_own():
    asked = asked_of(Gain(au_gain={"AU12": {"left": 2.0}}), frame({12: 1.0}), frame({12: 1.0}))
    assert read(asked, 12) == pytest.approx([2.0, 1.0])


def test_blink_and_eyes_closed_are_one_movement():
    for key in (43, 45):
        asked = asked_of(Gain(au_gain={key: 1.5}), frame({43: 2, 45: 2}), frame({43: 2, 45: 2}))
        assert read(asked, 43) == read(asked, 45) == pytest.approx([3.0, 3.0])


def test_asked_stays_between_nothing_and_the_maximum():
    asked = asked_of(Gain(au_gain={12: 2.0, 4: 0.0}), frame({12: 4.8, 4: 1.0}), frame({12: 4.8, 4: 3.0}))
    assert KNEE < read(asked, 12)[0] <= facs.MAX_ASKED
    assert read(asked, 4) == [0.0, 0.0]


def test_the_ceiling_is_continuous_and_rising():
    measured = np.full(2000, 4.7, np.float32)
    asked = bounded(measured, np.linspace(-1, 8, 2000, dtype=np.float32))
    assert np.all(np.diff(asked) >= -1e-6)
    assert np.diff(asked).max() < 0.01
    assert np.array_equal(bounded(measured, np.zeros_like(measured)), measured)


@pytest.mark.parametrize(("profile", "unit"), [({12: 1.1, "AU12": 1.5}, 12), ({43: 1.1, 45: 1.5}, 43)])
def test_the_later_gain_of_one_unit_under_two_names_wins(profile: dict[object, float], unit: int):
    asked = asked_of(Gain(au_gain=profile), frame({unit: 1.0}), frame({unit: 1.0}))
    assert read(asked, unit) == [1.5, 1.5]


def test_a_unit_measured_without_confidence_is_left_alone():
    gain = Gain(au_gain={12: 2.0}, min_confidence=0.3)
    unsure = frame({12: 1.0}, confidence=0.3)
    assert asked_of(gain, unsure, unsure) is unsure
    faint = asked_of(gain, frame({12: 1.0}, confidence=0.36), frame({12: 1.0}))
    assert 1.0 < read(faint, 12)[0] < 2.0


def test_a_face_the_smoothing_does_not_know_moves_by_its_measured_value():
    asked = asked_of(Gain(au_gain={12: 1.5}), frame({12: 2.0}), frame({12: 1.0}, track=7))
    assert read(asked, 12) == pytest.approx([3.0, 3.0])


WHEN = seconds(12)
MACRO = 1.5 + np.sin(2 * np.pi * WHEN / 6)
APEXES = (2.0, 4.52, 7.2, 9.8)


def micro(height: float, length: float) -> np.ndarray:
    return np.asarray(sum(pulse(WHEN, at, length, height) for at in APEXES))


def shaped(profile: Gain, *people: dict[str, np.ndarray]) -> list[Units | None]:
    measured = units([*people])
    smoothed = Held(list(ZeroPhase(cutoff=6.0).process(measured)))
    events = Held(list(FindEvents().process(measured)))
    return list(Shape(profile=profile).process(measured, smoothed, events))


@pytest.mark.parametrize("height", [0.5, 1.0, 1.5])
@pytest.mark.parametrize("length", [0.24, 0.32, 0.48])
def test_micro_makes_brief_events_that_much_stronger_and_leaves_the_rest(height: float, length: float):
    planted = micro(height, length)
    asked = curve(shaped(Gain(micro=1.8), {"AU04": MACRO + planted}), "AU04")[:, 0]
    grown = [(asked - MACRO)[np.abs(WHEN - at).argmin()] / planted[np.abs(WHEN - at).argmin()] for at in APEXES]
    assert grown == pytest.approx([1.8] * len(APEXES), rel=0.1)
    calm = np.all([np.abs(WHEN - at) > length / 2 + 0.12 for at in APEXES], axis=0)
    assert np.abs((asked - MACRO)[calm]).max() < 0.03 * np.ptp(MACRO)


def test_macro_scales_what_is_slow_and_leaves_brief_events():
    planted = micro(1.0, 0.32)
    asked = curve(shaped(Gain(macro=0.6), {"AU04": MACRO + planted}), "AU04")[:, 0]
    for at in APEXES:
        i = int(np.abs(WHEN - at).argmin())
        assert asked[i] - 0.6 * MACRO[i] == pytest.approx(planted[i], rel=0.15)
    calm = np.all([np.abs(WHEN - at) > 0.4 for at in APEXES], axis=0) & (WHEN > 0.2) & (WHEN < 11.8)
    assert asked[calm] == pytest.approx(0.6 * MACRO[calm], abs=0.04)


def test_micro_leaves_a_face_without_events_to_the_very_packet():
    measured = units([{"AU04": MACRO}])
    asked = shaped(Gain(micro=1.8), {"AU04": MACRO})
    assert all(np.array_equal(a.faces[0].values, m.faces[0].values) for a, m in zip(asked, measured, strict=True))


def test_micro_without_anything_that_finds_events_is_refused():
    measured = units([{"AU04": MACRO}])
    with pytest.raises(GainError, match=r"^gain\.micro needs to know the brief movements"):
        list(Shape(profile=Gain(micro=1.5)).process(measured, measured))


@pytest.mark.parametrize("way", ["clip", "live"])
def test_a_range_is_a_range(way: str):
    profile = Gain(au_gain={4: 0.5}, ranges=[{"from": "00:00:04:00", "to": "8s", "au_gain": {12: 1.5}}])
    measured = units([{"AU12": MACRO, "AU04": MACRO}])
    if way == "clip":
        asked = list(Shape(profile=profile).process(measured, measured))
    else:
        stage = ShapeLive(profile=profile)
        state = stage.begin(JOB)
        asked = [stage.process(state, packet, packet) for packet in measured]
    gain = curve(asked, "AU12")[:, 0] / MACRO
    assert gain[(WHEN <= 4) | (WHEN >= 8)] == pytest.approx(1, abs=1e-6)
    assert gain[(WHEN >= 4.2) & (WHEN <= 7.8)] == pytest.approx(1.5, abs=1e-5)
    assert np.abs(np.diff(gain)).max() < 0.16  # .5 within .2 s of 25 frames, smoothly
    assert curve(asked, "AU04")[:, 0] == pytest.approx(MACRO / 2, abs=1e-5)


def test_outside_its_ranges_a_profile_hands_on_the_very_same_packets():
    profile = Gain(ranges=[{"from": "4s", "to": "8s", "au_gain": {12: 1.5}, "micro": 1.3, "blinks": {"rate": 60}}])
    measured = units([{"AU12": MACRO}])
    nothing = Held([None] * len(measured))
    asked = list(Shape(profile=profile).process(measured, measured, nothing))
    assert all(a is m for a, m, at in zip(asked, measured, WHEN, strict=True) if at <= 4 or at >= 8)


def test_a_range_of_one_person_leaves_the_others():
    profile = Gain(ranges=[{"person": 2, "au_gain": {12: 1.5}}])
    asked = shaped(profile, {"AU12": MACRO}, {"AU12": MACRO})
    assert np.array_equal(curve(asked, "AU12", 0)[:, 0], np.float32(MACRO))
    assert curve(asked, "AU12", 1)[:, 0] == pytest.approx(1.5 * MACRO, abs=0.02)


def test_times_are_held_against_the_clip_before_the_first_frame():
    late = Gain(ranges=[{"from": "00:00:01:29", "au_gain": {12: 1.5}}])
    with pytest.raises(GainError, match=r"^gain\.ranges\[0\]\.from is '00:00:01:29'; at 25 frames"):
        Shape(profile=late).check(CLIP)
    backward = Gain(ranges=[{"from": "3s", "to": "2s", "au_gain": {12: 1.5}}])
    with pytest.raises(GainError, match=r"^gain\.ranges\[0\]\.to is '2s', not after"):
        ShapeLive(profile=backward).check(CLIP)


def test_live_says_which_settings_it_leaves_alone():
    stage = ShapeLive(profile=Gain(au_gain={12: 1.5}, micro=1.2, blinks={"rate": 6}, hold=[]))
    assert stage.begin(JOB).warnings == [
        "gain.micro, gain.blinks: needs the whole clip, so left alone live; preset=broadcast takes it in"
    ]
    assert ShapeLive(profile=Gain(au_gain={12: 1.5})).begin(JOB).warnings == []


def test_live_refuses_a_profile_of_which_nothing_would_be_left():
    with pytest.raises(GainError, match=r"^gain\.micro needs the whole clip, and nothing else is asked for"):
        ShapeLive(profile=Gain(micro=1.5))


def test_frames_without_faces_stay_what_they_are():
    measured = units([{"AU12": MACRO}])
    measured.items[10] = None
    measured.items[11] = Units(measured.items[11].at, ())
    asked = list(Shape(profile=Gain(au_gain={12: 1.5})).process(measured, measured))
    assert asked[10] is None
    assert asked[11] is measured.items[11]
    assert curve(asked[:10], "AU12")[:, 0] == pytest.approx(1.5 * MACRO[:10], abs=1e-5)
