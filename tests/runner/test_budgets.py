from __future__ import annotations

import json
from pathlib import Path

import pytest

from runner import budgets
from runner.cli import main
from runner.loops import scaled
from stages.media.decode import frames, probe


def test_where_the_time_of_a_run_goes(
    tmp_path: Path, sample: budgets.Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    clip = scaled(sample("talking_woman_mild"), tmp_path / "small.mp4", 120, frames=12)
    assert len(list(frames(probe(clip)))) == 12
    words = [f"clip={clip}", f"outputs={tmp_path / 'out'}", "pipeline=passthrough", "bench.what=[budget]"]
    assert main(["bench", *words]) == 0
    found = json.loads(Path(capsys.readouterr().out.split()[-1]).read_text())["figures"]
    shares = {name: value for name, value in found.items() if name.startswith("budget: share ")}
    assert sum(shares.values()) == pytest.approx(1)
    assert shares[f"budget: share {budgets.CODECS}"] > 0.2  # nothing else works in this pipeline
    assert 0 < found["budget: ms"] < 100 * found["budget: bare ms"]
    assert found["budget: fps"] > 1


def test_the_table_names_what_takes_most() -> None:
    cell = {"fps": 40.0, "ms": 50.0, "bare fps": 80.0, "bare ms": 16.0, "fps / bare": 0.5}
    shares = {"faces": 0.4, "warped": 0.3, "units": 0.1, "cues": 0.1, "a": 0.04, "b": 0.03, "c": 0.03}
    figures = {
        f"{preset} {height}: {name}": value
        for preset in budgets.PRESETS
        for height in budgets.HEIGHTS
        for name, value in (cell | {f"share {name}": share for name, share in shares.items()}).items()
    }
    rows = budgets.markdown(figures).splitlines()[4:]
    assert len(rows) == 9
    assert rows[0].startswith("| live | 720 | 40.0 | 50 | 16.0 | 0.32 | faces 40%, warped 30%, ")
    assert rows[0].endswith(", the rest 3% |")
