"""A line of stations along which a few threads carry items, in order where it matters.

No station has a thread of its own: whoever is free takes the oldest item that may go on and carries it as far as it may
go, so that what is hot in a cache stays there, and threads neither hand over nor wait for the interpreter more often
than they must.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar

from runner.crew import Crew, StoppedError

T = TypeVar("T")


class Line(Generic[T]):
    """Stations in a row, and the items on their way along it.

    ordered: of each station, whether items pass it one after another, as they came; any number may be in another one.
    work: `work(station, item)`, called outside of every lock. most: items that may be on their way at a time.
    """

    def __init__(self, crew: Crew, ordered: Sequence[bool], work: Callable[[int, T], None], most: int) -> None:
        self._crew, self._ordered, self._work, self._most = crew, ordered, work, most
        self._room, self._ripe, self._finished = crew.condition(), crew.condition(), crew.condition()
        self._turns = [0] * len(ordered)
        self._parked: list[dict[int, T]] = [{} for _ in ordered]
        self._ready: list[tuple[int, int, T]] = []  # number, station, item: the oldest first
        self._done: dict[int, T] = {}
        self._entered = self._left = 0
        self._closed = False

    def admit(self) -> None:
        """Wait until one more may come.

        Raises:
            StoppedError: the crew was halted.
        """
        with self._crew.lock:
            self._crew.wait(self._room, lambda: self._entered - self._left < self._most)

    def put(self, item: T) -> None:
        """One more item, from the thread that was admitted."""
        with self._crew.lock:
            number, self._entered = self._entered, self._entered + 1
            self._go_on(number, 0, item)

    def close(self) -> None:
        """No more items will come."""
        with self._crew.lock:
            self._closed = True
            self._ripe.notify_all()
            self._finished.notify_all()

    def carry(self) -> None:
        """Carry items until the last one has arrived: what each of a few threads does.

        Raises:
            StoppedError: the crew was halted.
            Exception: as of `work`.
        """
        while (taken := self._take()) is not None:
            number, station, item = taken
            moving = True
            while moving:
                self._work(station, item)
                moving = self._leave(number, station, item)
                station += 1

    def __iter__(self) -> Iterator[T]:
        """Items that have arrived, in order; each makes room for another one.

        Raises:
            StoppedError: the crew was halted.
        """
        while (item := self._arrived()) is not None:
            yield item

    def _take(self) -> tuple[int, int, T] | None:
        with self._crew.lock:
            self._crew.wait(self._ripe, lambda: bool(self._ready) or self._over)
            return heapq.heappop(self._ready) if self._ready else None

    def _leave(self, number: int, station: int, item: T) -> bool:
        """Let the next one in where order matters; True if this one may go straight on."""
        with self._crew.lock:
            if self._crew.halted:
                raise StoppedError
            if self._ordered[station]:
                self._turns[station] = following = number + 1
                if following in self._parked[station]:
                    self._ready_now(following, station, self._parked[station].pop(following))
            return self._may(number, station + 1, item)

    def _go_on(self, number: int, station: int, item: T) -> None:
        if self._may(number, station, item):
            self._ready_now(number, station, item)

    def _may(self, number: int, station: int, item: T) -> bool:
        """False if the item has arrived, or waits for its turn; it is kept then."""
        if station == len(self._ordered):
            self._done[number] = item
            if number == self._left:
                self._finished.notify()
            if self._over:
                self._ripe.notify_all()
        elif self._ordered[station] and self._turns[station] != number:
            self._parked[station][number] = item
        else:
            return True
        return False

    def _ready_now(self, number: int, station: int, item: T) -> None:
        heapq.heappush(self._ready, (number, station, item))
        self._ripe.notify()

    @property
    def _over(self) -> bool:
        """True when everything that came has arrived and nothing will come."""
        return self._closed and self._entered == self._left + len(self._done)

    def _arrived(self) -> T | None:
        with self._crew.lock:
            self._crew.wait(
                self._finished, lambda: self._left in self._done or (self._closed and self._entered == self._left)
            )
            if self._left not in self._done:
                return None
            item = self._done.pop(self._left)
            self._left += 1
            self._room.notify()
            return item
