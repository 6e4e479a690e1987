"""Scores of a real run: by frame in the table, as figures in the report."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from runner.cli import main
from runner.report.quality import SCORES

Sample = Callable[[str], Path]


def run(sample: Sample, tmp_path: Path, capsys: pytest.CaptureFixture[str], *words: str) -> Path:
    base = ["run", f"clip={sample('carphone')}", f"outputs={tmp_path / 'outputs'}", "tracking=off", "quiet=true"]
    assert main([*base, "encode=h264_live", *words]) == 0
    return Path(capsys.readouterr().out.splitlines()[-1]).parent


def test_every_score_reaches_table_and_report(
    sample: Sample, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = "gain.au_gain={25: 1.5, 26: 1.5, 12: 1.5}", "quality.pictures.every=1", "check.every=1"
    folder = run(sample, tmp_path, capsys, *words)
    table = pq.read_table(folder / "units.parquet")
    counts = {name: table.num_rows - table[name].null_count for name in SCORES if not name.startswith("identity.")}
    assert min(counts.values()) > 60
    scores = json.loads((folder / "report.json").read_text())["scores"]
    assert scores["background.identical"] == 1
    assert 0.5 < scores["flicker"] < 2
    assert 0.5 < scores["jitter.ratio"] < 3
    assert 0.7 < scores["sharpness.ratio"] < 1.3
    assert 0.9 < scores["seam.delta_e.ratio"] < 1.1  # the face's own pixels
    assert scores["skin.delta_e"] < 1
    assert scores["pose.error_deg"] < 1
    assert "flicker.p95" in (folder / "report.html").read_text()


def test_a_run_that_changes_nothing_has_an_untouched_background_and_no_other_score(
    sample: Sample, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = run(sample, tmp_path, capsys, "gain=neutral")
    assert json.loads((folder / "report.json").read_text())["scores"] == {"background.identical": 1.0}


def test_scores_can_be_left_out(sample: Sample, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = run(sample, tmp_path, capsys, "gain.au_gain={25: 1.5}", "quality=off", "check=none")
    assert json.loads((folder / "report.json").read_text())["scores"] == {}
    assert not set(SCORES) & set(pq.read_table(folder / "units.parquet").column_names)
