"""The delivery is measured again: on real frames, through the real landmark model."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from runner.cli import main
from stages.errors import ConfigError
from stages.quality.seen import SeeAgain

Sample = Callable[[str], Path]
Summary = dict[str, dict[str, object]]


def units(sample: Sample, tmp_path: Path, capsys: pytest.CaptureFixture[str], *words: str) -> Summary:
    """Run the smile clip and return the report's units."""
    outputs = f"outputs={tmp_path / 'outputs'}"
    assert main(["run", f"clip={sample('smile_onset')}", outputs, "tracking=off", "encode=h264_live", *words]) == 0
    delivery = Path(capsys.readouterr().out.splitlines()[-1])
    found: Summary = json.loads((delivery.parent / "report.json").read_text())["units"]
    return found


@pytest.mark.parametrize(("gain", "least", "most"), [(0.5, 0.3, 0.8), (1.5, 1.2, 1.8)])
def test_a_smile_turned_up_or_down_is_read_back_as_such(
    sample: Sample, tmp_path: Path, capsys: pytest.CaptureFixture[str], gain: float, least: float, most: float
) -> None:
    found = units(sample, tmp_path, capsys, f"gain.au_gain={{12: {gain}}}", "check.every=3")["AU12"]
    achieved = found["achieved"]
    assert isinstance(achieved, dict)
    assert achieved["rows"] >= 6
    assert least < achieved["gain"] < most


def test_a_delivery_without_edits_is_not_looked_at_again(
    sample: Sample, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = units(sample, tmp_path, capsys, "gain=neutral")
    assert not found["AU12"].get("achieved")


def test_looking_at_no_frame_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"check\.every"):
        SeeAgain(landmarker=None, every=0)  # type: ignore[arg-type]


def test_three_frames_in_a_row_are_looked_at_now_and_then() -> None:
    seen = SeeAgain(landmarker=None, every=5, triples=2)  # type: ignore[arg-type]
    assert [i for i in range(25) if seen.looks(i)] == [0, 1, 2, 5, 10, 11, 12, 15, 20, 21, 22]
    assert [i for i in range(25) if seen.in_a_row(i)] == [0, 1, 2, 10, 11, 12, 20, 21, 22]
    assert not any(replace(seen, triples=0).in_a_row(i) for i in range(25))
    assert all(replace(seen, every=1).in_a_row(i) for i in range(25))
    with pytest.raises(ConfigError, match=r"check\.seen\.triples"):
        replace(seen, triples=-1)
