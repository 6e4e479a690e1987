"""Processes of a watcher: forked from one that has imported everything, so that a job starts at once, and ended with
the watcher, however it ends."""

from __future__ import annotations

import os
import signal
import threading
from functools import cache
from multiprocessing import get_context
from multiprocessing.context import ForkServerContext
from multiprocessing.forkserver import ensure_running
from multiprocessing.process import parent_process
from multiprocessing.reduction import DupFd
from typing import Any


@cache
def context() -> ForkServerContext:
    """Where processes are started: a server of ours without threads or open files, which forks."""
    made = get_context("forkserver")
    made.set_forkserver_preload(["runner.watch.warm"])
    return made


def start() -> None:
    """Have the server import everything now, so that the first job need not wait for it. Returns at once."""
    context()
    ensure_running()


def end_with_watcher() -> None:
    """Have this process killed as soon as the watcher that asked for it is gone."""
    threading.Thread(target=_end, name="watcher", daemon=True).start()


def _end() -> None:
    if watcher := parent_process():
        watcher.join()
        os.kill(os.getpid(), signal.SIGKILL)


class Handed:
    """An open file that a process takes over from the watcher, with every lock on it."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def __reduce__(self) -> tuple[Any, ...]:
        return _taken, (DupFd(self.descriptor),)


def _taken(given: Any) -> Handed:
    return Handed(given.detach())
