"""Bounded queues between threads that stop together: the first failure or an interrupt ends every lane of a pass."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, Generic, TypeVar

T = TypeVar("T")
_END: Any = object()
_POLL_S = 0.1


class StoppedError(Exception):
    """Raised in a lane when another one failed; never reaches the user."""


class Crew:
    """The threads of one pass. Whoever fails first sets the error; all belts of the crew then let go."""

    def __init__(self) -> None:
        self.error: BaseException | None = None
        self._halt = threading.Event()
        self._threads: list[threading.Thread] = []

    @property
    def halted(self) -> bool:
        """True once the pass must end early."""
        return self._halt.is_set()

    def halt(self, error: BaseException | None = None) -> None:
        """End every lane; keep the first error."""
        if error is not None and self.error is None and not isinstance(error, StoppedError):
            self.error = error
        self._halt.set()

    def start(self, name: str, work: Callable[[], None]) -> None:
        """Run `work` in a thread of its own."""
        thread = threading.Thread(target=self._guard, args=(work,), name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _guard(self, work: Callable[[], None]) -> None:
        try:
            if not self.halted:
                work()
        except BaseException as error:
            self.halt(error)

    def join(self) -> None:
        """Wait for every lane that runs; one whose start was interrupted does nothing once the crew is halted."""
        for thread in self._threads:
            with suppress(RuntimeError):  # never started
                thread.join()


class Belt(Generic[T]):
    """A bounded first-in-first-out queue that ends, and that a halted crew lets go of."""

    def __init__(self, crew: Crew, depth: int) -> None:
        self._crew = crew
        self._queue: queue.Queue[T] = queue.Queue(depth)

    def put(self, item: T) -> None:
        """Append; waits while the belt is full."""
        while not self._crew.halted:
            try:
                return self._queue.put(item, timeout=_POLL_S)
            except queue.Full:
                continue
        raise StoppedError

    def close(self) -> None:
        """No more items will come."""
        self.put(_END)

    def __iter__(self) -> Iterator[T]:
        while not self._crew.halted:
            try:
                item = self._queue.get(timeout=_POLL_S)
            except queue.Empty:
                continue
            if item is _END:
                return
            yield item
        raise StoppedError


class Gate:
    """Lets so many in at a time, 0 for any number; a halted crew finds it open."""

    def __init__(self, crew: Crew, most: int) -> None:
        self._crew = crew
        self._places = threading.Semaphore(most) if most else None

    def enter(self) -> None:
        """Wait for a place."""
        while self._places is not None and not self._places.acquire(timeout=_POLL_S):
            if self._crew.halted:
                raise StoppedError

    def leave(self) -> None:
        """Give a place back."""
        if self._places is not None:
            self._places.release()
