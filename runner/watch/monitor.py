"""What a watcher tells: one line an event, a live table on a terminal, and files for monitoring."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from rich.live import Live
from rich.table import Table

from runner.progress import console, say
from runner.watch.outbox import Outbox

STATES: Final = ("queued", "working", "done", "duplicate", "failed")
_EVERY_S: Final = 5.0


@dataclass(frozen=True, kw_only=True)
class Working:
    """A job under way."""

    name: str
    process: int
    seconds: float
    memory: int


class Monitor:
    """Keeps `status.json`, `metrics.prom` and, on a terminal, a table up to date."""

    def __init__(self, outbox: Outbox, *, table: bool) -> None:
        self._outbox, self._due, self._last = outbox, 0.0, ""
        self._shown: list[int] = []
        self._live = Live(console=console, refresh_per_second=2, transient=True) if table else None

    def __enter__(self) -> Monitor:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._live:
            self._live.stop()

    def event(self, line: str) -> None:
        """Something happened to a clip."""
        say(f"{datetime.now():%Y-%m-%d %H:%M:%S}  {line}")

    def state(self, line: str) -> None:
        """Something holds for a while; said when it begins."""
        if line != self._last:
            self._last = line
            if line:
                self.event(line)

    def show(self, counts: Mapping[str, int], working: Sequence[Working], *, now: bool = False) -> None:
        """Write the files: every few seconds, when a job has started or ended, and `now`."""
        if self._live:
            self._live.update(_table(counts, working, self._last))
        processes = [one.process for one in working]
        if not now and processes == self._shown and time.monotonic() < self._due:
            return
        self._shown = processes
        self._due = time.monotonic() + _EVERY_S
        try:
            free = shutil.disk_usage(self._outbox.root).free
            _replace(
                self._outbox.root / "status.json", json.dumps(_status(counts, working, self._last, free), indent=1)
            )
            _replace(self._outbox.root / "metrics.prom", metrics(counts, len(working), free))
        except OSError:  # a full disk must not end what waits for room on it
            return


def _status(counts: Mapping[str, int], working: Sequence[Working], state: str, free: int) -> dict[str, Any]:
    return {
        "schema": 1,
        "time": datetime.now().astimezone().isoformat(timespec="seconds"),
        "pid": os.getpid(),
        "state": state,
        "jobs": {name: counts.get(name, 0) for name in STATES},
        "working": [
            {"clip": one.name, "pid": one.process, "seconds": round(one.seconds, 1), "memory": one.memory}
            for one in working
        ],
        "free_bytes": free,
    }


def metrics(counts: Mapping[str, int], working: int, free: int) -> str:
    """Prometheus' text format, for a node exporter's textfile collector."""
    lines = ["# HELP glabella_jobs Clips in the ledger by state.", "# TYPE glabella_jobs gauge"]
    lines += [f'glabella_jobs{{state="{name}"}} {counts.get(name, 0)}' for name in STATES]
    for name, about, value in (
        ("glabella_running", "Jobs under way in this watcher.", working),
        ("glabella_free_bytes", "Free space in the outbox.", free),
        ("glabella_watch_time_seconds", "When this file was written.", round(time.time())),
    ):
        lines += [f"# HELP {name} {about}", f"# TYPE {name} gauge", f"{name} {value}"]
    return "\n".join(lines) + "\n"


def _replace(path: Path, text: str) -> None:
    half = path.with_name(f".{path.name}.{os.getpid()}")
    half.write_text(text, "utf-8")
    os.replace(half, path)


def _table(counts: Mapping[str, int], working: Sequence[Working], state: str) -> Table:
    title = ", ".join(f"{counts.get(name, 0)} {name}" for name in STATES)
    table = Table("clip", "time", "memory", title=title, caption=state or None, box=None, header_style="bold")
    for one in working:
        minutes, seconds = divmod(round(one.seconds), 60)
        table.add_row(one.name, f"{minutes}:{seconds:02d}", f"{one.memory / 1e9:.1f} GB")
    return table
