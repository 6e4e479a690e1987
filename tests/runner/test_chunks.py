"""A run that is stopped or killed goes on and ends the same. Threads and chunks: test_determinism.py."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from runner import job as jobs
from runner.chunks import Chunks, Journal, Standing
from runner.job import run_clip
from runner.passes import Run
from runner.settings import Settings
from runner.spool import Spool, SpoolWriter
from stages.errors import ConfigError, DeliveryError
from stages.frozen import freeze, thaw
from stages.models import cache
from tests.runner import killed, steps

LIGHT = ("check=none", "loop=open", "textures=none", "shade=off", "donors=none", "album=none", "reveal=off")
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory, sample) -> Path:  # type: ignore[no-untyped-def]
    from tests.runner.test_run import transcoded

    return transcoded(sample("smile_onset"), tmp_path_factory.mktemp("clip") / "clip.mkv", "yuv420p", 20)


@pytest.fixture
def apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of measurements of its own, with the models of all."""
    own = tmp_path / "cache"
    own.mkdir()
    for path in cache.root().iterdir():
        if path.name != "analysis":
            (own / path.name).symlink_to(path)
    monkeypatch.setenv("GLABELLA_CACHE", str(own))
    return own


def made(clip: Path, out: Path, *overrides: str, **more: object) -> Settings:
    composed = killed.settings([*killed.QUIET, *overrides])
    return replace(composed, values={**composed.values, "clip": str(clip), "out": str(out), **more})


@pytest.mark.parametrize("step", ["measuring", "rendering"])
def test_a_stopped_run_goes_on_at_its_last_chunk(
    clip: Path,
    apart: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    step: str,
) -> None:
    words = ("encode=ffv1", "gain=expressive", "quality=off", "chunks.frames=6", *LIGHT)
    run_clip(made(clip, tmp_path / "whole.mp4", *words))
    killed.forget(apart)
    out = tmp_path / "out" / "take.mp4"
    write = Journal.write

    def stop(journal: Journal, standing: Standing) -> None:
        write(journal, standing)
        if standing.frames == 12 and journal._path.name == {"measuring": "measure", "rendering": "render"}[step]:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Journal, "write", stop)
        with pytest.raises(KeyboardInterrupt):
            run_clip(made(clip, out, *words))
    assert [path.suffix for path in sorted(out.parent.iterdir())] == ["", ".lock"]
    assert "the same command goes on there" in capsys.readouterr().err
    run_clip(made(clip, out, *words, overwrite=True))
    assert f"clip.mkv: {step}, continuing at frame 12 of 20" in capsys.readouterr().err
    assert out.read_bytes() == (tmp_path / "whole.mp4").read_bytes()
    assert sorted(path.name for path in out.parent.iterdir()) == ["take.mp4", "take.report"]
    assert not list(apart.glob("analysis/*/.*"))


