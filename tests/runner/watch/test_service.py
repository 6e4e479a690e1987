from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import time
from pathlib import Path

import pytest

from runner.analysis import content_hash
from runner.cli import main
from runner.watch.ledger import Ledger
from runner.watch.post import send
from tests.runner.watch.killed import attack
from tests.runner.watch.service import Service, clip

HOSTILE = ("a (1)=,'x\".mkv", "new\nline.mkv", "\U0001f3ac smile.mkv", os.fsdecode(b"bad\xff.mkv"), "${x}.mkv")


def test_whatever_is_dropped_comes_out_done_or_failed_with_a_reason(service: Service) -> None:
    for seed, name in enumerate(HOSTILE):
        clip(service.inbox / name, seed)
    clip(service.inbox / "subtle" / "take.mkv", 50)
    shutil.copyfile(service.inbox / HOSTILE[0], service.inbox / "same.mkv")
    whole = clip(service.inbox / "cut.mkv", 51).read_bytes()
    (service.inbox / "cut.mkv").write_bytes(whole[:200])
    (service.inbox / "zero.mov").touch()
    (service.inbox / "link.mkv").symlink_to(service.inbox / "same.mkv")
    clip(service.inbox / "nobody" / "lost.mkv", 52)
    clip(service.inbox / "evil.mkv", 53)
    (service.inbox / "evil.yaml").write_text("decode: {_target_: os.system}")
    clip(service.inbox / "linked.mkv", 54)
    (service.inbox / "linked.yaml").symlink_to("/etc/passwd")

    assert service.once("watch.jobs=2") == 1
    states = sorted(service.states().values())
    assert states == ["done"] * 6 + ["duplicate"] + ["failed"] * 6, service.said
    assert sorted(content_hash(path) for path in service.deliveries()) == sorted(
        row.output_sha256 for row in service.rows() if row.state == "done"
    )
    for name, word in (
        ("zero.mov", "empty"),
        ("link.mkv", "symbolic link"),
        ("lost.mkv", "neutral, "),
        ("evil.mkv", "plain values"),
        ("linked.mkv", "plain file"),
        ("cut.mkv", "truncated"),
    ):
        assert word in service.reason(name)
    assert (service.outbox / "failed" / "linked.mkv" / "linked.yaml").is_symlink()
    assert not service.left()
    assert not [path for path in service.inbox.rglob("*") if not path.is_dir()]
    assert len(list((service.outbox / "done" / "sources").rglob("*.mkv"))) == 7


def test_every_clip_is_rendered_once_however_often_the_watcher_is_killed(tmp_path: Path) -> None:
    """Thirty times as much: python -m tests.runner.watch.killed FOLDER 300 30."""
    seed = int(os.environ.get("GLABELLA_KILL_SEED") or random.randrange(1 << 30))
    print(f"GLABELLA_KILL_SEED={seed}")
    ended = attack(tmp_path / "killed", 10, 2, seed)
    assert not ended["wrong"], ended
    assert ended["kills"] == 2


@pytest.mark.parametrize(
    ("words", "number", "reason"),
    [
        (("watch.limits.memory_gb=0.02",), None, "of memory"),
        (("watch.limits.seconds=0.3",), None, "longer"),
        (("watch.limits.stall_s=0.4",), signal.SIGSTOP, "hung"),
        ((), signal.SIGSEGV, "SIGSEGV (a crash in a library)"),
    ],
)
def test_a_job_over_a_limit_or_crashed_costs_an_attempt_and_the_next_one_runs(
    service: Service, words: tuple[str, ...], number: signal.Signals | None, reason: str
) -> None:
    clip(service.inbox / "a.mkv", frames=3000)
    with service.running("watch.attempts=1", *words):
        if number:
            os.kill(service.worker(), number)
        service.until(lambda: service.states() == {"a.mkv": "failed"})
        assert service.rows()[0].attempts == 1
        assert reason in service.reason("a.mkv")
        if number:
            clip(service.inbox / "b.mkv", 1)
            service.until(lambda: service.states() == {"a.mkv": "failed", "b.mkv": "done"})


