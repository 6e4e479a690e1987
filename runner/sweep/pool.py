"""The sweep's own processes: a run that takes its process down takes nothing else with it."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Final

from runner.sweep.worker import Answer, Task, serve

_GRACE_S: Final = 60.0  # a run that is stopped removes its work folder and tells MLflow


@dataclass(slots=True)
class _Worker:
    process: BaseProcess
    pipe: Connection
    task: Task | None = None


class Pool:
    """Up to `processes` workers, started when they are first needed. Not for use by several threads."""

    def __init__(self, processes: int) -> None:
        self._processes = processes
        self._workers: list[_Worker] = []

    @property
    def room(self) -> int:
        """How many more tasks could start now."""
        return self._processes - len(self.busy)

    @property
    def busy(self) -> tuple[Task, ...]:
        """The tasks under way."""
        return tuple(worker.task for worker in self._workers if worker.task)

    def start(self, task: Task) -> None:
        """Give a task to a free worker; there must be `room`."""
        free = next((worker for worker in self._workers if worker.task is None), None)
        if free is None:
            free = self._hired()
        free.task = task
        with suppress(OSError):  # a worker that died meanwhile: `results` says so
            free.pipe.send(task)

    def _hired(self) -> _Worker:
        context = get_context("spawn")  # a forked process would share locks and threads of the libraries
        ours, theirs = context.Pipe()
        process = context.Process(target=serve, args=(theirs,), name="sweep")
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # inherited: Ctrl-C is the sweep's to handle
        try:
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        theirs.close()
        worker = _Worker(process, ours)
        self._workers.append(worker)
        return worker

    def results(self) -> Iterator[tuple[Task, Answer]]:
        """Wait until a task is over, and yield those that are. A worker that died is one of them."""
        watched: dict[Any, _Worker] = {worker.pipe: worker for worker in self._workers if worker.task}
        for ready in wait(list(watched)):
            worker = watched[ready]
            task, worker.task = worker.task, None
            assert task is not None
            try:
                answer = worker.pipe.recv()
            except (EOFError, OSError):
                answer = self._buried(worker)
            yield task, answer

    def _buried(self, worker: _Worker) -> Answer:
        worker.process.join()
        worker.pipe.close()
        self._workers.remove(worker)
        code = worker.process.exitcode or 0
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"
        return Answer(error=f"its process {how}; was there enough memory?", code=1)

    def close(self) -> None:
        """Stop what is under way, and wait until nothing is left of it."""
        for worker in self._workers:
            if worker.task:
                worker.process.terminate()
            worker.pipe.close()
        for worker in self._workers:
            worker.process.join(_GRACE_S)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
        self._workers.clear()