@pytest.mark.slow
def test_killed_again_and_again_it_ends_the_same(clip: Path, apart: Path, tmp_path: Path, models: None) -> None:
    """A dozen kills at random instants; `python -m tests.runner.killed` takes any number."""
    words = ["encode=ffv1", "gain=expressive", "quality=off", "chunks.frames=4", *LIGHT]
    found = subprocess.run(
        [sys.executable, "-m", "tests.runner.killed", str(clip), str(tmp_path / "out"), "12", "7", *words],
        cwd=ROOT, env=os.environ | {"GLABELLA_CACHE": str(apart)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    told = json.loads(found.stdout.splitlines()[-1])
    assert (told["wrong"], told["left"]) == ([], [])
    assert told["kills"] == 12


def test_what_a_killed_publication_left_is_finished(
    clip: Path, apart: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("pipeline=passthrough", "encode=ffv1", "chunks.frames=6")
    out = tmp_path / "out" / "take.mp4"
    rename = Path.rename

    def stop(path: Path, target: Path) -> Path:
        if str(target).endswith("take.report"):
            raise KeyboardInterrupt
        return rename(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", stop)
        with pytest.raises(KeyboardInterrupt):
            run_clip(made(clip, out, *words))
    assert out.exists()
    assert not out.with_name("take.report").exists()
    with pytest.raises(ConfigError, match="exists"):
        run_clip(made(clip, out, *words, "encode.threads=1"))
    monkeypatch.setattr(jobs, "carry_out", lambda run: pytest.fail("it was rendered already"))
    done = run_clip(made(clip, out, *words))
    assert done.delivery == out
    assert done.record.passes[0].frames == 20
    assert sorted(path.name for path in out.parent.iterdir()) == ["take.mp4", "take.report"]


def test_the_same_job_does_not_run_twice_at_once(
    clip: Path, apart: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words, out = ("pipeline=passthrough", "encode=ffv1"), tmp_path / "take.mp4"

    def meanwhile(run: Run) -> None:
        monkeypatch.undo()
        monkeypatch.setenv("GLABELLA_CACHE", str(apart))
        with pytest.raises(DeliveryError, match=f"under way in process {os.getpid()}"):
            run_clip(made(clip, out, *words))
        jobs.carry_out(run)

    monkeypatch.setattr(jobs, "carry_out", meanwhile)
    assert run_clip(made(clip, out, *words)).delivery.exists()


def test_two_jobs_do_not_make_the_same_file_at_once(
    clip: Path, apart: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words, out = ("pipeline=passthrough", "encode=ffv1"), tmp_path / "out" / "take.mp4"

    def meanwhile(run: Run) -> None:
        monkeypatch.undo()
        monkeypatch.setenv("GLABELLA_CACHE", str(apart))
        for more in ("encode.threads=1", "overwrite=true"):
            with pytest.raises(DeliveryError, match=f"take.mp4 is being made by process {os.getpid()}; wait for it"):
                run_clip(made(clip, out, *words, "encode.threads=1", more))
        run_clip(made(clip, out.with_name("another.mp4"), *words))
        jobs.carry_out(run)

    monkeypatch.setattr(jobs, "carry_out", meanwhile)
    assert run_clip(made(clip, out, *words)).delivery == out
    names = ["another.mp4", "another.report", "take.mp4", "take.report"]
    assert sorted(path.name for path in out.parent.iterdir()) == names
    run_clip(made(clip, out, *words, "encode.threads=1", "overwrite=true"))


def test_a_full_disk_stops_cleanly_and_the_next_start_goes_on(
    clip: Path, apart: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words, out = ("pipeline=passthrough", "encode=ffv1", "chunks.frames=6"), tmp_path / "out" / "take.mp4"
    write = Journal.write

    def full(journal: Journal, standing: Standing) -> None:
        if standing.frames > 12:
            raise OSError(28, "No space left on device", str(journal._path))
        write(journal, standing)

    with monkeypatch.context() as patch:
        patch.setattr(Journal, "write", full)
        with pytest.raises(DeliveryError, match="the disk is full") as caught:
            run_clip(made(clip, out, *words))
    assert caught.value.exit_code == 6
    run_clip(made(clip, out, *words))
    assert "continuing at frame 12 of 20" in capsys.readouterr().err
    assert [line.split()[1] for line in killed.frames(out)] == [line.split()[1] for line in killed.frames(clip)]
    assert sorted(path.name for path in out.parent.iterdir()) == ["take.mp4", "take.report"]


def test_a_lost_chunk_means_starting_over(
    clip: Path, apart: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words, out = ("pipeline=passthrough", "encode=ffv1", "chunks.frames=6"), tmp_path / "out" / "take.mp4"
    write = Journal.write

    def stop(journal: Journal, standing: Standing) -> None:
        write(journal, standing)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Journal, "write", stop)
        with pytest.raises(KeyboardInterrupt):
            run_clip(made(clip, out, *words))
    next(out.parent.rglob("000000.packets")).unlink()
    run_clip(made(clip, out, *words))
    assert "starting over" in capsys.readouterr().err
    assert len(killed.frames(out)) == 20


def test_a_spool_goes_on_at_its_mark(tmp_path: Path) -> None:
    frames = list(steps.frames(7))
    packets = [steps.units(f.at, f.at.index) for f in frames]
    packets[2] = packets[1]
    writer = SpoolWriter(tmp_path / "w.spool", "job")
    for packet in packets[:4]:
        writer.append(packet)
    mark = writer.mark()
    writer.append(packets[6])
    writer.close()
    again = SpoolWriter(tmp_path / "w.spool", "job", mark)
    for packet in packets[4:]:
        again.append(packet)
    spool: Spool = again.commit()
    assert [steps.value(packet) for packet in spool] == [0, 1, 1, 3, 4, 5, 6]
    assert spool[1] is spool[2]
    assert [path.name for path in tmp_path.iterdir()] == ["w.spool"]


def test_a_spool_that_lacks_what_was_marked_is_refused(tmp_path: Path) -> None:
    writer = SpoolWriter(tmp_path / "w.spool", "job")
    writer.append(steps.units(next(steps.frames(1)).at, 1))
    size, count = writer.mark()
    writer.close()
    with pytest.raises(ValueError, match="not what was left"):
        SpoolWriter(tmp_path / "w.spool", "job", (size + 100, count))
    with pytest.raises(ValueError, match="not what was left"):
        SpoolWriter(tmp_path / "w.spool", "job", (size, count + 1))


def test_a_damaged_journal_counts_as_none(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "render")
    assert journal.read() is None
    standing = Standing(frames=6, states={"a": b"x"}, spools={"b": (10, 6)})
    journal.write(standing)
    assert journal.read() == standing
    path = journal._path
    path.write_bytes(path.read_bytes()[:-1])
    assert journal.read() is None


def test_a_state_that_names_foreign_code_is_not_read() -> None:
    with pytest.raises(ValueError, match="none of ours"):
        thaw(b"cos\nsystem\n(S'true'\ntR.")
    with pytest.raises(TypeError, match="cannot be kept"):
        freeze(lambda: None)


@pytest.mark.parametrize("wrong", [{"frames": 0}, {"frames": 2.5}, {"keep_days": -1}])
def test_chunks_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        Chunks(**wrong)  # type: ignore[arg-type]
