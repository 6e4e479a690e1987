"""The folders under the outbox.

outbox/
  working/<job>/     claim.json, source/<clip>, out/<delivery and reports>, log.txt, beat
  done/<production>/<gain>/<clip>/      delivery, report.html, ...
  done/sources/<production>/<gain>/     finished clips
  failed/<clip>/                        source, error.txt, log.txt
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from stages.errors import DeliveryError


@dataclass(frozen=True)
class Outbox:
    """Where everything goes."""

    root: Path

    @property
    def working(self) -> Path:
        """Jobs under way."""
        return self.root / "working"

    @property
    def done(self) -> Path:
        """Deliveries and reports."""
        return self.root / "done"

    @property
    def sources(self) -> Path:
        """Finished clips."""
        return self.done / "sources"

    @property
    def failed(self) -> Path:
        """Clips that could not be rendered, with the reason."""
        return self.root / "failed"

    @property
    def ledger(self) -> Path:
        """The ledger's file."""
        return self.root / "ledger.db"

    def make(self) -> None:
        """Make the folders.

        Raises:
            DeliveryError: they cannot be made.
        """
        try:
            for folder in (self.working, self.done, self.sources, self.failed):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DeliveryError(f"outbox: cannot write to {self.root}: {error.strerror or error}") from error
