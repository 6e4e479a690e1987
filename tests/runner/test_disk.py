"""A disk that fills up in any step of a run, or is read-only: one line, nothing spoilt, and the same command goes on.

The disk is a real one, in memory; where none may be mounted, these tests are skipped.
"""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from runner import disk, job, passes
from runner.job import run_clip
from stages.errors import DeliveryError
from stages.media.writer import ChunkWriter
from stages.models import cache
from tests.runner import killed
from tests.runner.test_chunks import LIGHT, made
from tests.runner.test_run import transcoded

ROOM = 8 << 10  # bytes that are left
COPY = ("pipeline=passthrough", "encode=ffv1", "chunks.frames=6", "quality=off")
EDIT = ("encode=ffv1", "gain=expressive", "chunks.frames=6", "quality=off", "cache.enabled=false", *LIGHT)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory, sample: Callable[[str], Path]) -> Path:
    return transcoded(sample("smile_onset"), tmp_path_factory.mktemp("clip") / "clip.mkv", "yuv420p", 12)


def mounted(folder: Path) -> None:
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=120m", "tmpfs", str(folder)]
    try:
        subprocess.run(words, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no disk may be mounted here")


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A disk of 120 MB."""
    mounted(tmp_path / "disk")
    yield tmp_path / "disk"
    subprocess.run(["umount", "--lazy", str(tmp_path / "disk")], check=True)


def fill(folder: Path) -> None:
    free = shutil.disk_usage(folder).free - ROOM
    with (folder / "filler").open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, free)


def free(folder: Path) -> None:
    (folder / "filler").unlink(missing_ok=True)


def struck(monkeypatch: pytest.MonkeyPatch, owner: Any, step: str, folder: Path) -> None:
    """The disk of `folder` fills up right before a step of the run."""
    real = getattr(owner, step)

    def then(*given: Any, **named: Any) -> Any:
        fill(folder)
        return real(*given, **named)

    monkeypatch.setattr(owner, step, then)


@pytest.mark.parametrize(
    ("words", "owner", "step", "said"),
    [
        (EDIT, passes, "measure", "the disk is full; free space there"),
        (EDIT, job, "shape", "free space"),
        (COPY, passes, "render", "free space"),
        (COPY, ChunkWriter, "close", "joining needs .* free space"),
        (COPY, job, "write_hashes", "the disk is full; free space there"),
    ],
    ids=["measure", "shape", "render", "join", "report"],
)
def test_a_disk_that_fills_up_stops_cleanly_and_the_next_start_goes_on(
    clip: Path, small: Path, tmp_path: Path, words: tuple[str, ...], owner: Any, step: str, said: str
) -> None:
    run_clip(made(clip, tmp_path / "whole.mp4", *words))
    out = small / "out" / "take.mp4"
    with pytest.MonkeyPatch.context() as patch:
        struck(patch, owner, step, small)
        with pytest.raises(DeliveryError, match=said) as caught:
            run_clip(made(clip, out, *words))
    assert "\n" not in str(caught.value)
    assert not out.exists()
    free(small)
    run_clip(made(clip, out, *words))
    assert killed.frames(out) == killed.frames(tmp_path / "whole.mp4")
    assert sorted(path.name for path in out.parent.iterdir()) == ["take.mp4", "take.report"]


def test_a_disk_that_is_read_only_is_one_line(clip: Path, small: Path) -> None:
    (small / "out").mkdir()
    subprocess.run(["mount", "-o", "remount,ro", str(small)], check=True)
    said = "Read-only file system; make it writable, or choose another place"
    for out in (small / "out" / "take.mp4", small / "new" / "take.mp4"):
        with pytest.raises(
            DeliveryError,
            match=rf"^out: cannot write to {out.parent}: {said}$",
        ):
            run_clip(made(clip, out, *COPY))
    subprocess.run(["mount", "-o", "remount,rw", str(small)], check=True)
    run_clip(made(clip, out, *COPY))
    assert sorted(path.name for path in out.parent.iterdir()) == ["take.mp4", "take.report"]


def test_a_full_disk_of_the_cache_is_named(
    clip: Path, tmp_path: Path, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in cache.root().iterdir():
        if path.name != "analysis":
            (small / path.name).symlink_to(path)
    monkeypatch.setenv("GLABELLA_CACHE", str(small))
    words, out = tuple(word for word in EDIT if word != "cache.enabled=false"), tmp_path / "out" / "take.mp4"
    with pytest.MonkeyPatch.context() as patch:
        struck(patch, passes, "measure", small)
        with pytest.raises(DeliveryError, match=rf"{small}/analysis/.*: the disk is full"):
            run_clip(made(clip, out, *words))
    free(small)
    assert run_clip(made(clip, out, *words)).delivery == out
    assert not list(small.rglob(".*"))


def test_the_system_says_why_and_we_say_what_to_do() -> None:
    assert disk.why(OSError(errno.ENOSPC, "Error writing bytes to file")).startswith("the disk is full; free space")
    assert disk.why(OSError(errno.EROFS, "x")) == "Read-only file system; make it writable, or choose another place"
    assert disk.why(OSError("cannot seek")) == "cannot seek"
    with (
        pytest.raises(DeliveryError, match=r"^out: here: the disk is full"),
        disk.disk_errors(),
        disk.naming(Path("here")),
    ):
        raise OSError(errno.ENOSPC, "full")
