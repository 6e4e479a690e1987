from __future__ import annotations

import threading
from pathlib import Path

from runner.watch.folders import JobFolder, orphans, reserve
from runner.watch.inbox import Found
from runner.watch.ledger import Ledger
from runner.watch.moving import settle
from runner.watch.outbox import Outbox


def outbox(root: Path) -> Outbox:
    made = Outbox(root / "out")
    made.make()
    (root / "in").mkdir(exist_ok=True)
    return made


def test_each_clip_is_fetched_by_one_of_many(tmp_path: Path) -> None:
    out, inbox, count = outbox(tmp_path), tmp_path / "in", 60
    for number in range(count):
        (inbox / f"{number}.mov").write_text(str(number))
        (inbox / f"{number}.yaml").write_text("gain: subtle")
    ledger = Ledger(out.ledger)
    ledger.queue(Found(Path(f"{number}.mov"), "file", 1, 1) for number in range(count))
    fetched: list[str] = []

    def compete() -> None:
        own = Ledger(out.ledger)
        for path, job in ledger.queued().items():
            folder = reserve(inbox, path, job, out)
            if folder is None:
                continue
            if own.take(job) and folder.fetch():
                fetched.append(folder.source.read_text())
            else:
                folder.remove()

    threads = [threading.Thread(target=compete) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(int, fetched)) == list(range(count))
    assert not list(inbox.iterdir())
    assert len(list(out.working.glob("*/source/*.yaml"))) == count


def test_a_folder_is_held_by_one_and_an_orphan_when_it_is_let_go(tmp_path: Path) -> None:
    out = outbox(tmp_path)
    folder = reserve(tmp_path / "in", Path("a.mov"), 7, out)
    assert folder is not None
    assert reserve(tmp_path / "in", Path("a.mov"), 7, out) is None
    assert not list(orphans(out, tmp_path / "in"))
    folder.let_go()
    found = next(orphans(out, tmp_path / "in"))
    assert (found.claim.job, found.claim.place) == (7, Path("a.mov"))
    found.remove()
    assert not JobFolder(folder.folder, tmp_path / "in").hold()


def test_a_clip_that_is_gone_is_not_fetched(tmp_path: Path) -> None:
    folder = reserve(tmp_path / "in", Path("a.mov"), 1, outbox(tmp_path))
    assert folder is not None
    assert not folder.fetch()


def test_a_folder_settles_at_the_first_free_name_and_tells_before(tmp_path: Path) -> None:
    (tmp_path / "done" / "a").mkdir(parents=True)
    (tmp_path / "done" / "a-2").write_text("a file")
    (tmp_path / "made").mkdir()
    told: list[Path] = []
    assert settle(tmp_path / "made", tmp_path / "done", "a", told.append) == tmp_path / "done" / "a-3"
    assert told == [tmp_path / "done" / "a-3"]