def test_what_may_pass_is_tried_again(service: Service) -> None:
    clip(service.inbox / "a.mkv", frames=3000)
    with service.running("watch.backoff_s=0.1"):
        os.kill(service.worker(), signal.SIGKILL)
        service.until(lambda: service.states() == {"a.mkv": "done"})
    assert service.rows()[0].attempts == 1
    assert "SIGKILL (out of memory, or by somebody's hand); again in 0.1 s" in service.said


def test_a_slow_writer_is_waited_for_and_a_bad_clip_holds_nothing_up(service: Service) -> None:
    data = clip(service.inbox.parent / "whole.mkv", 3, frames=30).read_bytes()
    for number in range(8):
        (service.inbox / f"bad{number}.mkv").write_bytes(b"garbage")
    with service.running("watch.quiet_s=0.6", "watch.patience_s=600"):
        with (service.inbox / "slow.mkv").open("wb", buffering=0) as file:
            for part in range(4):
                file.write(data[part * len(data) // 4 : (part + 1) * len(data) // 4])
                time.sleep(0.4)
                assert "slow.mkv" not in service.states()
        service.until(lambda: service.states().get("slow.mkv") == "done", 60)
        assert set(service.states().values()) == {"done", "queued"}


def test_a_clip_that_goes_on_growing_while_it_is_rendered_is_rendered_anew(service: Service) -> None:
    data = clip(service.inbox.parent / "whole.mkv", 3, frames=3000).read_bytes()
    path = service.inbox / "a.mkv"
    path.write_bytes(data[: len(data) // 2])
    with path.open("ab") as file, service.running():
        service.worker()
        file.write(data[len(data) // 2 :])
        file.flush()
        service.until(lambda: service.states() == {"a.mkv": "done"})
    assert "was still being written" in service.said
    assert [row.source_sha256 for row in service.rows()] == [content_hash(service.inbox.parent / "whole.mkv")]
    assert len(list(service.deliveries())) == 1


def test_ten_thousand_files_are_queued_within_a_minute_and_then_cost_nothing(service: Service) -> None:
    for number in range(10_000):
        (service.inbox / f"{number:05d}.mov").write_bytes(b"x")
    started = time.monotonic()
    with service.running("watch.quiet_hours='00:00-23:59'"):
        service.until(lambda: service.status().get("jobs", {}).get("queued") == 10_000, 60)
        assert time.monotonic() - started < 60
        before = time.process_time()
        time.sleep(3)
        assert time.process_time() - before < 0.6, "a fifth of a core, on a shared machine"
        assert "quiet hours" in service.said


def test_folders_that_go_away_and_come_back_are_waited_for(service: Service) -> None:
    with service.running("watch.poll_s=0.2", watch="nas"):
        for folder in (service.inbox, service.outbox):
            away = folder.rename(folder.with_name("away"))
            service.until(lambda: "waiting for it" in service.said)
            time.sleep(0.3)
            away.rename(folder)
            clip(service.inbox / f"{folder.name}.mkv", len(folder.name))
            service.until(lambda name=folder.name: service.states().get(f"{name}.mkv") == "done")  # type: ignore[misc]
            service.log.write_text("")


def test_an_inbox_on_another_file_system_is_claimed_there_and_may_go_away(service: Service, tmp_path: Path) -> None:
    shared = Path("/dev/shm")
    if not shared.is_dir() or shared.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("no other file system")
    own = service.inbox
    own.rmdir()
    far = Path(f"/dev/shm/glabella-{os.getpid()}")
    try:
        far.mkdir()
        service.inbox = far
        clip(far / "a.mkv", frames=3000)
        with service.running("watch.backoff_s=0.1"):
            service.worker()
            assert list(far.glob(".glabella-claimed/*/a.mkv"))
        away = far.rename(far.with_name(f"{far.name}-away"))
        far.mkdir()
        with service.running("watch.backoff_s=0.1"):
            service.until(lambda: "cannot be reached" in service.said)
        far.rmdir()
        away.rename(far)
        assert service.once() == 0
        assert service.states() == {"a.mkv": "done"}
        assert not service.left()
        assert not [path for path in far.rglob("*") if path.is_file()]
    finally:
        for folder in far.parent.glob(f"{far.name}*"):
            shutil.rmtree(folder)


def test_sigterm_keeps_finished_chunks_for_the_next_start(service: Service) -> None:
    clip(service.inbox / "a.mkv", frames=6000)
    service.start("watch.quiet_s=0.2", "watch.stop_s=10", "chunks.frames=100")
    service.worker()
    service.until(lambda: list(service.outbox.rglob(".chunks/*/*")))
    assert service.end() < 13
    assert service.states() == {"a.mkv": "working"}
    assert service.once("chunks.frames=100") == 0
    assert "taken up again" in service.said
    assert "continuing at frame" in next((service.outbox / "done" / "a").glob("log.txt")).read_text()


def test_clips_that_stay_in_the_inbox_are_rendered_again_only_with_other_settings(service: Service) -> None:
    clip(service.inbox / "a.mkv")
    for _ in range(2):
        service.once("watch.sources=keep")
        assert [row.state for row in service.rows()] == ["done"]
    (service.inbox / "a.yaml").write_text("encode.options: {slices: 4}")
    service.once("watch.sources=keep")
    service.once("watch.sources=keep", "gain=subtle")
    assert [row.state for row in service.rows()] == ["done"] * 3
    assert {path.name for path in service.inbox.iterdir()} == {"a.mkv", "a.yaml"}


def test_runs_are_told_to_mlflow_when_it_is_back_and_once(service: Service, tmp_path: Path) -> None:
    clip(service.inbox / "a.mkv")
    (service.inbox / "b.mkv").write_bytes(b"no clip")
    service.once()
    down = {"enabled": True, "uri": "http://127.0.0.1:9", "artifacts": "", "experiment": "x", "timeout": 3.0}
    assert send(service.outbox, down) == 1
    assert {row.tracked for row in service.rows()} == {0, 2}
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    tracking = {**down, "uri": uri, "artifacts": str(tmp_path / "art"), "timeout": 120.0}
    assert send(service.outbox, tracking) == 0
    assert [row.tracked for row in service.rows()] == [1, 1]
    ledger = Ledger(service.outbox / "ledger.db")
    ledger.update(1, tracked=2)  # killed when MLflow had been told, before we knew
    ledger.close()
    assert send(service.outbox, tracking) == 0
    import mlflow

    client = mlflow.MlflowClient(tracking_uri=uri)
    runs = client.search_runs([client.get_experiment_by_name("x").experiment_id])
    assert sorted((run.data.tags["shot"], run.info.status) for run in runs) == [("a", "FINISHED"), ("b", "FAILED")]


def test_failed_clips_can_be_retried_and_finished_ones_forgotten(
    service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    clip(service.inbox / "nobody" / "a.mkv")
    clip(service.inbox / "nobody" / "b.mkv")
    service.once()
    shutil.rmtree(service.outbox / "failed" / "b.mkv")
    assert main(["watch", "retry", str(service.outbox)]) == 0
    assert "b.mkv: not in failed any more; forgotten" in capsys.readouterr().out
    (service.inbox / "nobody" / "a.mkv").rename(service.inbox / "a.mkv")
    assert service.once() == 0
    assert main(["watch", "status", str(service.outbox)]) == 0
    assert "done/a" in capsys.readouterr().out
    assert main(["watch", "forget", str(service.outbox), "a.mkv"]) == 0
    (service.outbox / "done" / "sources" / "a.mkv").rename(service.inbox / "a.mkv")
    service.once()
    assert sorted(path.parent.name for path in service.deliveries()) == ["a", "a-2"]


def test_the_urgent_come_first_and_then_the_smallest(service: Service) -> None:
    for name, frames in (("large.mkv", 30), ("small.mkv", 3), ("example/last.mkv", 60)):
        clip(service.inbox / name, frames, frames)
    service.once("watch.order=smallest", "watch.priority={example: 5}")
    started = [line.split("  ")[1] for line in service.said.splitlines() if line.endswith(": started")]
    assert started == ["example/last.mkv: started", "small.mkv: started", "large.mkv: started"]


def test_a_ledger_that_cannot_be_written_is_waited_for(service: Service) -> None:
    with service.running():
        service.until(lambda: "watching" in service.said)
        other = sqlite3.connect(service.outbox / "ledger.db")
        other.execute("BEGIN IMMEDIATE")
        clip(service.inbox / "a.mkv")
        time.sleep(1)
        other.rollback()
        service.until(lambda: service.states() == {"a.mkv": "done"})
        other.close()
