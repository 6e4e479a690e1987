from __future__ import annotations

from typing import Any

import numpy as np
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


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"blinks": {"rate": -1}}, r"^gain\.blinks\.rate is -1"),
        ({"blinks": {"rate": "often"}}, r"^gain\.blinks\.rate must be a number"),
        ({"blinks": {"rat": 6}}, r"^gain\.blinks\.rat: .*did you mean rate"),
        ({"blinks": {"depth": 3}}, r"^gain\.blinks\.depth is 3; above 2\.0 set gain\.allow_extreme=true"),
        ({"blinks": 6}, r"^gain\.blinks must hold settings"),
        ({"micro": 2.5}, r"^gain\.micro is 2\.5; above"),
        ({"micro": {"AU99": 1}}, r"^gain\.micro\.AU99: unknown"),
        ({"macro": "big"}, r"^gain\.macro must be a number"),
        ({"micro": 1.8, "au_gain": {4: 1.5}}, r"^gain: the gains of AU04 multiply to 2\.7; above"),
        ({"smile": {"strength": 1.5}, "au_gain": {12: 1.5}}, r"^gain: the gains of AU12 multiply"),
        ({"smile": {"onset": 0}}, r"^gain\.smile\.onset is 0; it must be 0\.25 to 4"),
        ({"response": {12: {"gama": 1}}}, r"^gain\.response\.12\.gama: .*did you mean gamma"),
        ({"response": {12: {"gamma": 9}}}, r"^gain\.response\.12\.gamma is 9; it must be 0\.2 to 5"),
        ({"response": {12: 1.2}}, r"^gain\.response\.12 must hold settings"),
        ({"hold": [{"au": 12, "from": "1s"}]}, r"^gain\.hold\[0\]\.to: a hold needs it"),
        ({"hold": [{"au": "smile", "from": "1s", "to": "2s"}]}, r"^gain\.hold\[0\]\.au: unknown"),
        ({"hold": {"au": 12}}, r"^gain\.hold must be a list"),
        ({"ranges": [{"from": 36002412}]}, r"^gain\.ranges\[0\]\.from is the number .*quotes"),
        ({"ranges": [{"person": 0}]}, r"^gain\.ranges\[0\]\.person is 0; 1 is the first"),
        ({"ranges": [{}, {"from": "1s", "au_gain": {12: 3}}]}, r"^gain\.ranges\[1\]\.au_gain\.12 is 3"),
        ({"ranges": [{"micro": 2, "au_gain": {4: 2}}]}, r"^gain\.ranges\[0\]: the gains of AU04 multiply to 4; above"),
        ({"ranges": [{"form": "1s"}]}, r"^gain\.ranges\[0\]\.form: .*did you mean from"),
        ({"ranges": [{"hold": []}]}, r"^gain\.ranges\[0\]\.hold: .*times of its own"),
        ({"enable_smooth": "yes"}, r"^gain\.enable_smooth must be true or false"),
    ],
)
def test_every_wrong_setting_is_one_line_that_begins_with_its_place(settings: dict[str, Any], says: str):
    with pytest.raises(GainError, match=says) as refused:
        Gain(**settings)
    assert "\n" not in str(refused.value)


def test_gains_that_multiply_beyond_two_are_taken_when_allowed():
    assert Gain(micro=1.8, au_gain={4: 1.5}, allow_extreme=True).layer.micro[0, 0] == np.float32(1.8)


def test_a_plain_micro_gain_leaves_lids_and_gaze():
    layer = Gain(micro=1.5, macro=0.5).layer
    for name in ("AU43", "AU45", "AU46", "AU61", "AU64"):
        assert (layer.micro[facs.INDEX[name]], layer.macro[facs.INDEX[name]]) == (1, 1)
    assert Gain(micro={45: 1.5}).layer.micro[facs.INDEX["AU43"]] == 1.5


def test_a_range_overrides_entry_by_entry_whatever_a_unit_is_called():
    profile = Gain(au_gain={"AU04": 1.2, 12: 0.8}, ranges=[{"from": "1s", "au_gain": {4: 1.0}, "micro": 1.5}])
    ((_, layer),) = profile.layers
    assert layer.response.gain[facs.INDEX["AU04"], 0] == 1
    assert layer.response.gain[facs.INDEX["AU12"], 0] == np.float32(0.8)
    assert layer.micro[0, 0] == 1.5


@pytest.mark.parametrize(
    "settings", [{}, {"au_gain": {12: 1}, "micro": 1, "blinks": {"rate": None, "depth": 1}, "ranges": [{"to": "1s"}]}]
)
def test_a_profile_that_asks_for_nothing_is_idle(settings: dict[str, Any]):
    assert Gain(**settings).idle


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({"blinks": {"rate": 0}}, {"AU43", "AU45"}),
        ({"smile": {"onset": 2}}, {"AU06", "AU12"}),
        ({"hold": [{"au": [1, 4], "from": "1s", "to": "2s"}]}, {"AU01", "AU04"}),
        ({"ranges": [{"from": "1s", "response": {15: {"gamma": 0.8}}}]}, {"AU15"}),
    ],
)
def test_a_profile_knows_the_units_it_touches(settings: dict[str, Any], names: set[str]):
    assert {facs.NAMES[i] for i in np.flatnonzero(Gain(**settings).touched)} == names
