from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from stages import facs
from stages.expression.gain import Gain
from stages.expression.shape import KNEE, Shape, ShapeLive, bounded
from stages.packets import Clip, Colour, FaceUnits, Job, Stamp, Units
from tests.stages.expression.held import Held

CLIP = Clip(Path("c.mp4"), "c", 64, 64, Fraction(1, 25), Fraction(25), 1, "yuv420p", Colour(), "h264", "video")
JOB = Job(CLIP, Path("work"))
AT = Stamp("clip", 0, 0, Fraction(1, 25))


def units(values: dict[int, float | tuple[float, float]], confidence: float = 1.0, track: int = 0) -> Units:
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
    measured = units({4: 2.0, 12: 3.0, 43: 1.0, 45: 1.0, 1: 1.7})
    asked = asked_of(gain, measured, units({4: 1.0, 12: 2.0, 43: 2.0, 45: 2.0, 1: 9.0}))
    assert read(asked, 4) == pytest.approx([2.2, 2.2])
    assert read(asked, 12) == pytest.approx([2.6, 2.6])
    assert read(asked, 43) == pytest.approx([2.0, 2.0])
    assert read(asked, 1) == read(measured, 1)


def test_gain_of_one_hands_on_the_very_same_packet():
    measured = units({12: 4.99, 4: 0.123})
    assert asked_of(Gain(au_gain={12: 1.0, 4: 1}), measured, units({})) is measured
    assert asked_of(Gain(), measured, units({12: 3})) is measured


def test_units_that_are_not_named_stay_bit_for_bit():
    measured = units({number: 0.1 * number for number in (1, 2, 4, 5, 12, 15, 43)})
    asked = asked_of(Gain(au_gain={12: 1.7}), measured, measured)
    untouched = np.arange(facs.COUNT) != facs.INDEX["AU12"]
    assert np.array_equal(asked.faces[0].values[untouched], measured.faces[0].values[untouched])


def test_without_smoothing_the_measured_value_is_multiplied():
    asked = asked_of(Gain(au_gain={12: 1.5}, enable_smooth=False), units({12: 2.0}), units({12: 0.0}))
    assert read(asked, 12) == pytest.approx([3.0, 3.0])


def test_sides_have_gains_of_their_own():
    asked = asked_of(Gain(au_gain={"AU12": {"left": 2.0}}), units({12: 1.0}), units({12: 1.0}))
    assert read(asked, 12) == pytest.approx([2.0, 1.0])


def test_blink_and_eyes_closed_are_one_movement():
    for key in (43, 45):
        asked = asked_of(Gain(au_gain={key: 1.5}), units({43: 2, 45: 2}), units({43: 2, 45: 2}))
        assert read(asked, 43) == read(asked, 45) == pytest.approx([3.0, 3.0])


def test_asked_stays_between_nothing_and_the_maximum():
    asked = asked_of(Gain(au_gain={12: 2.0, 4: 0.0}), units({12: 4.8, 4: 1.0}), units({12: 4.8, 4: 3.0}))
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
    asked = asked_of(Gain(au_gain=profile), units({unit: 1.0}), units({unit: 1.0}))
    assert read(asked, unit) == [1.5, 1.5]


def test_a_unit_measured_without_confidence_is_left_alone():
    gain = Gain(au_gain={12: 2.0}, min_confidence=0.3)
    unsure = units({12: 1.0}, confidence=0.3)
    assert asked_of(gain, unsure, unsure) is unsure
    faint = asked_of(gain, units({12: 1.0}, confidence=0.36), units({12: 1.0}))
    assert 1.0 < read(faint, 12)[0] < 2.0


def test_a_face_the_smoothing_does_not_know_moves_by_its_measured_value():
    asked = asked_of(Gain(au_gain={12: 1.5}), units({12: 2.0}), units({12: 1.0}, track=7))
    assert read(asked, 12) == pytest.approx([3.0, 3.0])
