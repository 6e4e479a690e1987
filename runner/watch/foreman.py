"""Jobs from claim to end: starts them, looks after them, takes up those of a watcher that is gone."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from runner.watch.adoption import Adoption
from runner.watch.child import Child, Ending, resident
from runner.watch.composer import Composer, Recipe
from runner.watch.folders import JobFolder, reserve
from runner.watch.hooks import Caller
from runner.watch.inbox import SIDECARS, Found, beside
from runner.watch.ledger import Ledger, Row
from runner.watch.monitor import Monitor, Working
from runner.watch.moving import discard
from runner.watch.options import Options
from runner.watch.orders import Names, order
from runner.watch.outbox import Outbox
from runner.watch.publish import Made, Publisher, made
from runner.watch.results import Results
from stages.errors import GlabellaError

_CLIP: Final = 3  # exit code of a clip that cannot be read


@dataclass
class Foreman:
    """The jobs of one watcher. parked: claimed ones that wait for their time."""

    inbox: Path
    outbox: Outbox
    options: Options
    names: Names
    composer: Composer
    ledger: Ledger
    monitor: Monitor
    running: dict[int, Child] = field(default_factory=dict)
    parked: dict[int, tuple[JobFolder, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.publisher = Publisher(self.inbox, self.outbox, self.ledger, self.options.sources)
        self.caller = Caller(self.options.hooks)
        self.results = Results(self.outbox, self.ledger, self.monitor, self.publisher, self.caller)
        self.adoption = Adoption(self.inbox, self.outbox, self.ledger, self.monitor, self.publisher)

    @property
    def idle(self) -> bool:
        """Nothing is under way or waits for another attempt."""
        return not self.running and not self.parked

    @property
    def room(self) -> int:
        """How many more jobs could start now."""
        return self.options.jobs - len(self.running)

    def working(self) -> list[Working]:
        """The jobs under way, for show."""
        return [
            Working(name=child.name, process=child.process, seconds=child.seconds, memory=resident(child.process))
            for child in self.running.values()
        ]

    def begin(self, found: Found, row: Row, sha256: str) -> bool:
        """Start a job for a clip that is whole; False if it stays, for one like it is under way."""
        try:
            wanted = order(found.levels, self.names, _sidecar(self.inbox / found.path))
            recipe = self.composer.recipe(wanted.words)
        except GlabellaError as error:
            self.refuse(found, row, str(error))
            return True
        if self.ledger.alike(sha256, recipe.fingerprint, "working"):
            return False
        if (folder := self._claim(found, row, sha256, recipe.fingerprint)) is None:
            return True
        self.ledger.update(row.id, production=wanted.production, gain=wanted.gain)
        row = self.ledger.row(row.id) or row
        if (other := self._made_before(row)) is not None:
            self._put_away(folder, row, other)
        else:
            self._launch(folder, row, recipe)
        return True

    def refuse(self, found: Found, row: Row, error: str) -> None:
        """A clip that no job can be made of goes to `failed`."""
        if (folder := self._claim(found, row)) is not None:
            self._fail(folder, self.ledger.row(row.id) or row, error)

    def _claim(self, found: Found, row: Row, sha256: str = "", fingerprint: str = "") -> JobFolder | None:
        """A job's folder with the clip in it; None if the clip is gone, or somebody else's."""
        if (folder := reserve(self.inbox, found.path, row.id, self.outbox)) is None:
            return None
        if not self.ledger.take(row.id, sha256, fingerprint):
            folder.remove()
            return None
        try:
            there = folder.fetch()
        except OSError:
            self.ledger.update(row.id, was="working", state="queued")
            folder.remove()
            raise
        if there:
            return folder
        self.ledger.update(row.id, was="working", state="gone")
        folder.remove()
        return None

    def _made_before(self, row: Row) -> Row | None:
        """A finished job of the same content with the same settings, whose delivery is still there."""
        done = self.ledger.alike(row.source_sha256, row.fingerprint, "done")
        return next((other for other in done if self._there(other)), None)

    def same_settings(self, found: Found, fingerprint: str) -> bool:
        """Whether a finished clip would be rendered alike today, or not at all."""
        sidecar = _sidecar(self.inbox / found.path) if found.has(SIDECARS) else None
        try:
            return self.composer.recipe(order(found.levels, self.names, sidecar).words).fingerprint == fingerprint
        except GlabellaError:
            return True

    def _there(self, row: Row) -> bool:
        return (self.outbox.root / row.output / "report.json").is_file()

    def _launch(self, folder: JobFolder, row: Row, recipe: Recipe) -> None:
        settings = recipe.of(folder.source, folder.out)
        self.running[row.id] = Child(folder, row.name, settings, self.options.limits)
        self.monitor.event(f"{row.name}: started{f' (attempt {row.attempts + 1})' if row.attempts else ''}")

    def reap(self) -> None:
        """Bring jobs that have ended to their end."""
        for job, child in list(self.running.items()):
            if child.ended():
                del self.running[job]
                self._ended(child, child.ending(), self.ledger.row(job))

    def go_on(self) -> None:
        """Take up parked jobs whose time has come."""
        now = time.monotonic()
        for job, (folder, due) in list(self.parked.items()):
            if now >= due and self.room > 0:
                del self.parked[job]
                if row := self.ledger.row(job):
                    self._go_on(folder, row)

    def _ended(self, child: Child, ending: Ending, row: Row | None) -> None:
        folder = child.folder
        if row is None:  # forgotten meanwhile
            folder.let_go()
            return
        if found := made(folder):
            self._check_made(folder, row, found)
        elif ending.stopped:
            folder.let_go()
        elif folder.away:
            self.monitor.event(f"{row.name}: cannot be reached in {self.inbox}; waiting for it")
            self._park(folder, row, self.options.wait(1))
        elif ending.code == _CLIP and self._still_written(folder, row):
            self._park(folder, row, self.options.quiet_s)
        elif ending.transient and row.attempts + 1 < self.options.attempts:
            self.ledger.update(row.id, attempts=row.attempts + 1, error=ending.error)
            wait = self.options.wait(row.attempts + 1)
            self.monitor.event(f"{row.name}: {ending.error}; again in {wait:g} s")
            self._park(folder, row, wait)
        else:
            self.ledger.update(row.id, attempts=row.attempts + 1)
            self._fail(folder, self.ledger.row(row.id) or row, ending.error or "it left no delivery")

    def _check_made(self, folder: JobFolder, row: Row, found: Made) -> None:
        """Finish a job, unless its clip went on growing while it was rendered."""
        if self._still_written(folder, row):
            discard(found.folder)
            self._park(folder, row, self.options.quiet_s)
        else:
            self._finish(folder, row, found)

    def _still_written(self, folder: JobFolder, row: Row) -> bool:
        """Whether the source is not what was claimed: its writer had only paused. What it is now is what is known."""
        with suppress(OSError):
            about = folder.source.stat()
            if folder.source.is_file() and (about.st_size, about.st_mtime_ns) != (row.size, row.changed):
                self.ledger.update(row.id, size=about.st_size, changed=about.st_mtime_ns)
                self.monitor.event(f"{row.name}: was still being written")
                return True
        return False

    def _park(self, folder: JobFolder, row: Row, seconds: float) -> None:
        self.ledger.update(row.id, not_before=time.time() + seconds)
        self.parked[row.id] = folder, time.monotonic() + seconds

    def _go_on(self, folder: JobFolder, row: Row) -> None:
        """Whatever comes next for a claimed job."""
        claim = folder.claim
        if folder.failure.exists() or claim.dest.startswith(f"{self.outbox.failed.name}/"):
            self._fail(folder, row, row.error or "it had failed when its watcher was ended")
        elif found := made(folder):
            self._check_made(folder, row, found)
        elif found := self.publisher.settled(folder):
            self._finish(folder, row, found)
        elif folder.away:
            self._park(folder, row, self.options.wait(1))
        elif not folder.has_clip:
            self._fail(folder, row, f"it was taken out of {folder.source.parent}")
        elif other := self._made_before(row):
            self._put_away(folder, row, other)
        else:
            self._launch_again(folder, row)

    def _launch_again(self, folder: JobFolder, row: Row) -> None:
        """With the settings that hold now."""
        try:
            wanted = order(folder.claim.place.parent.parts, self.names, _sidecar(folder.source))
            recipe = self.composer.recipe(wanted.words)
        except GlabellaError as error:
            self._fail(folder, row, str(error))
            return
        self.ledger.update(row.id, fingerprint=recipe.fingerprint)
        self._launch(folder, row, recipe)

    def adopt(self) -> None:
        """Take up the jobs of watchers that are gone."""
        for row, folder in self.adoption.taken_up():
            self.parked[row.id] = folder, time.monotonic()
        self.adoption.forget_lost(self.running)

    def _finish(self, folder: JobFolder, row: Row, found: Made) -> None:
        self._later(folder, row, self.results.done(folder, row, found))

    def _fail(self, folder: JobFolder, row: Row, error: str) -> None:
        self._later(folder, row, self.results.failed(folder, row, error))

    def _put_away(self, folder: JobFolder, row: Row, other: Row) -> None:
        self._later(folder, row, self.results.duplicate(folder, row, other))

    def _later(self, folder: JobFolder, row: Row, published: bool) -> None:
        if not published:
            self._park(folder, row, self.options.wait(1))

    def stop(self) -> None:
        """Have the jobs under way come to a stop; what they have finished stays for the next watcher."""
        for child in self.running.values():
            child.stop(self.options.stop_s)
        while self.running:
            self.reap()
            time.sleep(0.05)
        for folder, _ in self.parked.values():
            folder.let_go()


def _sidecar(source: Path) -> Path | None:
    """The sidecar beside a clip, in the inbox or where it is worked on."""
    return beside(source, SIDECARS)
