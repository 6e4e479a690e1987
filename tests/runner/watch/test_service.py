from __future__ import annotations

import os
import random
import shutil
import signal
import time
from pathlib import Path

import pytest

from runner.analysis import content_hash
from runner.cli import main
from runner.watch.post import send
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

    assert service.once("watch.jobs=2") == 1
    states = sorted(service.states().values())
    assert states == ["done"] * 6 + ["duplicate"] + ["failed"] * 5, service.said
    assert sorted(content_hash(path) for path in service.deliveries()) == sorted(
        row.output_sha256 for row in service.rows() if row.state == "done"
    )
    reasons = {path.parent.name: path.read_text() for path in (service.outbox / "failed").rglob("error.txt")}
    assert reasons.keys() == {"cut.mkv", "zero.mov", "link.mkv", "lost.mkv", "evil.mkv"}
    for name, word in (
        ("zero.mov", "empty"),
        ("link.mkv", "symbolic link"),
        ("lost.mkv", "neutral, "),
        ("evil.mkv", "plain values"),
    ):
        assert word in reasons[name]
    assert not service.left()
    assert not [path for path in service.inbox.rglob("*") if not path.is_dir()]
    assert len(list((service.outbox / "done" / "sources").rglob("*.mkv"))) == 7


def test_every_clip_is_rendered_once_however_often_the_watcher_is_killed(service: Service) -> None:
    seed = int(os.environ.get("GLABELLA_KILL_SEED") or random.randrange(1 << 30))
    clips, kills = int(os.environ.get("GLABELLA_KILL_CLIPS", "8")), int(os.environ.get("GLABELLA_KILLS", "4"))
    print(f"GLABELLA_KILL_SEED={seed}")
    chance = random.Random(seed)
    bad = set(chance.sample(range(clips), clips // 4))
    waiting = list(range(clips))
    for _ in range(kills):
        service.start("watch.quiet_s=0.2", "watch.patience_s=1", "watch.jobs=2")
        for number in (waiting.pop() for _ in range(min(len(waiting), clips // kills))):
            path = clip(service.inbox / f"{number}.mkv", number)
            if number in bad:
                path.write_bytes(path.read_bytes()[:150])
        time.sleep(chance.uniform(1, 8))
        service.end(signal.SIGKILL)
    time.sleep(1)  # workers end themselves when their watcher is gone
    service.once("watch.jobs=2")
    expected = {f"{number}.mkv": "failed" if number in bad else "done" for number in range(clips)}
    assert {name: state for name, state in service.states().items() if state != "gone"} == expected, service.said
    assert sorted(path.name for path in service.deliveries()) == sorted(n for n, s in expected.items() if s == "done")
    assert not service.left()
    assert not list(service.inbox.iterdir())


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("watch.limits.memory_gb=0.02",), "of memory"),
        (("watch.limits.stall_s=0.3",), "hung"),
        (("watch.limits.seconds=0.3",), "longer"),
    ],
)
def test_a_job_over_a_limit_costs_its_attempts_and_the_next_one_runs(
    service: Service, words: tuple[str, ...], reason: str
) -> None:
    clip(service.inbox / "a.mkv", frames=3000)
    assert service.once("watch.attempts=2", "watch.backoff_s=0.1", *words) == 1
    row = service.rows()[0]
    assert (row.state, row.attempts) == ("failed", 2)
    assert reason in (service.outbox / row.output / "error.txt").read_text()
    clip(service.inbox / "b.mkv", 1)
    service.once()
    assert service.states() == {"a.mkv": "failed", "b.mkv": "done"}


def test_a_crash_costs_one_attempt(service: Service) -> None:
    clip(service.inbox / "a.mkv", frames=3000)
    service.start("watch.quiet_s=0.2", "watch.backoff_s=0.1")
    service.until(lambda: service.status().get("working"))
    os.kill(service.status()["working"][0]["pid"], signal.SIGSEGV)
    service.until(lambda: service.states() == {"a.mkv": "done"})
    assert service.rows()[0].attempts == 1
    assert "SIGSEGV (a crash in a library)" in service.said


def test_a_slow_writer_is_waited_for(service: Service) -> None:
    data = clip(service.inbox.parent / "whole.mkv", 3, frames=30).read_bytes()
    service.start("watch.quiet_s=1")
    path = service.inbox / "slow.mkv"
    with path.open("wb") as file:
        for part in range(4):
            file.write(data[part * len(data) // 4 : (part + 1) * len(data) // 4])
            file.flush()
            time.sleep(0.6)
            assert not service.rows()
    service.until(lambda: service.states() == {"slow.mkv": "done"})
    assert "watch.quiet_s" not in service.said
    assert service.end() < 30


def test_ten_thousand_files_are_queued_within_a_minute(service: Service) -> None:
    for number in range(10_000):
        (service.inbox / f"{number:05d}.mov").write_bytes(b"x")
    started = time.monotonic()
    service.start("watch.quiet_s=0.5", "watch.quiet_hours='00:00-23:59'")
    service.until(lambda: service.status().get("jobs", {}).get("queued") == 10_000, 60)
    assert time.monotonic() - started < 60
    service.end()


def test_runs_are_told_to_mlflow_when_it_is_back(service: Service, tmp_path: Path) -> None:
    clip(service.inbox / "a.mkv")
    (service.inbox / "b.mkv").write_bytes(b"no clip")
    service.once("tracking=server", "tracking.uri=http://127.0.0.1:9", "tracking.timeout=2")
    assert service.states() == {"a.mkv": "done", "b.mkv": "failed"}
    assert [row.tracked for row in service.rows()] == [0, 0]
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    tracking = {"enabled": True, "uri": uri, "artifacts": str(tmp_path / "art"), "experiment": "x", "timeout": 120.0}
    assert send(service.outbox, tracking) == 0
    import mlflow

    client = mlflow.MlflowClient(tracking_uri=uri)
    runs = client.search_runs([client.get_experiment_by_name("x").experiment_id])
    assert {run.data.tags["shot"]: run.info.status for run in runs} == {"a": "FINISHED", "b": "FAILED"}
    assert [row.tracked for row in service.rows()] == [1, 1]


def test_failed_clips_can_be_retried_and_finished_ones_forgotten(
    service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    clip(service.inbox / "nobody" / "a.mkv")
    service.once()
    assert main(["watch", "retry", str(service.outbox), "a.mkv"]) == 0
    assert (service.inbox / "nobody" / "a.mkv").exists()
    (service.inbox / "nobody" / "a.mkv").rename(service.inbox / "a.mkv")
    assert service.once() == 0
    assert main(["watch", "status", str(service.outbox)]) == 0
    assert "done/a" in capsys.readouterr().out
    assert main(["watch", "forget", str(service.outbox), "a.mkv"]) == 0
    (service.outbox / "done" / "sources" / "a.mkv").rename(service.inbox / "a.mkv")
    service.once()
    assert sorted(path.parent.name for path in service.deliveries()) == ["a", "a-2"]


def test_hooks_get_the_job_as_json(service: Service, tmp_path: Path) -> None:
    clip(service.inbox / "a.mkv")
    service.once(f"watch.hooks.success=tee {tmp_path}/told.json")
    told = (tmp_path / "told.json").read_text()
    assert '"state": "done"' in told
    assert '"clip": "a.mkv"' in told
