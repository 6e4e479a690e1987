"""The watcher: look, queue, start, end, tell; again. Everything it must not forget is in folders and in the ledger."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from runner.watch.events import Hints
from runner.watch.foreman import Foreman
from runner.watch.gate import Gate
from runner.watch.inbox import Found, Inbox, Stillness
from runner.watch.ledger import Row
from runner.watch.post import Post
from stages.errors import DeliveryError

_BEAT_S: Final = 0.25  # between two rounds while something is under way
_ORPHANS_S: Final = 60.0
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
    _looked: float = -1e9
    _adopted: float = -1e9

    def __post_init__(self) -> None:
        self.options, self.ledger = self.foreman.options, self.foreman.ledger
        self.monitor = self.foreman.monitor
        self.hints = Hints(self.inbox.root, self.options.events == "native")
        self.gate = Gate(self.inbox.root, self.options.companion, self.options.patience_s)

    def run(self) -> None:
        """Until told to stop, or with `once` until nothing is left to do."""
        try:
            while not self.stopping:
                left = self._round()
                if self.options.once and not left:
                    break
                self.hints.changed.wait(self._pause(left))
        finally:
            self._end()

    def stop(self) -> None:
        """Come to an end soon; may be called from a signal handler."""
        self.stopping = True
        self.hints.changed.set()

    def _end(self) -> None:
        self.hints.stop()
        self.gate.close()
        self.foreman.stop()
        self.post.close(self.options.stop_s)
        self.monitor.show(self.ledger.counts(), (), now=True)

    def _round(self) -> bool:
        """Everything that can be done now; whether there is something left."""
        now = time.monotonic()
        self.hints.follow()
        if now >= self._adopted + _ORPHANS_S:
            self._adopted = now
            self.foreman.adopt()
        self._look(now)
        self.foreman.reap()
        left = self._start(now)
        self.post.look()
        self.monitor.show(self.ledger.counts(), self.foreman.working())
        return left or not self.foreman.idle

    def _pause(self, left: bool) -> float:
        if self.foreman.running or self.gate.busy:
            return _BEAT_S
        rest = max(0.05, self._looked + self._interval - time.monotonic())
        return min(rest, 1.0) if left else rest

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
            self.monitor.state(f"the inbox cannot be read ({error.strerror}); waiting for it")
            return
        self.monitor.state("")
        for path in self.stillness.since.keys() - there.keys():
            self.gate.forget(path)
        self.stillness.update(there, now)
        still = self.stillness.still(now, self.options.quiet_s)
        if made := self.ledger.queue(still, kept=self.options.sources == "keep"):
            self.monitor.event(f"{made} queued")
        jobs = self.ledger.queued()
        self._queue = [(found, jobs[found.path]) for found in sorted(still, key=self._rank) if found.path in jobs]

    def _rank(self, found: Found) -> tuple[float, int, int]:
        """What is to start first sorts first."""
        urgent = float(self.options.priority.get(found.levels[0], 0)) if found.levels else 0.0
        return -urgent, found.size if self.options.order == "smallest" else 0, found.changed

    def _start(self, now: float) -> bool:
        """Start what may start; whether clips are left that wait."""
        if self._queue and not self._holds():
            for found, job in self._queue[: max(self.foreman.room, 0) + _AHEAD]:
                if self._through(found, job, now):
                    self._queue.remove((found, job))
                    self.stillness.forget(found.path)
                    self.gate.forget(found.path)
        return bool(self._queue) or self._unsettled is not None

    def _through(self, found: Found, job: int, now: float) -> bool:
        """Whether a clip has left the inbox: its job has begun, or it was refused."""
        seen = self.gate.seen(found, self.stillness.age(found.path, now))
        if seen is None or (not seen.error and self.foreman.room <= 0) or not self._unchanged(found):
            return False
        row = self.ledger.row(job)
        return row is None or row.state != "queued" or self._begun(found, row, seen.sha256, seen.error)

    def _begun(self, found: Found, row: Row, sha256: str, error: str) -> bool:
        try:
            if error:
                self.foreman.refuse(found, row, error)
                return True
            return self.foreman.begin(found, row, sha256)
        except OSError as cause:
            self.monitor.state(f"jobs cannot be started ({cause.strerror or cause}); waiting")
            return False

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

    def _holds(self) -> bool:
        """Whether jobs must wait, for room on the disk or for the end of the quiet hours; says so when that begins."""
        try:
            free = shutil.disk_usage(self.foreman.outbox.root).free
        except OSError as error:
            self.monitor.state(f"the outbox cannot be reached ({error.strerror}); waiting for it")
            return True
        if free < self.options.min_free_gb * 1e9:
            needed = f"watch.min_free_gb is {self.options.min_free_gb:g}"
            self.monitor.state(f"{free / 1e9:.1f} GB free in the outbox, {needed}; no job starts")
            return True
        if self.options.resting(datetime.now().time()):
            self.monitor.state(f"quiet hours, {self.options.quiet_hours}; no job starts")
            return True
        return False
