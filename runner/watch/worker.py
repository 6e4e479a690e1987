"""The process of one job: `glabella run` with settings that the watcher has composed."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from runner.progress import BEAT
from runner.settings import Settings
from runner.watch.processes import Handed, end_with_watcher


@dataclass(frozen=True, kw_only=True)
class Task:
    """A job's settings, its hold on its folder, and the files that its words and its signs of life go to."""

    settings: Settings
    hold: Handed
    output: Path
    log: Path
    beat: Path


def work(task: Task) -> None:
    """Do it, and end the process with the exit code of `glabella run`; end at once when the watcher is gone.

    What the run has finished by then stays where it is, and the next watcher goes on with it.
    """
    from runner.cli import guarded

    os.setsid()
    end_with_watcher()
    os.environ[BEAT] = str(task.beat)
    _say_into(1, task.output, os.O_TRUNC)
    _say_into(2, task.log, os.O_APPEND)
    raise SystemExit(guarded(lambda: _run(task.settings)))


def _say_into(descriptor: int, path: Path, how: int) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | how, 0o666)
    os.dup2(file, descriptor)
    os.close(file)


def _run(settings: Settings) -> int:
    from runner.job import run_clip

    print(run_clip(settings).delivery, flush=True)
    return 0
