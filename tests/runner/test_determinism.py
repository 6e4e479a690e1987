"""However many threads and chunks a job is given, its frames are the same: the promise of docs/resume.md, in full."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

from runner.compose import composed_alone
from runner.job import run_clip
from runner.occasion import enrolled
from runner.report.framehashes import NAME
from stages.identity.library import Library
from tests.runner import killed
from tests.runner.test_run import transcoded

FRAMES = 14
EVERY = tuple(product((1, 2, 4), (1, 7)))  # threads, chunks
SOME = ((1, 1), (2, 7), (4, 7))


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory, sample: Callable[[str], Path]) -> Path:
    return transcoded(sample("smile_onset"), tmp_path_factory.mktemp("clip") / "clip.mkv", "yuv420p", FRAMES)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("identities")
    enrolled(composed_alone(), ["sample:portrait"], Library(folder), "collins")
    return folder


def hashes(clip: Path, out: Path, pairs: tuple[tuple[int, int], ...], words: list[str]) -> dict[tuple[int, int], str]:
    """By threads and chunks, the hashes of all frames, each run measuring anew."""
    found = {}
    for threads, chunks in pairs:
        shared = [f"workers={threads}", f"chunks.frames={FRAMES // chunks}", "encode=ffv1", "cache.enabled=false"]
        made = killed.settings([*killed.QUIET, "quality=off", "check=none", *shared, *words])
        target = out / f"{threads}-{chunks}.mp4"
        run_clip(replace(made, values={**made.values, "clip": str(clip), "out": str(target)}))
        found[threads, chunks] = (target.with_suffix(".report") / NAME).read_text("utf-8")
    return found


@pytest.mark.slow
def test_threads_and_chunks_change_no_frame_of_an_edit(clip: Path, tmp_path: Path) -> None:
    """All ordered stages of the shipped pipeline carry their state over the borders of chunks."""
    found = hashes(clip, tmp_path, EVERY, ["gain=expressive"])
    assert len(found[1, 1].splitlines()) >= FRAMES
    assert found == dict.fromkeys(found, found[1, 1])
    assert killed.frames(tmp_path / "1-1.mp4") == killed.frames(tmp_path / "4-7.mp4") != killed.frames(clip)


@pytest.mark.slow
def test_threads_and_chunks_change_no_frame_of_a_replacement(clip: Path, library: Path, tmp_path: Path) -> None:
    found = hashes(clip, tmp_path, SOME, ["pipeline=replace", "identity=collins", f"identities={library}"])
    assert found == dict.fromkeys(found, found[1, 1])
    assert killed.frames(tmp_path / "1-1.mp4") == killed.frames(tmp_path / "4-7.mp4") != killed.frames(clip)
