"""A sweep of the real thing: one analysis, several renders of the first second of a real clip."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from runner.cli import main
from tests.runner.sweep.steps import cut


@pytest.mark.slow
def test_one_analysis_serves_every_render_across_processes(
    sample: Callable[[str], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = cut(sample("smile_onset"), tmp_path / "smile.mp4", 36)
    with clip.open("ab") as file:  # a box that nobody reads: content that was never measured
        file.write(b"\0\0\0\x18free" + os.urandom(16))
    words = (f"clip={clip}", "search=gains", "gain.au_gain.AU12=choice(0.5,1.5,2.5)", f"out={tmp_path / 'gains'}")
    assert main(["run", *words, "tracking=off", "sweep.processes=2", "sweep.objective=frames"]) == 2
    said = capsys.readouterr()
    assert said.err.count("measured 36 frames") == 1
    reports = [json.loads(path.read_text()) for path in sorted((tmp_path / "gains").glob("*.report/report.json"))]
    assert [report["analysis"]["source"] for report in reports] == ["cached", "cached"]
    page = (tmp_path / "gains" / "comparison.html").read_text()
    assert page.count("<img src=") >= 3  # the source and two runs
    assert page.count('<tr class="winner">') == 1
    assert (tmp_path / "gains" / "contact.jpg").stat().st_size > 10_000
    with (tmp_path / "gains" / "scores.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["gain.au_gain.AU12"] for row in rows] == ["0.5", "1.5", "2.5"]
    assert "above 2.0" in rows[2]["error"]
