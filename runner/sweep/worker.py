"""The process that does a sweep's work: one task after another, until its pipe is closed or the sweep is gone."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import parent_process
from multiprocessing.connection import Connection, wait
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Literal

from runner import passes
from runner.disk import disk_errors
from runner.failures import line
from runner.job import run_clip
from runner.settings import Settings
from runner.shaping import shape
from runner.shot import open_shot
from stages.errors import GlabellaError


@dataclass(frozen=True, slots=True)
class Task:
    """To measure a clip into the cache, for run `number` and all that share its analysis; or to render that run."""

    kind: Literal["measure", "render"]
    number: int
    settings: Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """How a task came out. frames: measured anew. tracked: a failure is in MLflow already."""

    delivery: Path | None = None
    report: Path | None = None
    seconds: float = 0.0
    frames: int = 0
    error: str = ""
    code: int = 0
    tracked: bool = False


def serve(pipe: Connection) -> None:
    """Answer tasks. SIGTERM, and the end of the sweep's process however it ends, stop the task under way."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all; the sweep's own process decides
    signal.signal(signal.SIGTERM, _stop)
    threading.Thread(target=_outlive_nobody, name="parent", daemon=True).start()
    try:
        while True:
            pipe.send(_answered(pipe.recv()))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return
    except KeyboardInterrupt:
        sys.exit(130)


def _stop(number: int, frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a second one would cut the tidying up short
    raise KeyboardInterrupt


def _outlive_nobody() -> None:
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)


def _answered(task: Task) -> Answer:
    started = time.perf_counter()
    work: Callable[[Settings], Answer] = _measure if task.kind == "measure" else _render
    try:
        return work(task.settings)
    except Exception as error:
        text, code = line(error)
        seconds = time.perf_counter() - started
        tracked = task.kind == "render" and isinstance(error, GlabellaError)  # `run_clip` did it
        return Answer(error=text, code=code, seconds=seconds, tracked=tracked)


def _measure(settings: Settings) -> Answer:
    """Pass 1 and the whole-clip steps, for the cache alone."""
    started = time.perf_counter()
    shot = open_shot(settings)
    with disk_errors(), TemporaryDirectory(prefix="glabella-sweep-") as folder:
        run = passes.start(shot, Path(folder))
        passes.measure(run)
        shape(run)
    found = run.results.get("measure")
    return Answer(frames=found.frames if found else 0, seconds=time.perf_counter() - started)


def _render(settings: Settings) -> Answer:
    started = time.perf_counter()
    done = run_clip(settings)
    return Answer(delivery=done.delivery, report=done.report, seconds=time.perf_counter() - started)
