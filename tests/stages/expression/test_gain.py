from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from stages import facs
from stages.errors import ConfigError, GainError
from stages.expression.gain import KNEE, Gain, bounded
from stages.packets import FaceUnits, Stamp, Units

AT = Stamp("clip", 0, 0, Fraction(1, 25))


def units(values: dict[int, float | tuple[float, float]], confidence: float = 1.0, track: int = 0) -> Units:
    table = np.zeros((facs.COUNT, 2), np.float32)
    for number, value in values.items():
        table[facs.INDEX[f"AU{number:02d}"]] = value
    trust = np.full(facs.COUNT, confidence, np.float32)
    return Units(AT, (FaceUnits(track, table, trust, np.zeros(3, np.float32)),))


def read(packet: Units, number: int) -> list[float]:
    return [float(v) for v in packet.faces[0].values[facs.INDEX[f"AU{number:02d}"]]]


def test_the_users_own_profile_works_as_written():
    gain = Gain(au_gain={4: 1.2, 12: 0.8, 43: 1.5}, enable_smooth=True)
    measured = units({4: 2.0, 12: 3.0, 43: 1.0, 45: 1.0, 1: 1.7})
    asked = gain.process(measured, units({4: 1.0, 12: 2.0, 43: 2.0, 45: 2.0, 1: 9.0}))
    assert read(asked, 4) == pytest.approx([2.2, 2.2])
    assert read(asked, 12) == pytest.approx([2.6, 2.6])
    assert read(asked, 43) == pytest.approx([2.0, 2.0])
    assert read(asked, 1) == read(measured, 1)


def test_gain_of_one_hands_on_the_very_same_packet():
    measured = units({12: 4.99, 4: 0.123})
    assert Gain(au_gain={12: 1.0, 4: 1}).process(measured, units({})) is measured
    assert Gain().process(measured, units({12: 3})) is measured


def test_units_that_are_not_named_stay_bit_for_bit():
    measured = units({number: 0.1 * number for number in (1, 2, 4, 5, 12, 15, 43)})
    asked = Gain(au_gain={12: 1.7}).process(measured, measured)
    untouched = np.arange(facs.COUNT) != facs.INDEX["AU12"]
    assert np.array_equal(asked.faces[0].values[untouched], measured.faces[0].values[untouched])


def test_without_smoothing_the_measured_value_is_multiplied():
    asked = Gain(au_gain={12: 1.5}, enable_smooth=False).process(units({12: 2.0}), units({12: 0.0}))
    assert read(asked, 12) == pytest.approx([3.0, 3.0])


def test_sides_have_gains_of_their_own():
    asked = Gain(au_gain={"AU12": {"left": 2.0}}).process(units({12: 1.0}), units({12: 1.0}))
    assert read(asked, 12) == pytest.approx([2.0, 1.0])


def test_blink_and_eyes_closed_are_one_movement():
    for key in (43, 45):
        asked = Gain(au_gain={key: 1.5}).process(units({43: 2, 45: 2}), units({43: 2, 45: 2}))
        assert read(asked, 43) == read(asked, 45) == pytest.approx([3.0, 3.0])


def test_asked_stays_between_nothing_and_the_maximum():
    asked = Gain(au_gain={12: 2.0, 4: 0.0}).process(units({12: 4.8, 4: 1.0}), units({12: 4.8, 4: 3.0}))
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
    asked = Gain(au_gain=profile).process(units({unit: 1.0}), units({unit: 1.0}))
    assert read(asked, unit) == [1.5, 1.5]


def test_a_unit_measured_without_confidence_is_left_alone():
    gain = Gain(au_gain={12: 2.0}, min_confidence=0.3)
    unsure = units({12: 1.0}, confidence=0.3)
    assert gain.process(unsure, unsure) is unsure
    faint = gain.process(units({12: 1.0}, confidence=0.36), units({12: 1.0}))
    assert 1.0 < read(faint, 12)[0] < 2.0


def test_a_face_the_smoothing_does_not_know_moves_by_its_measured_value():
    asked = Gain(au_gain={12: 1.5}).process(units({12: 2.0}), units({12: 1.0}, track=7))
    assert read(asked, 12) == pytest.approx([3.0, 3.0])


@pytest.mark.parametrize(
    ("profile", "says"),
    [
        ({"AU3": 1.2}, r"^gain\.au_gain\.AU3: unknown Action Unit .*did you mean AU"),
        ({"smile": 1.2}, r"^gain\.au_gain\.smile: unknown"),
        ({12: -0.1}, r"^gain\.au_gain\.12 is -0\.1"),
        ({12: 2.5}, r"^gain\.au_gain\.12 is 2\.5; above 2\.0 set gain\.allow_extreme=true"),
        ({12: "a lot"}, r"^gain\.au_gain\.12 must be a number"),
        ({12: True}, r"^gain\.au_gain\.12 must be a number"),
        ({12: float("nan")}, r"^gain\.au_gain\.12 must be a number"),
        ({12: {"links": 1.1}}, r"^gain\.au_gain\.12\.links is no side"),
        ({12: {"left": 3}}, r"^gain\.au_gain\.12\.left is 3"),
        ({17: {"left": 1.1}}, r"^gain\.au_gain\.17: AU17 has no sides"),
        ([12], r"^gain\.au_gain must map"),
    ],
)
def test_a_wrong_profile_is_refused_with_its_place(profile: object, says: str):
    with pytest.raises(GainError, match=says):
        Gain(au_gain=profile)  # type: ignore[arg-type]


def test_extreme_gains_are_taken_when_allowed():
    assert Gain(au_gain={12: 3.0}, allow_extreme=True).gains[facs.INDEX["AU12"], 0] == 3.0


def test_the_confidence_floor_is_checked():
    with pytest.raises(ConfigError, match=r"^gain\.min_confidence"):
        Gain(min_confidence=1.5)
