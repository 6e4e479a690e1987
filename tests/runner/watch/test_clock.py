"""Somebody sets the system's clock while clips are rendered: nothing is lost, nothing is done twice."""

from __future__ import annotations

import os
import signal
import time
from datetime import UTC, datetime

import pytest

from runner.job import Began
from tests.runner.watch.service import Service, clip

HOUR = 3600.0


@pytest.mark.parametrize("jump", [HOUR, -HOUR], ids=["an hour ahead", "an hour back"])
def test_a_clock_that_is_set_loses_no_job_and_doubles_none(
    service: Service, monkeypatch: pytest.MonkeyPatch, jump: float
) -> None:
    set_by, real = [0.0], time.time
    monkeypatch.setattr(time, "time", lambda: real() + set_by[0])
    clip(service.inbox / "tried again.mkv", frames=1500)
    with service.running("watch.backoff_s=1", "watch.quiet_s=1", "watch.sources=keep", "watch.jobs=1"):
        os.kill(service.worker(), signal.SIGKILL)
        service.until(lambda: "again in 1 s" in service.said)
        clip(service.inbox / "waits to be still.mkv", 1)
        set_by[0] = jump
        late = clip(service.inbox / "dropped by the new clock.mkv", 2)
        os.utime(late, (time.time(), time.time()))
        service.until(lambda: len(service.states()) == 3 and set(service.states().values()) == {"done"}, 40)
    assert service.once("watch.sources=keep") == 0
    assert sorted((row.name, row.attempts) for row in service.rows()) == [
        ("dropped by the new clock.mkv", 0),
        ("tried again.mkv", 1),
        ("waits to be still.mkv", 0),
    ]
    assert len(list(service.deliveries())) == 3
    assert service.left() == []


def test_how_long_a_run_took_is_not_told_by_the_clock_on_the_wall() -> None:
    assert 0 <= Began(at=datetime(1970, 1, 1, tzinfo=UTC)).seconds < HOUR
