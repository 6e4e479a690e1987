"""A watcher, in this process or as people start it, and tiny clips to drop."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import av
import hydra
import numpy as np

from runner.compose import composed
from runner.overrides import literal, opened
from runner.settings import CONF
from runner.watch.command import serve
from runner.watch.ledger import Ledger, Row
from runner.watch.watcher import Watcher

CHEAP = ("pipeline=passthrough", "encode=ffv1", "watch.min_free_gb=0", "tracking=off")
QUICK = ("watch.quiet_s=0.2", "watch.patience_s=1")


def clip(path: Path, seed: int = 0, frames: int = 6) -> Path:
    """A lossless clip whose content is its seed's alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed)
    with av.open(str(path), "w", format="matroska") as output:
        stream = output.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 48, 32, "yuv420p"
        for _ in range(frames):
            picture = noise.integers(0, 255, (32, 48, 3), np.uint8)
            output.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        output.mux(stream.encode(None))
    return path


class Service:
    """`glabella watch` on two folders."""

    def __init__(self, root: Path) -> None:
        self.inbox, self.outbox = root / "in", root / "out"
        self.inbox.mkdir()
        self.log = root / "watch.log"
        self.process: subprocess.Popen[bytes] | None = None

    def _words(self, *words: str, watch: str) -> list[str]:
        return [f"inbox={self.inbox}", f"outbox={self.outbox}", *CHEAP, f"watch={watch}", *words]

    def start(self, *words: str, watch: str = "local") -> subprocess.Popen[bytes]:
        """In a process of its own."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "runner", "watch", *self._words(*words, watch=watch)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, "PYTHONPATH": os.getcwd()},
            )
        return self.process

    def once(self, *words: str) -> int:
        """In this process, until nothing is left to do; the exit code."""
        return self._serve(lambda _: None, *QUICK, *words, watch="once")

    def _serve(self, ready: Callable[[Watcher], None], *words: str, watch: str) -> int:
        given = self._words(*words, watch=watch)
        base = hydra.initialize_config_dir(str(CONF), version_base="1.3")
        with self.log.open("a", buffering=1) as log, redirect_stderr(log), redirect_stdout(log), base:
            return serve(composed(opened(literal(given))), given, ready)

    @contextmanager
    def running(self, *words: str, watch: str = "local") -> Iterator[Watcher]:
        """In a thread of this process, until the block is left; jobs are still processes of their own."""
        watchers, ended = list[Watcher](), list[int | BaseException]()

        def run() -> None:
            try:
                ended.append(self._serve(watchers.append, *QUICK, *words, watch=watch))
            except BaseException as error:
                ended.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            self.until(lambda: watchers or ended)
            yield watchers[0]
        finally:
            if watchers:
                watchers[0].stop()
            thread.join(120)
        assert ended == [0], (ended, self.said)

    def until(self, holds: Callable[[], Any], seconds: float = 120) -> None:
        """Wait for something to be so."""
        end = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < end, f"not within {seconds} s:\n{self.said}"
            assert self.process is None or self.process.poll() is None, self.said
            time.sleep(0.02)

    def end(self, number: signal.Signals = signal.SIGTERM, seconds: float = 60) -> float:
        """Stop the process; seconds that took."""
        assert self.process is not None
        started = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(seconds)
        self.process = None
        return time.monotonic() - started

    @property
    def said(self) -> str:
        return self.log.read_text("utf-8", "replace") if self.log.exists() else ""

    def rows(self) -> list[Row]:
        if not (self.outbox / "ledger.db").exists():
            return []
        ledger = Ledger(self.outbox / "ledger.db")
        try:
            return ledger.rows()
        finally:
            ledger.close()

    def states(self) -> dict[str, str]:
        return {row.name: row.state for row in self.rows()}

    def status(self) -> dict[str, Any]:
        path = self.outbox / "status.json"
        found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
        return found

    def worker(self) -> int:
        """Number of the first job's process, once there is one."""
        self.until(lambda: self.status().get("working"))
        return int(self.status()["working"][0]["pid"])

    def reason(self, clip: str) -> str:
        """Why a clip failed."""
        return (self.outbox / "failed" / clip / "error.txt").read_text()

    def deliveries(self) -> Iterator[Path]:
        """Masters in `done`, from their reports."""
        for report in (self.outbox / "done").rglob("report.json"):
            yield report.parent / Path(json.loads(report.read_text())["delivery"]["path"]).name

    def left(self) -> list[Path]:
        return sorted((self.outbox / "working").iterdir())
