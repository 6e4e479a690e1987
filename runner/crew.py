"""Threads that stop together."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress


class StoppedError(Exception):
    """Raised in a thread when another one failed; never reaches the user."""


class Crew:
    """The threads of one step. Whoever fails first sets the error; whatever the others wait for then lets go."""

    def __init__(self) -> None:
        self.error: BaseException | None = None
        self.lock = threading.RLock()
        self._halted = False
        self._threads: list[threading.Thread] = []
        self._awaited: list[threading.Condition] = []

    @property
    def halted(self) -> bool:
        """True once everybody must end early."""
        return self._halted

    def halt(self, error: BaseException | None = None) -> None:
        """End every thread; keep the first error."""
        with self.lock:
            if error is not None and self.error is None and not isinstance(error, StoppedError):
                self.error = error
            self._halted = True
            for condition in self._awaited:
                condition.notify_all()

    def condition(self) -> threading.Condition:
        """Something to wait for with `wait`, under the crew's lock."""
        self._awaited.append(threading.Condition(self.lock))
        return self._awaited[-1]

    def wait(self, condition: threading.Condition, until: Callable[[], bool]) -> None:
        """Wait, with the lock held, until something is so.

        Raises:
            StoppedError: the crew was halted.
        """
        condition.wait_for(lambda: self._halted or until())
        if self._halted:
            raise StoppedError

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
        """Wait for every thread that runs; one whose start was interrupted does nothing once the crew is halted."""
        for thread in self._threads:
            with suppress(RuntimeError):  # never started
                thread.join()


@contextmanager
def together() -> Iterator[Crew]:
    """A crew whose threads have all ended afterwards.

    Raises:
        Exception: the first failure of any of them, or of the body.
        KeyboardInterrupt: likewise.
    """
    crew = Crew()
    try:
        yield crew
        crew.join()
        if crew.error:
            raise crew.error
    except BaseException as error:
        crew.halt(error)
        crew.join()
        cause = crew.error or error
        raise cause from cause.__cause__
