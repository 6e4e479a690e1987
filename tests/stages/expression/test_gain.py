from __future__ import annotations

import pytest

from stages import facs
from stages.errors import GainError
from stages.expression.gain import Gain


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
    with pytest.raises(GainError, match=r"^gain\.min_confidence"):
        Gain(min_confidence=1.5)
