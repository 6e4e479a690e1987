"""Bad input to `glabella analyse`: one clear line, a documented exit code, nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from runner.analyse.write import NAMES
from tests.runner.analyse.steps import Capture, Sample, analyse


def test_files_that_are_there_are_kept_unless_told(made: Path, clip: Path, tmp_path: Path, capsys: Capture) -> None:
    folder = tmp_path / "o"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    (folder / f"{clip.stem}.units.csv").write_text("old")
    code, _, said = analyse(capsys, tmp_path, f"clip={clip}", f"out={folder}")
    assert code == 2
    assert "units.csv exists; name another folder or add overwrite=true" in said
    assert len(list(folder.iterdir())) == 2
    assert analyse(capsys, tmp_path, f"clip={clip}", f"out={folder}", "overwrite=true")[0] == 0
    assert (folder / "notes.txt").read_text() == "mine"
    assert (folder / f"{clip.stem}.units.csv").read_text() != "old"
    assert len(list(folder.iterdir())) == 1 + len(NAMES)


@pytest.mark.parametrize(
    ("code", "word", "says"),
    [
        (3, "clip=missing.mp4", "missing.mp4: no such clip"),
        (2, "out={tmp}/file", "is a file; name a folder"),
        (6, "out={tmp}/file/under", "cannot write to"),
        (2, "out={tmp}/take.parquet", "names one file and several are made"),
        (2, "analyse.csv=excel", "analyse.csv: must be all or openface, not 'excel'"),
        (2, "analyse.min_confidence=2", "analyse.min_confidence: must be 0 to 1"),
        (2, "analyse.present=0", "analyse.present: must be above 0"),
        (2, "pipeline=passthrough", "report.measured: names no wire"),
        (2, "report.measured=faces", "'faces' is no wire of Action Units"),
        (2, "analyse=null", "analyse: must hold settings"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    clip: Path, tmp_path: Path, capsys: Capture, code: int, word: str, says: str
) -> None:
    (tmp_path / "file").write_text("in the way")
    got, out, said = analyse(capsys, tmp_path, f"clip={clip}", word.format(tmp=tmp_path))
    errors = [line for line in said.splitlines() if line.startswith("error: ")]
    assert (got, len(errors), out) == (code, 1, ""), said
    assert says in errors[0]
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written(clip: Path, tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "closed").mkdir(mode=0o555)
    code, _, said = analyse(capsys, tmp_path, f"clip={clip}", f"out={tmp_path / 'closed'}")
    assert code == 6
    assert "cannot write to" in said


def test_an_interrupt_leaves_nothing(sample: Sample, models: None, tmp_path: Path) -> None:
    words = [f"clip={sample('table_of_three')}", f"out={tmp_path / 'o'}", "tracking=off", "cache.enabled=false"]
    process = subprocess.Popen([sys.executable, "-m", "runner", "analyse", *words], stderr=subprocess.PIPE)
    deadline = time.time() + 60
    while not list(tmp_path.glob(".glabella-*/.analysis/*/.*spool*")) and time.time() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert b"interrupted" in said
    assert not list(tmp_path.iterdir())
