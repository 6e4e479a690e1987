"""Whole sweeps over passthrough runs of a real clip: cheap, so that what is tested is the sweep."""

from __future__ import annotations

import json
import os
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
def clip(sample: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return cut(sample("smile_onset"), tmp_path_factory.mktemp("clip") / "smile.mp4", 24)


@pytest.fixture(scope="module")
def long(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Long enough to be killed in the middle."""
    return looped(clip, tmp_path_factory.mktemp("clip") / "long.mp4", 40)


def book(folder: Path) -> list[dict[str, Any]]:
    file = folder / "sweep.json"
    return list(json.loads(file.read_text())["entries"]) if file.exists() else []


def test_a_failing_child_loses_no_other_and_the_parent_is_closed(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "crfs"
    words = ("-m", f"clip={clip}", f"out={out}", "encode.crf=38,99,18", f"outputs={tmp_path / 'outputs'}")
    assert main(["run", *words, *PASSTHROUGH, "sweep.objective=frames"]) == 2
    said = capsys.readouterr()
    assert said.out == f"{out / 'comparison.html'}\n"
    assert said.err.splitlines()[-1].startswith("error: crf 99: encode.crf: ") or "crf 99" in said.err.splitlines()[-1]
    assert sorted(path.name for path in out.glob("*.mp4")) == ["001-crf-38.mp4", "003-crf-18.mp4"]
    parent, children = runs(tmp_path / "outputs")
    assert parent.info.status == "FAILED"
    assert "crf 99" in parent.data.tags["error"]
    assert parent.data.metrics == {"runs": 3, "runs.failed": 1, "best.frames": 24}
    assert sorted(run.info.status for run in children) == ["FAILED", "FINISHED", "FINISHED"]
    (failed,) = [run for run in children if run.info.status == "FAILED"]
    assert "99" in failed.data.tags["error"]
    page = (out / "comparison.html").read_text()
    assert failed.data.tags["error"].split(":")[-1].strip()[:20] in page


def test_a_killed_sweep_goes_on_and_renders_nothing_twice(
    long: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, outputs = tmp_path / "crfs", tmp_path / "outputs"
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


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_sweep_leaves_a_killed_run_and_nothing_half_written(
    long: Path, tmp_path: Path, number: signal.Signals
) -> None:
    out, outputs = tmp_path / "crfs", tmp_path / "outputs"
    process = started("-m", f"clip={long}", f"out={out}", CRFS, f"outputs={outputs}", *PASSTHROUGH)
    until(lambda: list(out.glob(".glabella-*")))
    process.send_signal(number)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 130, said
    assert "Traceback" not in said
    assert not list(out.glob(".glabella-*"))
    parent, children = runs(outputs)
    assert parent.info.status == "KILLED"
    assert all(run.info.status in ("FAILED", "FINISHED") for run in children)


def test_a_worker_that_dies_takes_its_own_run_alone(long: Path, tmp_path: Path) -> None:
    out = tmp_path / "crfs"
    process = started("-m", f"clip={long}", f"out={out}", CRFS, f"outputs={tmp_path}", *PASSTHROUGH)
    until(lambda: list(out.glob(".glabella-*/.owner")))
    for child in _children(process.pid):
        os.kill(child, signal.SIGKILL)
    page, said = process.communicate(timeout=240)
    assert process.returncode == 1, said
    assert "its process was ended by SIGKILL" in said.splitlines()[-1]
    assert page == f"{out / 'comparison.html'}\n"
    assert len([entry for entry in book(out) if not entry["error"]]) == 2
    _, children = runs(tmp_path)
    assert sorted(run.info.status for run in children) == ["FAILED", "FINISHED", "FINISHED"]


def _children(pid: int) -> list[int]:
    """The workers: children that were spawned to run something, not multiprocessing's own tracker."""
    listings = Path(f"/proc/{pid}/task").glob("*/children")
    children = [int(child) for listing in listings for child in listing.read_text().split()]
    return [child for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]


def test_fresh_renders_everything_anew(clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("-m", f"clip={clip}", "encode.crf=18,38", f"outputs={tmp_path}", "tracking=off", *PASSTHROUGH)
    assert main(["run", *words]) == 0
    folder = Path(capsys.readouterr().out.strip()).parent
    made = {path.name: path.stat().st_mtime_ns for path in folder.glob("*.mp4")}
    assert main(["run", *words]) == 0
    assert "2 of 2 runs are rendered already" in capsys.readouterr().err
    assert main(["run", *words, "sweep.fresh=true", "sweep.processes=2"]) == 0
    again = {path.name: path.stat().st_mtime_ns for path in folder.glob("*.mp4")}
    assert again.keys() == made.keys()
    assert all(again[name] > made[name] for name in made)


def test_several_clips_are_runs_too(clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = cut(clip, tmp_path / "b (2).mp4", 12)
    (tmp_path / "c.mp4").write_bytes(b"no clip")
    words = (f"clip=glob({tmp_path}/*.mp4)", f"out={tmp_path / 'out'}", f"outputs={tmp_path}", "tracking=off")
    assert main(["run", "-m", *words, "encode.crf=18,38", *PASSTHROUGH]) == 3
    assert len(list((tmp_path / "out").glob("*.mp4"))) == 2
    assert other.exists()
    assert capsys.readouterr().err.count("error: c · crf") == 2


def test_what_no_sweep_can_do_is_one_line(clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words, expected in (
        (("encode.crf=interval(10,20)",), "error: encode.crf: interval(...) has no list of values"),
        (("encode.crf=1,2", f"out={clip}"), f"error: out: {clip} is a file; a sweep makes several: name a folder"),
        (("encode.crfs=1,2",), "error: encode.crfs: there is no such setting"),
        (("search=none_such",), "error: search=none_such: there is no such option"),
        (("encode.crf=1,2", "sweep.processes=0"), "error: sweep: processes: 0 is out of range"),
    ):
        assert main(["run", "-m", f"clip={clip}", *words, f"outputs={tmp_path}", "tracking=off", *PASSTHROUGH]) == 2
        said = capsys.readouterr()
        assert said.err.startswith(expected), said.err
        assert said.out == ""
