from __future__ import annotations

import os
from pathlib import Path

from runner.watch.inbox import Found
from runner.watch.ledger import Ledger, printable


def found(name: str, size: int = 1) -> Found:
    return Found(Path(name), "file", size, 5)


def test_a_clip_is_queued_once_and_again_when_it_comes_again(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.db")
    assert ledger.queue([found("a.mov"), found("b.mov")]) == 2
    assert ledger.queue([found("a.mov"), found("b.mov", 2)]) == 0
    job = ledger.queued()[Path("a.mov")]
    ledger.update(job, state="done", fingerprint="f")
    assert ledger.queue([found("a.mov")], lambda _, settings: settings == "f") == 0
    assert ledger.queue([found("a.mov")]) == 1
    assert ledger.counts() == {"done": 1, "queued": 2}


def test_of_clips_alike_one_is_worked_on(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.db")
    ledger.queue([found("a.mov"), found("b.mov"), found("c.mov")])
    assert [ledger.take(job, "s", "f") for job in (1, 2, 1)] == [True, False, False]
    assert ledger.take(3)
    ledger.gone([1, 2])
    assert [row.state for row in ledger.rows()] == ["working", "gone", "working"]


def test_what_was_written_outlives_the_process_that_wrote_it(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.db")
    ledger.queue([found("a.mov")])
    ledger.update(1, source_sha256="s", fingerprint="f", state="done", tracked=0)
    other = Ledger(tmp_path / "ledger.db")
    assert [row.id for row in other.alike("s", "f", "done")] == [1]
    assert [row.id for row in other.untracked()] == [1]
    other.forget([1])
    assert ledger.rows() == []


def test_any_name_of_a_file_can_be_kept_and_printed(tmp_path: Path) -> None:
    path = Path(os.fsdecode(b"bad\xff\n\xf0\x9f\x8e\xac.mov"))
    ledger = Ledger(tmp_path / "ledger.db")
    ledger.queue([Found(path, "file", 1, 1)])
    row = ledger.rows()[0]
    assert row.path == path
    assert row.name == printable(path) == "bad??\U0001f3ac.mov"
