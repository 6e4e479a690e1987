from __future__ import annotations

import json
import math
from fractions import Fraction
from pathlib import Path

import pytest

from runner.report import RunRecord
from stages.errors import DeliveryError
from tests.runner.report.made import record


def test_a_record_survives_json() -> None:
    before = record()
    after = RunRecord.from_json(before.to_json())
    assert after == before
    assert isinstance(after.clip.path, Path)
    assert after.clip.rate == Fraction(30000, 1001)
    assert after.changed["encode.crf"] == (16, 12)


def test_a_failed_run_needs_no_delivery() -> None:
    after = RunRecord.from_json(record(delivery=None, error="disk full").to_json())
    assert after.delivery is None
    assert after.error == "disk full"


def test_keys_of_later_versions_are_ignored() -> None:
    plain = json.loads(record().to_json()) | {"invented_later": 1}
    assert RunRecord.from_json(json.dumps(plain)) == record()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema": 1}', '{"schema": 99}'])
def test_what_is_no_record_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(DeliveryError, match=r"^report\.json .+") as caught:
        RunRecord.from_json(text)
    assert "\n" not in str(caught.value)


def test_infinite_and_undefined_scores_become_null_not_broken_json() -> None:
    text = record(scores={"flicker": float("nan"), "jitter": float("inf")}).to_json()
    assert json.loads(text)["scores"] == {"flicker": None, "jitter": None}


def test_an_undefined_score_can_be_read_back() -> None:
    after = RunRecord.from_json(record(scores={"flicker": float("nan")}).to_json())
    assert math.isnan(after.scores["flicker"])


def test_passwords_do_not_leave_the_process() -> None:
    uri = "http://me:secret@mlflow.example:5000/x"
    text = record(
        config={"tracking": {"uri": uri}}, command=(f"tracking.uri={uri}",), warnings=(f"at {uri}",)
    ).to_json()
    assert "secret" not in text
    assert text.count("http://***@mlflow.example:5000/x") == 3


def test_speed_counts_every_pass() -> None:
    assert record(frames=100).fps == pytest.approx(12.5)
    assert record(seconds=0.0).fps == 0
