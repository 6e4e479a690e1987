"""MLflow gets a run for every job, whenever it can be reached: what it has not been told waits in the ledger.

A process of its own, started now and then by the watcher: importing mlflow takes seconds and much memory.
"""

from __future__ import annotations

import fcntl
import json
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from runner.progress import say
from runner.report.record import RunRecord
from runner.tracking import Tracking
from runner.watch.ledger import Ledger, Row

_LOCK: Final = ".post.lock"
_KEY: Final = "watch.key"  # no two jobs of any outbox have the same
_EVERY_S: Final = 20.0
_LATEST_S: Final = 300.0


def send(outbox: Path, tracking: Mapping[str, Any]) -> int:
    """Tell MLflow of every finished job that it has not been told of; 0, or 1 at the first failure.

    One process of an outbox at a time does so; a run that one was killed at is sent anew.
    """
    ledger = Ledger(outbox / "ledger.db")
    try:
        with (outbox / _LOCK).open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            while rows := ledger.untracked():
                for row in rows:
                    tracker = Tracking(**{**tracking, "experiment": row.production or tracking["experiment"]})
                    if warnings := _sent(tracker, outbox, row, ledger):
                        say(f"warning: {warnings[0]}")
                        return 1
    except BlockingIOError:  # another one is at it
        return 0
    finally:
        ledger.close()
    return 0


def _sent(tracker: Tracking, outbox: Path, row: Row, ledger: Ledger) -> tuple[str, ...]:
    warnings = tracker.forget(_KEY, tags(row)[_KEY]) if row.tracked else ()
    if not warnings:
        ledger.update(row.id, tracked=2)
        warnings = _log(tracker, outbox, row)
    if not warnings:
        ledger.update(row.id, tracked=1)
    return warnings


def _log(tracker: Tracking, outbox: Path, row: Row) -> tuple[str, ...]:
    if row.state == "failed":
        return tracker.log_failure(row.name, row.error, tagged=tags(row))
    folder = outbox / row.output
    try:
        record = RunRecord.from_json((folder / "report.json").read_text("utf-8"))
    except OSError:  # somebody has taken the delivery away: there is nothing to tell
        return ()
    return tracker.log(record, folder, tagged=tags(row))


def tags(row: Row) -> dict[str, str]:
    """What a job is found by in MLflow."""
    return {
        _KEY: f"{row.id}-{row.queued:.6f}-{row.finished:.6f}",
        "watch.job": str(row.id),
        "watch.attempts": str(row.attempts),
        "clip": Path(row.name).name,
        "shot": Path(row.name).stem,
        "production": row.production,
        "gain": row.gain,
        "source.sha256": row.source_sha256,
    }


class Post:
    """Starts `send` in a process of its own when there is something to tell, less often while nobody answers."""

    def __init__(self, outbox: Path, tracking: Mapping[str, Any], ledger: Ledger) -> None:
        self._outbox, self._tracking, self._ledger = outbox, dict(tracking), ledger
        self._process: subprocess.Popen[bytes] | None = None
        self._due, self._wait = 0.0, _EVERY_S

    @property
    def enabled(self) -> bool:
        """Whether anything is tracked at all."""
        return bool(self._tracking.get("enabled"))

    def look(self, *, now: bool = False) -> bool:
        """Start a process if it is time; True while one is at work."""
        if self._process is not None:
            code = self._process.poll()
            if code is None:
                return True
            self._process = None
            self._wait = _EVERY_S if code == 0 else min(2 * self._wait, _LATEST_S)
            self._due = time.monotonic() + self._wait
        if not self.enabled or not (now or time.monotonic() >= self._due) or not self._ledger.untracked(1):
            return False
        words = [str(self._outbox), json.dumps(self._tracking)]
        self._process = subprocess.Popen([sys.executable, "-m", "runner.watch.post", *words], stdin=subprocess.DEVNULL)
        return True

    def close(self, seconds: float | None) -> None:
        """Tell what can be told within so many seconds (None: however long that takes, as long as MLflow answers); the
        rest waits for the next watcher."""
        if self.look(now=True) and self._process is not None:
            try:
                self._process.wait(seconds)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


if __name__ == "__main__":
    sys.exit(send(Path(sys.argv[1]), json.loads(sys.argv[2])))
