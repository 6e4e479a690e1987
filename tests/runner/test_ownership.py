from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from runner.ownership import sweep
from runner.workspace import Target, workspace

HOLDER = """
import sys, time
from pathlib import Path
from runner.workspace import Target, workspace
with workspace(Target(None, Path(sys.argv[1]), "take", "take.mp4")) as place:
    (place.folder / "delivery.mp4").write_text("half")
    print("working", flush=True)
    time.sleep(60)
"""


@contextmanager
def another_run(root: Path) -> Iterator[subprocess.Popen[str]]:
    """A process in the middle of its run in `root`."""
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(root)], text=True, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "working\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def names(root: Path) -> set[str]:
    return {path.name if path.name.startswith("take") else path.name[:10] for path in root.iterdir()}


def test_a_killed_run_is_swept_up_by_the_next_and_a_live_one_never(tmp_path: Path) -> None:
    target = Target(None, tmp_path, "take", "take.mp4")
    with another_run(tmp_path) as other:
        with workspace(target) as place:
            assert place.report.name == "take-002"
        assert names(tmp_path) == {"take-001", ".glabella-"}
        other.kill()
        other.wait()
        assert names(tmp_path) == {"take-001", ".glabella-"}
        with workspace(target) as place:
            assert place.report.name == "take-001"
            assert [path for path in tmp_path.glob(".glabella-*") if path.is_dir()] == [place.folder]
    assert names(tmp_path) == set()


def test_a_claimed_folder_that_somebody_uses_stays(tmp_path: Path) -> None:
    with another_run(tmp_path) as other:
        other.kill()
        other.wait()
    (tmp_path / "take-001" / "notes.txt").write_text("mine")
    sweep(tmp_path)
    assert names(tmp_path) == {"take-001"}


def test_another_hosts_folder_and_one_without_a_lock_stay(tmp_path: Path) -> None:
    with another_run(tmp_path) as other:
        other.kill()
        other.wait()
    owner = next(tmp_path.glob(".glabella-*.lock"))
    owner.write_text(json.dumps({**json.loads(owner.read_text()), "host": "elsewhere 1"}))
    for name, content in (("new", None), ("unlocked", ""), ("odd", "null")):
        (tmp_path / f".glabella-{name}").mkdir()
        if content is not None:
            (tmp_path / f".glabella-{name}.lock").write_text(content)
    before = sorted(tmp_path.rglob("*"))
    sweep(tmp_path)
    assert sorted(tmp_path.rglob("*")) == before


def test_nothing_of_it_is_published(tmp_path: Path) -> None:
    with workspace(Target(None, tmp_path, "take", "take.mp4")) as place:
        made = place.folder / "delivery.mp4"
        made.write_text("master")
        place.publish(made)
    assert [path.name for path in place.report.iterdir()] == ["take.mp4"]
