"""What was done with every clip: a SQLite file in WAL mode that outlives the watcher, however it ends."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, Literal

from runner.watch.inbox import Found

State = Literal["queued", "working", "done", "duplicate", "failed", "gone"]
_VERSION: Final = 1
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS jobs (
  id INTEGER PRIMARY KEY, path BLOB NOT NULL, name TEXT NOT NULL, production TEXT NOT NULL DEFAULT '',
  gain TEXT NOT NULL DEFAULT '', size INTEGER NOT NULL, changed INTEGER NOT NULL, state TEXT NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0, not_before REAL NOT NULL DEFAULT 0, error TEXT NOT NULL DEFAULT '',
  source_sha256 TEXT NOT NULL DEFAULT '', fingerprint TEXT NOT NULL DEFAULT '', output TEXT NOT NULL DEFAULT '',
  output_sha256 TEXT NOT NULL DEFAULT '', queued REAL NOT NULL, started REAL NOT NULL DEFAULT 0,
  finished REAL NOT NULL DEFAULT 0, tracked INTEGER NOT NULL DEFAULT 1);
CREATE INDEX IF NOT EXISTS by_state ON jobs (state, path);
CREATE INDEX IF NOT EXISTS by_content ON jobs (source_sha256, fingerprint, state);
CREATE INDEX IF NOT EXISTS by_path ON jobs (path);
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One clip's row. path: relative to the inbox. Times are seconds of the epoch, 0 where nothing happened yet.

    output: folder of delivery and report. tracked: 0 while MLflow has not been told, 2 while it is being told.
    """

    id: int
    path: Path
    name: str
    production: str
    gain: str
    size: int
    changed: int
    state: State
    attempts: int
    not_before: float
    error: str
    source_sha256: str
    fingerprint: str
    output: str
    output_sha256: str
    queued: float
    started: float
    finished: float
    tracked: int


_COLUMNS: Final = ", ".join(f.name for f in fields(Row))


