"""Whole sweeps over passthrough runs of a real clip: cheap, so that what is tested is the sweep."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from runner.cli import main
from tests.runner.sweep.steps import PASSTHROUGH, cut, runs


@pytest.fixture(scope="module")
def clip(sample: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return cut(sample("smile_onset"), tmp_path_factory.mktemp("clip") / "smile.mp4", 24)


def test_a_failing_child_loses_no_other_and_the_parent_is_closed(
    clip: Path, tmp_path: Path, outputs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "crfs"
    words = ("-m", f"clip={clip}", f"out={out}", "encode.audio=none,loud,copy", f"outputs={outputs}")
    assert main(["run", *words, *PASSTHROUGH, "sweep.objective=frames"]) == 2
    said = capsys.readouterr()
    assert said.out == f"{out / 'comparison.html'}\n"
    assert (
        said.err.splitlines()[-1].startswith("error: audio loud: encode.crf: ")
        or "audio loud" in said.err.splitlines()[-1]
    )
    assert sorted(path.name for path in out.glob("*.mp4")) == ["001-audio-none.mp4", "003-audio-copy.mp4"]
    parent, children = runs(outputs)
    assert parent.info.status == "FAILED"
    assert "audio loud" in parent.data.tags["error"]
    assert parent.data.metrics == {"runs": 3, "runs.failed": 1, "best.frames": 24}
    assert sorted(run.info.status for run in children) == ["FAILED", "FINISHED", "FINISHED"]
    (failed,) = [run for run in children if run.info.status == "FAILED"]
    assert "loud" in failed.data.tags["error"]
    assert "must be &#39;copy&#39; or &#39;none&#39;, not &#39;loud&#39;" in (out / "comparison.html").read_text()


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
