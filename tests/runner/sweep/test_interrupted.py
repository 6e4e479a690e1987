"""Sweeps that are killed or interrupted in the middle. The runs are passthrough runs: cheap."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runner.cli import main
from runner.loops import looped
from tests.runner.sweep.steps import PASSTHROUGH, cut, runs, started, until

CRFS = "encode.crf=18,28,38"


@pytest.fixture(scope="module")
def long(sample: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Long enough to be killed in the middle."""
    folder = tmp_path_factory.mktemp("clip")
    return looped(cut(sample("smile_onset"), folder / "smile.mp4", 24), folder / "long.mp4", 16)


def book(folder: Path) -> list[dict[str, Any]]:
    file = folder / "sweep.json"
    return list(json.loads(file.read_text())["entries"]) if file.exists() else []


def test_a_killed_sweep_goes_on_and_renders_nothing_twice(
    long: Path, tmp_path: Path, outputs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "crfs"
    words = ("-m", f"clip={long}", f"out={out}", CRFS, f"outputs={outputs}", *PASSTHROUGH)
    process = started(*words)
    until(lambda: len(book(out)) == 1 and list(out.glob(".glabella-*")))
    process.kill()
    process.communicate()
    until(lambda: not list(out.glob(".glabella-*")))  # its worker does not outlive it, and tidies up
    assert [path.name for path in out.glob("*.mp4")] == ["001-crf-18.mp4"]
    made = (out / "001-crf-18.mp4").stat().st_mtime_ns
    killed, _ = runs(outputs)
    assert main(["run", *words]) == 0
    said = capsys.readouterr().err
    assert "1 of 3 runs are rendered already" in said
    assert "[1/3] crf 18 · rendered before: " in said
    assert (out / "001-crf-18.mp4").stat().st_mtime_ns == made
    assert len(list(out.glob("*.mp4"))) == 3
    parent, children = runs(outputs)
    assert (parent.info.run_id, parent.info.status) == (killed.info.run_id, "FINISHED")
    assert sum(run.info.status == "FINISHED" for run in children) == 3


def test_an_interrupted_sweep_leaves_a_killed_run_and_nothing_half_written(
    long: Path, tmp_path: Path, outputs: Path
) -> None:
    out = tmp_path / "crfs"
    process = started("-m", f"clip={long}", f"out={out}", CRFS, f"outputs={outputs}", *PASSTHROUGH)
    until(lambda: list(out.glob(".glabella-*")))
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 130, said
    assert "Traceback" not in said
    assert not list(out.glob(".glabella-*"))
    parent, children = runs(outputs)
    assert parent.info.status == "KILLED"
    assert all(run.info.status in ("FAILED", "FINISHED") for run in children)
