from __future__ import annotations

from fractions import Fraction

import pytest

from stages.errors import GainError
from stages.expression.timecode import moment

NTSC = Fraction(30000, 1001)


@pytest.mark.parametrize(
    ("text", "rate", "seconds"),
    [
        ("00:00:04:12", Fraction(25), 4.48),
        ("00:00:04:12", Fraction(24), 4.5),
        ("01:00:00:00", Fraction(25), 3600),
        ("00:00:01:00", NTSC, 1.001),
        ("01:00:00:00", NTSC, 3603.6),
        ("12.5s", Fraction(25), 12.5),
        (" .5 s", Fraction(25), 0.5),
        ("3s", NTSC, 3),
    ],
)
def test_times_count_from_the_first_frame(text: str, rate: Fraction, seconds: float):
    assert moment(text, "here").seconds(rate) == pytest.approx(seconds)


@pytest.mark.parametrize("number", [36002412, 12.5, 8])
def test_numbers_are_refused_with_a_hint_to_quote_them(number: float):
    with pytest.raises(GainError, match=r"^gain\.ranges\[0\]\.from is the number .*base 60.*quotes"):
        moment(number, "gain.ranges[0].from")


@pytest.mark.parametrize("text", ["", "4", "00:00:04", "00:60:00:00", "-1s", "1e3s", "nans", None, True, ["1s"]])
def test_other_texts_are_refused(text: object):
    with pytest.raises(GainError, match=r'^here is .*write "HH:MM:SS:FF"'):
        moment(text, "here")


def test_drop_frame_is_not_read_and_it_says_so():
    with pytest.raises(GainError, match="drop-frame is not read"):
        moment("00:00:04;12", "here")


def test_a_frame_that_a_second_has_not_is_refused():
    with pytest.raises(GainError, match=r"^here is '00:00:04:25'; at 25 frames a second the last is :24"):
        moment("00:00:04:25", "here").seconds(Fraction(25))
