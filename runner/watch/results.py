"""What becomes of a job in the end, and who is told: the delivery in `done`, the clip in `failed`, a line, a hook."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.watch.folders import JobFolder
from runner.watch.hooks import Caller
from runner.watch.ledger import Ledger, Row
from runner.watch.monitor import Monitor
from runner.watch.outbox import Outbox
from runner.watch.publish import Made, Publisher


@dataclass(frozen=True)
class Results:
    """Brings jobs to their end. Each way is True, or False if the job cannot be published yet and stays as it is."""

    outbox: Outbox
    ledger: Ledger
    monitor: Monitor
    publisher: Publisher
    caller: Caller

    def done(self, folder: JobFolder, row: Row, found: Made) -> bool:
        """It was rendered."""
        try:
            dest = self.publisher.done(folder, row, found)
        except OSError as error:
            return self._not_yet(row, error)
        self.monitor.event(f"{row.name}: done, {dest.relative_to(self.outbox.root)}")
        self._tell(row, True)
        return True

    def failed(self, folder: JobFolder, row: Row, error: str) -> bool:
        """It could not be rendered."""
        error = error.removeprefix(f"{Path(row.name).name}: ")
        self.ledger.update(row.id, error=error)
        try:
            dest = self.publisher.failed(folder, row, error)
        except OSError as cause:
            return self._not_yet(row, cause)
        self.monitor.event(f"{row.name}: failed, {error}; see {dest.relative_to(self.outbox.root)}")
        self._tell(row, False)
        return True

    def duplicate(self, folder: JobFolder, row: Row, other: Row) -> bool:
        """It was rendered before."""
        try:
            self.publisher.duplicate(folder, row, other)
        except OSError as error:
            return self._not_yet(row, error)
        self.monitor.event(f"{row.name}: same content and settings as {other.name}, not rendered again")
        return True

    def _not_yet(self, row: Row, error: OSError) -> bool:
        self.monitor.event(f"{row.name}: cannot be published yet ({error.strerror or error})")
        return False

    def _tell(self, row: Row, success: bool) -> None:
        if now := self.ledger.row(row.id):
            self.caller.call(success, told(now, self.outbox))


def told(row: Row, outbox: Outbox) -> Mapping[str, Any]:
    """What a hook is told of a job."""
    return {
        "job": row.id,
        "clip": row.name,
        "state": row.state,
        "production": row.production,
        "gain": row.gain,
        "attempts": row.attempts,
        "error": row.error,
        "folder": str(outbox.root / row.output),
        "source_sha256": row.source_sha256,
        "output_sha256": row.output_sha256,
    }
