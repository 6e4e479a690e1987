"""Jobs of watchers that are gone: which can be gone on with, and what becomes of the others."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from runner.watch.folders import JobFolder, orphans, take_away
from runner.watch.ledger import Ledger, Row
from runner.watch.monitor import Monitor
from runner.watch.outbox import Outbox
from runner.watch.publish import Publisher


@dataclass(frozen=True)
class Adoption:
    """Looks through the folders of jobs that nobody holds."""

    inbox: Path
    outbox: Outbox
    ledger: Ledger
    monitor: Monitor
    publisher: Publisher

    def taken_up(self) -> Iterator[tuple[Row, JobFolder]]:
        """Jobs to go on with, held by us now."""
        for folder in orphans(self.outbox, self.inbox):
            try:
                claim, away = folder.claim, folder.away
            except (OSError, ValueError, TypeError):  # killed before anything was claimed
                folder.remove()
                continue
            row = self.ledger.row(claim.job)
            if away:
                self.monitor.event(f"{claim.source}: cannot be reached in {self.inbox}; waiting for it")
                folder.let_go()
            elif row is None or not (folder.has_clip or claim.dest):
                self._leave(folder, row)
            else:
                take_away(self.inbox / claim.place)
                self.ledger.update(row.id, state="working")
                self.monitor.event(f"{row.name}: taken up again")
                yield row, folder

    def _leave(self, folder: JobFolder, row: Row | None) -> None:
        """A folder without a clip is nothing; a clip without a row goes back to the inbox."""
        if folder.failure.exists():  # of a ledger that was removed; somebody has to look
            folder.let_go()
            return
        if folder.has_clip:
            self.publisher.back(folder)
        elif row is not None:
            self.ledger.update(row.id, was="working", state="queued")
        folder.remove()

    def forget_lost(self, running: Collection[int]) -> None:
        """Jobs whose folders somebody has removed."""
        there = {path.name.partition("-")[0] for path in self.outbox.working.iterdir()}
        for row in self.ledger.rows("working"):
            if f"{row.id:06d}" not in there and row.id not in running:
                self.ledger.update(row.id, was="working", state="gone", error="its folder in working was removed")
