"""The watcher: look, queue, start, end, tell; again. Everything it must not forget is in folders and in the ledger."""

from __future__ import annotations

import math
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from runner.watch.events import Hints
from runner.watch.foreman import Foreman
from runner.watch.gate import Gate
from runner.watch.inbox import Found, Inbox, Stillness
from runner.watch.ledger import printable
from runner.watch.outbox import Outbox
from runner.watch.post import Post
from runner.watch.processes import start
from stages.errors import DeliveryError

_NEVER: Final = -1e9
_BEAT_S: Final = 0.25  # between two rounds while something is under way
_ORPHANS_S: Final = 60.0
_SHOW_S: Final = 5.0  # between two rounds while nothing happens: who monitors wants to know that we are there
_GATHER_S: Final = 0.1  # after a hint, before a look
_SHARE: Final = 10.0  # however many hints come, a look a so many times its own length
_LAST_S: Final = 2.0  # for hooks and MLflow, when the jobs have used up the time to stop
_AHEAD: Final = 4  # clips that are looked into before there is room for them


@dataclass
class Watcher:
    """One inbox, looked at until told to stop."""

    inbox: Inbox
    foreman: Foreman
    post: Post
    stillness: Stillness = field(default_factory=Stillness)
    stopping: bool = False
    _queue: list[tuple[Found, int]] = field(default_factory=list)
    _looked: float = _NEVER
    _took: float = 0.0  # seconds of the last look
    _adopted: float = _NEVER
    _blind: str = ""  # why the inbox cannot be seen

    def __post_init__(self) -> None:
        self.options, self.ledger = self.foreman.options, self.foreman.ledger
        self.monitor = self.foreman.monitor
        self.hints = Hints(self.inbox.root, self.options.events == "native")
        self.gate = Gate(self.inbox.root, self.options.companion, self.options.patience_s)

    def run(self) -> None:
        """Until told to stop, or with `once` until nothing is left to do.

        Raises:
            GlabellaError: settings that no job could run with; with `once`, folders that cannot be used.
        """
        self.foreman.composer.recipe(())
        start()
        try:
            while not self.stopping:
                left = self._guarded_round()
                if self.stopping or (self.options.once and not left):
                    break
                if self.hints.changed.wait(self._pause(left)) and not self.stopping:
                    time.sleep(min(max(_GATHER_S, _SHARE * self._took), 1.0))  # hints come in swarms
        finally:
            self._end()

    def _guarded_round(self) -> bool:
        """A round; what goes wrong with disks and shares is waited for."""
        if self.options.once:
            with usable(self.foreman.outbox):
                return self._round()
        try:
            return self._round()
        except (OSError, sqlite3.Error) as error:
            self.monitor.state(f"the outbox cannot be used ({_cause(error)}); waiting for it")
            self._looked = _NEVER
            time.sleep(_BEAT_S)
            with suppress(OSError, sqlite3.Error):
                self.ledger.reopen()
            return True

    def stop(self) -> None:
        """Come to an end soon; may be called from a signal handler."""
        self.stopping = True
        self.hints.changed.set()

    def _end(self) -> None:
        until = time.monotonic() + self.options.stop_s if self.stopping else math.inf
        self.hints.stop()
        self.gate.close()
        with suppress(OSError, sqlite3.Error):
            self.foreman.stop()
        left = max(until - time.monotonic(), _LAST_S) if self.stopping else None
        self.foreman.caller.close(left)
        with suppress(OSError, sqlite3.Error):
            self.post.close(left)
            self.monitor.show(self.ledger.counts(), (), now=True)

    def _round(self) -> bool:
        """Everything that can be done now; whether there is something left."""
        now = time.monotonic()
        self.hints.follow()
        self.foreman.reap()
        if now >= self._adopted + _ORPHANS_S:
            self.foreman.adopt()
            self._adopted = now
        self._look(now)
        held = self._holds()
        if not held:
            self.foreman.go_on()
            held = self._offer(now)
        self.post.look()
        self.monitor.state(self._blind or held)
        self.monitor.show(self.ledger.counts(), self.foreman.working())
        return bool(self._queue) or self._unsettled is not None or not self.foreman.idle

    def _pause(self, left: bool) -> float:
        if self.foreman.running or self.gate.busy:
            return _BEAT_S
        rest = max(0.05, self._looked + self._interval - time.monotonic())
        return min(rest, 1.0 if left else _SHOW_S)

    @property
    def _interval(self) -> float:
        """Seconds from one look to the next when nothing hints at a change."""
        options = self.options
        usual = {"polling": options.poll_s, "none": 1.0}.get(options.events, options.rescan_s)
        due = self._unsettled
        return usual if due is None else min(max(due, 0.05), usual)

    @property
    def _unsettled(self) -> float | None:
        """Seconds after the last look when the next clip will have been still for long enough."""
        return self.stillness.due(self._looked, self.options.quiet_s)

    def _look(self, now: float) -> None:
        """See what is in the inbox, if it is time."""
        if not self.hints.changed.is_set() and now < self._looked + self._interval:
            return
        self.hints.changed.clear()
        self._looked = now
        try:
            there = self.inbox.look()
        except OSError as error:
            if self.options.once:
                raise DeliveryError(f"inbox: cannot read {self.inbox.root}: {error.strerror}") from error
            self._blind = f"the inbox cannot be read ({error.strerror}); waiting for it"
            return
        self._blind = ""
        for path in self.stillness.since.keys() - there.keys():
            self.gate.forget(path)
        self.stillness.update(there, now)
        still = self.stillness.still(now, self.options.quiet_s)
        if made := self.ledger.queue(still, self.foreman.same_settings if self.options.sources == "keep" else None):
            self.monitor.event(f"{made} queued")
        jobs = self.ledger.queued()
        if gone := [job for path, job in jobs.items() if path not in there]:
            self.ledger.gone(gone)
        self._queue = [(found, jobs[found.path]) for found in sorted(still, key=self._rank) if found.path in jobs]
        self._took = time.monotonic() - now

    def _rank(self, found: Found) -> tuple[float, int, int]:
        """What is to start first sorts first."""
        urgent = float(self.options.priority.get(found.levels[0], 0)) if found.levels else 0.0
        return -urgent, found.size if self.options.order == "smallest" else 0, found.changed

    def _offer(self, now: float) -> str:
        """Let through what may pass, first things first; returns why one cannot. What is only given time holds nothing
        up."""
        ahead, gone, stuck = max(self.foreman.room, 0) + _AHEAD, set[Path](), ""
        for found, job in self._queue:
            age = self.stillness.age(found.path, now)
            if self.gate.patient(found, age):
                continue
            if ahead == 0 or self.stopping:
                break
            ahead -= 1
            try:
                if self._through(found, job, age):
                    gone.add(found.path)
            except OSError as error:
                stuck = f"{printable(found.path)} cannot be taken ({_cause(error)}); waiting"
        for path in gone:
            self.stillness.forget(path)
            self.gate.forget(path)
        if gone:
            self._queue = [(found, job) for found, job in self._queue if found.path not in gone]
        return stuck

    def _through(self, found: Found, job: int, age: float) -> bool:
        """Whether a clip has left the queue: its job has begun, it was refused, or somebody else has it."""
        seen = self.gate.seen(found, age)
        if seen is None or (not seen.error and self.foreman.room <= 0) or not self._unchanged(found):
            return False
        row = self.ledger.row(job)
        if row is None or row.state != "queued":
            return True
        if seen.error:
            self.foreman.refuse(found, row, seen.error)
            return True
        return self.foreman.begin(found, row, seen.sha256)

    def _unchanged(self, found: Found) -> bool:
        """Whether it is still as it was when it was looked into."""
        return self.stillness.since.get(found.path, (None, 0.0))[0] == found and (
            found.kind != "file" or self._size(found) == (found.size, found.changed)
        )

    def _size(self, found: Found) -> tuple[int, int]:
        try:
            about = (self.inbox.root / found.path).lstat()
        except OSError:
            return -1, -1
        return about.st_size, about.st_mtime_ns

    def _holds(self) -> str:
        """Why no job may start: no room on the disk, or the quiet hours."""
        free = shutil.disk_usage(self.foreman.outbox.root).free
        if free < self.options.min_free_gb * 1e9:
            needed = f"watch.min_free_gb is {self.options.min_free_gb:g}"
            return f"{free / 1e9:.1f} GB free in the outbox, {needed}; no job starts"
        if self.options.resting(datetime.now().time()):
            return f"quiet hours, {self.options.quiet_hours}; no job starts"
        return ""


@contextmanager
def usable(outbox: Outbox) -> Iterator[None]:
    """An outbox that cannot be read or written is one line."""
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        advice = "is it mounted, and may it be written?"
        raise DeliveryError(f"outbox: {outbox.root} cannot be used: {_cause(error)}; {advice}") from error


def _cause(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
