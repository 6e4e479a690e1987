"""What a replacement is held to, from figures that are known."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from runner.compose import composed_alone
from runner.evaluate.options import Options
from runner.evaluate.replace import Replacements, Second, Tried
from runner.evaluate.replace_job import _figures, _write_csv, goals
from runner.occasion import CONSENT
from stages.errors import ConfigError
from stages.identity import consent

GOOD = {
    "identity.cosine": 0.72,
    "identity.cosine.p05": 0.66,
    "identity.performer.p95": 0.2,
    "pose.error_deg": 1.1,
    "flicker": 1.05,
    "seam.delta_e.ratio": 1.1,
    "background.identical": 1.0,
    "naturalness": 4.2,
}
WORSE = {
    "identity.cosine": 0.69,
    "identity.cosine.p05": 0.59,
    "identity.performer.p95": 0.26,
    "pose.error_deg": 2.1,
    "flicker": 1.21,
    "seam.delta_e.ratio": 1.21,
    "background.identical": 0.9999,
    "naturalness": 4.1,
}
ONE = Tried(
    pair="a to b",
    scores=GOOD,
    overlay={"naturalness": 2.95},
    units={"AU12": 0.9, "AU25": 0.86},
    second=Second(name="cc0_128", cosine=0.95, performer=0.8, same=0.97, still=0.0),
    seconds=10.0,
    folder="a_to_b.report",
    fps=12.0,
)


@pytest.fixture(scope="module")
def shipped() -> Replacements:
    options: Options = composed_alone().stage("eval")
    return options.replace


def test_a_good_pair_meets_every_goal() -> None:
    assert [goal.what for goal in goals(ONE) if not goal.met] == []


@pytest.mark.parametrize("name", GOOD)
def test_each_figure_alone_can_miss_its_goal(name: str) -> None:
    missed = [goal.what for goal in goals(replace(ONE, scores=GOOD | {name: WORSE[name]})) if not goal.met]
    assert len(missed) == 1
    gone = {key: value for key, value in GOOD.items() if key != name}
    assert [goal.what for goal in goals(replace(ONE, scores=gone)) if not goal.met] == missed


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"units": {"AU12": 0.9, "AU25": 0.84}}, "not AU25 0.84"),
        ({"units": {}}, "0 of 0"),
        ({"second": replace(ONE.second, same=0.9)}, "identity in 90%"),
        ({"second": replace(ONE.second, still=0.2)}, "performer in 20%"),
    ],
)
def test_units_and_the_second_network_have_a_say(changed: dict[str, Any], words: str) -> None:
    (missed,) = [goal for goal in goals(replace(ONE, **changed)) if not goal.met]
    assert words in missed.reached


def test_every_figure_of_every_render_is_in_the_table(tmp_path: Path) -> None:
    _write_csv(tmp_path / "r.csv", [ONE])
    rows = list(csv.DictReader((tmp_path / "r.csv").open()))
    assert [(row["pair"], row["as"], row["naturalness"]) for row in rows] == [
        ("a to b", "", "4.2"),
        ("a to b", "overlay", "2.95"),
    ]
    assert _figures([ONE])["goals.met"] == _figures([ONE])["goals"] == len(list(goals(ONE)))


def test_the_shipped_pairs_are_the_declared_ones(shipped: Replacements) -> None:
    assert [pair.clip for pair in shipped.chosen()] == [
        "sample:talking_woman_mild",
        "sample:talking_man_mild",
        "sample:smile_onset",
        "sample:arc_cry_laugh",
    ]
    assert [pair.name for pair in replace(shipped, only=("woman to man",)).chosen()] == ["woman to man"]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"frames": 3}, "frames: must be at least 12"),
        ({"only": ("nobody",)}, "there is no pair 'nobody'"),
        ({"pairs": {"x": {"photo": "a.jpg"}}}, r"replace\.pairs\.x: must be \{photos"),
    ],
)
def test_a_list_that_is_none_is_refused(shipped: Replacements, changed: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        replace(shipped, **changed)


def test_the_consent_of_an_evaluation_is_one(tmp_path: Path) -> None:
    path = tmp_path / "consent.yaml"
    path.write_text(yaml.safe_dump(CONSENT))
    consent.read(path).check()
