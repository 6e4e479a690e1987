"""`sweep.json`: what a sweep has done so far, so that one that was killed goes on where it stopped."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from runner.report.plain import from_plain, to_plain
from runner.sweep.strategies import Words
from stages.errors import ConfigError, DeliveryError

NAME: Final = "sweep.json"
_LOCK: Final = ".sweep.lock"
_SCHEMA: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A run that is over.

    number: from 1, in order of proposal. words: its axes' words. key: what identifies it. delivery, report: where they
    lie, None if it failed. seconds: wall time. score: of the objective. error, code: the line and exit code of a failed
    run.
    """

    number: int
    words: Words
    key: str = ""
    clip: str = ""
    delivery: Path | None = None
    report: Path | None = None
    seconds: float = 0.0
    score: float | None = None
    error: str = ""
    code: int = 0

    @property
    def there(self) -> bool:
        """True if it was finished and its files are still there."""
        return bool(self.delivery and self.delivery.exists() and self.report and (self.report / "report.json").exists())


def _moved(entry: Entry, to: Callable[[Path], Path]) -> Entry:
    return replace(entry, delivery=entry.delivery and to(entry.delivery), report=entry.report and to(entry.report))


@dataclass(slots=True)
class Ledger:
    """The entries of one sweep, saved whenever one is added. `run` is its run in MLflow.

    On disk the paths are relative to the folder, which may be moved.
    """

    folder: Path
    fingerprint: str
    run: str | None = None
    continued: bool = False
    entries: dict[Words, Entry] = field(default_factory=dict)

    @property
    def ordered(self) -> list[Entry]:
        """By number."""
        return sorted(self.entries.values(), key=lambda entry: entry.number)

    def add(self, entry: Entry) -> None:
        """Keep an entry, in place of an earlier one of the same run."""
        self.entries[entry.words] = entry
        self.save()

    def keep(self, runs: Collection[Words]) -> None:
        """Forget all runs but these."""
        self.entries = {words: entry for words, entry in self.entries.items() if words in runs}
        self.save()

    def save(self) -> None:
        """Write the file, in one rename.

        Raises:
            DeliveryError: the folder cannot be written.
        """
        entries = [
            to_plain(_moved(entry, lambda path: Path(os.path.relpath(path, self.folder)))) for entry in self.ordered
        ]
        plain = {"schema": _SCHEMA, "fingerprint": self.fingerprint, "run": self.run, "entries": entries}
        part = self.folder / f".{NAME}.part"
        try:
            part.write_text(json.dumps(plain, indent=1, ensure_ascii=False), "utf-8")
            part.replace(self.folder / NAME)
        except OSError as error:
            raise DeliveryError(f"out: cannot write {self.folder / NAME}: {error.strerror or error}") from error

    def finished(self) -> dict[str, Entry]:
        """By key, the runs that need not be rendered again."""
        return {entry.key: entry for entry in self.entries.values() if entry.there}


@contextmanager
def ledger(folder: Path, fingerprint: str, *, fresh: bool, overwrite: bool) -> Iterator[Ledger]:
    """Open or start the ledger of a sweep in `folder`, for this process alone.

    fresh: forget what it says. overwrite: another sweep's may be replaced.

    Raises:
        ConfigError: the folder holds another sweep, or the same is being run by another process.
        DeliveryError: the folder cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / _LOCK).open("w")
    except OSError as error:
        raise DeliveryError(f"out: cannot write to {folder}: {error.strerror or error}") from error
    with lock:
        _hold(lock.fileno(), folder)
        found = _read(folder)
        same = found is not None and found["fingerprint"] == fingerprint
        if found is not None and not same and not overwrite:
            raise ConfigError(f"out: {folder} holds another sweep; name another folder or add overwrite=true")
        made = Ledger(folder, fingerprint, continued=same)
        if found is not None and same and not fresh:
            made.run = found["run"]
            entries = (_moved(from_plain(Entry, one), lambda path: folder / path) for one in found["entries"])
            made.entries = {entry.words: entry for entry in entries}
        made.save()
        yield made


def _hold(descriptor: int, folder: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ConfigError(f"out: {folder}: this sweep is being run by another process; wait for it") from None
    except OSError:  # a file system without locks
        return


def _read(folder: Path) -> dict[str, Any] | None:
    """What is there; a file that cannot be read counts as none."""
    try:
        plain = json.loads((folder / NAME).read_text("utf-8"))
        return dict(plain) if plain["schema"] == _SCHEMA and os.fspath(plain["fingerprint"]) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
