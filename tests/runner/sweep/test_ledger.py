from __future__ import annotations

from pathlib import Path

import pytest

from runner.sweep.ledger import NAME, Entry, ledger
from stages.errors import ConfigError


def finished(folder: Path, number: int) -> Entry:
    delivery, report = folder / f"{number}.mp4", folder / f"{number}.report"
    delivery.write_bytes(b"a master")
    report.mkdir()
    (report / "report.json").write_text("{}")
    return Entry(number=number, words=(f"gain={number}",), key=f"k{number}", delivery=delivery, report=report)


def test_what_was_finished_is_found_again(tmp_path: Path) -> None:
    with ledger(tmp_path, "one", fresh=False, overwrite=False) as book:
        book.run = "a run"
        book.add(finished(tmp_path, 1))
        book.add(finished(tmp_path, 2))
        book.add(Entry(number=3, words=("gain=3",), error="no", code=2))
    with ledger(tmp_path, "one", fresh=False, overwrite=False) as book:
        assert (book.run, book.continued) == ("a run", True)
        assert [entry.number for entry in book.ordered] == [1, 2, 3]
        assert set(book.finished()) == {"k1", "k2"}


def test_a_sweeps_folder_may_be_moved(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    with ledger(tmp_path / "here", "one", fresh=False, overwrite=False) as book:
        book.add(finished(tmp_path / "here", 1))
    (tmp_path / "here").rename(tmp_path / "there")
    with ledger(tmp_path / "there", "one", fresh=False, overwrite=False) as book:
        assert book.finished()["k1"].delivery == tmp_path / "there" / "1.mp4"


def test_a_delivery_that_is_gone_is_rendered_again(tmp_path: Path) -> None:
    with ledger(tmp_path, "one", fresh=False, overwrite=False) as book:
        book.add(finished(tmp_path, 1))
        (tmp_path / "1.mp4").unlink()
        assert book.finished() == {}


def test_fresh_forgets_but_the_folder_is_still_the_sweeps_own(tmp_path: Path) -> None:
    with ledger(tmp_path, "one", fresh=False, overwrite=False) as book:
        book.add(finished(tmp_path, 1))
    with ledger(tmp_path, "one", fresh=True, overwrite=False) as book:
        assert (book.entries, book.continued) == ({}, True)


def test_another_sweeps_folder_is_not_taken_unasked(tmp_path: Path) -> None:
    with ledger(tmp_path, "one", fresh=False, overwrite=False):
        pass
    with (
        pytest.raises(ConfigError, match="holds another sweep; name another folder or add overwrite=true"),
        ledger(tmp_path, "two", fresh=False, overwrite=False),
    ):
        pass
    with ledger(tmp_path, "two", fresh=False, overwrite=True) as book:
        assert not book.continued


def test_the_same_sweep_does_not_run_twice_at_once(tmp_path: Path) -> None:
    with (
        ledger(tmp_path, "one", fresh=False, overwrite=False),
        pytest.raises(ConfigError, match="is being run by another process"),
        ledger(tmp_path, "one", fresh=False, overwrite=False),
    ):
        pass


def test_a_damaged_file_is_no_ledger(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text('{"schema": 1')
    with ledger(tmp_path, "one", fresh=False, overwrite=False) as book:
        assert book.entries == {}
