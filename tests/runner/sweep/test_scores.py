from __future__ import annotations

import csv
from pathlib import Path

import pytest

from runner.report import write
from runner.sweep.ledger import Entry
from runner.sweep.options import Options
from runner.sweep.scores import Scored, best, by_unit, scored, whole, write_csv
from runner.tracking import figures
from stages.errors import ConfigError
from tests.runner.report.made import line, record


def run(number: int, **found: float) -> Scored:
    names = {key.replace("__", "."): value for key, value in found.items()}
    return Scored(entry=Entry(number=number, words=(f"gain={number}",)), record=record(), figures=names)


def test_means_are_over_the_units_that_were_changed() -> None:
    single = {
        "au.commanded.AU04": 0.5,
        "au.commanded.AU12": 1.5,
        "au.achieved.AU04.r2": 0.9,
        "au.achieved.AU12.r2": 1.0,
        "au.achieved.AU25.r2": 0.1,
        "flicker": 2.0,
    }
    found = figures(single)
    assert found["au.achieved.r2"] == pytest.approx(0.95)
    assert found["flicker"] == 2.0
    assert "au.measured" not in found


def test_a_finished_runs_figures_come_from_its_report(tmp_path: Path) -> None:
    write(tmp_path, record(), {"measured": line(60), "asked": line(60, 1.5), "achieved": line(60, 1.4)}, [])
    one = scored(Entry(number=1, words=("gain=subtle",), report=tmp_path))
    assert one.figures["au.achieved.AU12.slope"] == pytest.approx(1.4 / 1.5, abs=1e-3)
    assert one.figures["au.achieved.slope"] == one.figures["au.achieved.AU12.slope"]
    assert one.figures["identity.cosine"] == 0.93
    columns, units = by_unit([one])
    assert [unit for unit, _ in units] == ["AU12"]
    assert "au.achieved.*.r2" in columns


def test_a_new_score_appears_by_itself(tmp_path: Path) -> None:
    runs = [run(1, naturalness=4.0), run(2, naturalness=3.0, brand__new=1.0, ms__warped=6.0)]
    assert whole(runs) == ["naturalness", "brand.new"]
    write_csv(tmp_path / "scores.csv", [*runs, Scored(entry=Entry(number=3, words=("gain=3",), error="no, not this"))])
    with (tmp_path / "scores.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["brand.new"] for row in rows] == ["", "1", ""]
    assert [row["ms.warped"] for row in rows] == ["", "6", ""]
    assert rows[2]["error"] == "no, not this"
    assert [row["gain"] for row in rows] == ["1", "2", "3"]


def test_the_best_run_is_that_of_the_objective() -> None:
    runs = [run(1, flicker=2.0), run(2, flicker=1.0), run(3, flicker=1.0), run(4)]
    assert best(runs, Options()) is None
    assert best(runs, Options(objective="flicker")) is runs[0]
    assert best(runs, Options(objective="flicker", direction="min")) is runs[1]
    with pytest.raises(ConfigError, match="no run has 'flickr' - did you mean 'flicker'"):
        best(runs, Options(objective="flickr"))