class Ledger:
    """The table of jobs. Safe for several threads and several watchers."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._db = self._opened()
        self._db.executescript(_SCHEMA)
        self._db.execute("INSERT OR IGNORE INTO facts VALUES ('version', ?)", (str(_VERSION),))

    def _opened(self) -> sqlite3.Connection:
        db = sqlite3.connect(self.path, timeout=30, isolation_level=None, check_same_thread=False)
        db.row_factory = sqlite3.Row
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=NORMAL")
        return db

    def reopen(self) -> None:
        """Let go of the file and open what is there now: it may be another mount of the same share.

        Raises:
            FileNotFoundError: there is none.
            sqlite3.Error: it cannot be opened.
        """
        self.path.stat()
        with self._lock:
            self._db.close()
            self._db = self._opened()

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._db.close()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def queue(self, there: Iterable[Found], kept: Callable[[Found, str], bool] | None = None) -> int:
        """Enter clips that are not waiting already; returns how many.

        kept: where finished clips stay in the inbox, whether the settings of one still have the fingerprint that it was
        finished with: then it is not entered again while it is as it was.
        """
        now, made = time.time(), 0
        with self._writing() as db:
            for found in there:
                made += self._enter(db, found, now, kept)
        return made

    def _enter(
        self, db: sqlite3.Connection, found: Found, now: float, kept: Callable[[Found, str], bool] | None
    ) -> int:
        path = os.fsencode(found.path)
        sql = "SELECT id, size, changed, state, fingerprint FROM jobs WHERE path=? ORDER BY id DESC LIMIT 1"
        last = db.execute(sql, (path,)).fetchone()
        same = last is not None and (last["size"], last["changed"]) == (found.size, found.changed)
        if same and last["state"] == "queued":
            return 0
        if same and kept and last["state"] in ("done", "duplicate") and kept(found, last["fingerprint"]):
            return 0
        if last is not None and last["state"] in ("queued", "gone"):
            sql = "UPDATE jobs SET size=?, changed=?, state='queued' WHERE id=?"
            db.execute(sql, (found.size, found.changed, last["id"]))
            return 0
        sql = "INSERT INTO jobs (path, name, size, changed, state, queued) VALUES (?, ?, ?, ?, 'queued', ?)"
        db.execute(sql, (path, printable(found.path), found.size, found.changed, now))
        return 1

    def update(self, job: int, *, was: State | None = None, **values: Any) -> None:
        """Set columns of a row; nothing if it is in another state than it `was`."""
        names = ", ".join(f"{name}=?" for name in values)
        sql = f"UPDATE jobs SET {names} WHERE id=? AND (? IS NULL OR state=?)"
        with self._writing() as db:
            db.execute(sql, (*values.values(), job, was, was))

    def take(self, job: int, source_sha256: str = "", fingerprint: str = "") -> bool:
        """Set a clip that waits to work; False if it waits no more, or one like it is being worked on."""
        sql = """UPDATE jobs SET state='working', started=:now, source_sha256=:content, fingerprint=:settings
            WHERE id=:job AND state='queued' AND (:content='' OR NOT EXISTS (SELECT 1 FROM jobs
            WHERE source_sha256=:content AND fingerprint=:settings AND state='working'))"""
        values = {"now": time.time(), "content": source_sha256, "settings": fingerprint, "job": job}
        with self._writing() as db:
            return db.execute(sql, values).rowcount == 1

    def row(self, job: int) -> Row | None:
        """One row."""
        return next(self._rows("WHERE id=?", job), None)

    def rows(self, *states: State) -> list[Row]:
        """Rows in any of the states, or all, oldest first."""
        marks = ", ".join("?" * len(states))
        return list(self._rows(f"WHERE state IN ({marks}) ORDER BY id" if states else "ORDER BY id", *states))

    def gone(self, jobs: Iterable[int]) -> None:
        """Clips that waited are not there any more."""
        with self._writing() as db:
            db.executemany("UPDATE jobs SET state='gone' WHERE id=? AND state='queued'", [(job,) for job in jobs])

    def queued(self) -> dict[Path, int]:
        """Jobs that wait, by the clip's place."""
        with self._lock:
            found = self._db.execute("SELECT path, id FROM jobs WHERE state='queued'").fetchall()
        return {Path(os.fsdecode(row["path"])): row["id"] for row in found}

    def alike(self, source_sha256: str, fingerprint: str, *states: State) -> list[Row]:
        """Rows of the same content with the same settings."""
        marks = ", ".join("?" * len(states))
        where = f"WHERE source_sha256=? AND fingerprint=? AND state IN ({marks}) ORDER BY id"
        return list(self._rows(where, source_sha256, fingerprint, *states))

    def untracked(self, limit: int = 100) -> list[Row]:
        """Finished rows that MLflow has not been told of, as far as we know."""
        return list(self._rows("WHERE tracked!=1 AND state IN ('done', 'failed') ORDER BY id LIMIT ?", limit))

    def counts(self) -> dict[str, int]:
        """Rows by state."""
        with self._lock:
            return dict(self._db.execute("SELECT state, COUNT(*) FROM jobs GROUP BY state").fetchall())

    def forget(self, jobs: Iterable[int]) -> None:
        """Remove rows: the same clips would be rendered again."""
        with self._writing() as db:
            db.executemany("DELETE FROM jobs WHERE id=?", [(job,) for job in jobs])

    def fact(self, name: str, value: str | None = None) -> str | None:
        """A remembered text, after setting it if one is given."""
        with self._lock:
            if value is not None:
                self._db.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))
            row = self._db.execute("SELECT value FROM facts WHERE name=?", (name,)).fetchone()
        return str(row["value"]) if row else None

    def _rows(self, where: str, *values: Any) -> Iterator[Row]:
        with self._lock:
            found = self._db.execute(f"SELECT {_COLUMNS} FROM jobs {where}", values).fetchall()
        for row in found:
            yield Row(**{**dict(row), "path": Path(os.fsdecode(row["path"]))})


def printable(path: Path) -> str:
    """A path as text that any terminal, JSON file and database takes: bytes that are no UTF-8 and control characters
    as `?`."""
    text = os.fsencode(path).decode("utf-8", "replace")
    return "".join(c if c.isprintable() and c != "\ufffd" else "?" for c in text)
