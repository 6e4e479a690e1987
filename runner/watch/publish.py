"""The end of a job: everything to its place, by renames that no kill can halve and that the next watcher repeats."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from runner.watch.folders import JobFolder
from runner.watch.ledger import Ledger, Row, printable
from runner.watch.moving import discard, free_name, move, plain, settle
from runner.watch.outbox import Outbox


@dataclass(frozen=True)
class Made:
    """What a finished run left. folder: delivery, report and the rest. sha256: of the delivery; source: of the clip."""

    folder: Path
    sha256: str
    source: str


def made(folder: JobFolder) -> Made | None:
    """What the run has published into the job's own folder, if it has. What it still works on is hidden."""
    finished = sorted(path for path in folder.out.glob("*/") if not path.name.startswith("."))
    return next((found for path in finished if (found := _read(path))), None)


def _read(folder: Path) -> Made | None:
    with suppress(OSError, ValueError, KeyError, TypeError):
        report = json.loads((folder / "report.json").read_text("utf-8"))
        if (folder / Path(report["delivery"]["path"]).name).exists():
            return Made(folder, str(report["delivery"]["sha256"]), str(report["clip_sha256"]))
    return None


class Publisher:
    """Brings jobs to their end. inbox: where clips come from; keep: "move", "keep" or "delete" finished ones."""

    def __init__(self, inbox: Path, outbox: Outbox, ledger: Ledger, keep: str) -> None:
        self._inbox, self._outbox, self._ledger, self._keep = inbox, outbox, ledger, keep

    def done(self, folder: JobFolder, row: Row, found: Made) -> Path:
        """Delivery and reports to `done`, the source where sources go; returns the folder of the delivery.

        Raises:
            OSError: a rename failed; the job stays as it is, to be published later.
        """
        claim, dest = folder.claim, found.folder
        if dest.is_relative_to(folder.out):
            with suppress(OSError):
                shutil.copy2(folder.log, dest / "log.txt")
            parent = self._outbox.done.joinpath(*claim.place.parent.parts)
            dest = settle(dest, parent, Path(claim.source).stem or claim.source, partial(self._note, folder))
        self._away(folder)
        hashes: dict[str, Any] = {"output_sha256": found.sha256, "source_sha256": found.source}
        about: dict[str, Any] = {"output": self._told(dest), "finished": time.time(), "error": "", "tracked": 0}
        self._ledger.update(row.id, state="done", **hashes, **about)
        folder.remove()
        return dest

    def settled(self, folder: JobFolder) -> Made | None:
        """The delivery of a job whose watcher was killed when it had just been published."""
        dest = folder.claim.dest
        return _read(self._outbox.root / dest) if dest else None

    def back(self, folder: JobFolder) -> None:
        """A clip of which nothing is known returns to the inbox."""
        self._back(folder.claim.place, folder.source)

    def duplicate(self, folder: JobFolder, row: Row, other: Row) -> None:
        """The same content with the same settings has been rendered: nothing to do but to put the source away."""
        self._away(folder)
        error = f"same content and settings as {other.name}, rendered into {other.output}"
        self._ledger.update(row.id, state="duplicate", output=other.output, error=error, finished=time.time())
        folder.remove()

    def failed(self, folder: JobFolder, row: Row, error: str) -> Path:
        """The source to `failed`, with the reason in words and the run's log; returns that folder."""
        claim, held = folder.claim, folder.source.parent
        there = sorted(held.iterdir()) if held.is_dir() else []
        if there or folder.failure.exists() or not claim.dest:
            folder.failure.mkdir(exist_ok=True)
            (folder.failure / "error.txt").write_text(f"{told(row, error, self._outbox.root)}\n", "utf-8")
            if folder.log.is_file():
                shutil.copy2(folder.log, folder.failure / "log.txt")
            for path in there:
                move(path, folder.failure / path.name)
            dest = settle(folder.failure, self._outbox.failed, plain(claim.source), partial(self._note, folder))
        else:
            dest = self._outbox.root / claim.dest
        about: dict[str, Any] = {"output": self._told(dest), "finished": time.time(), "tracked": 0}
        self._ledger.update(row.id, state="failed", error=error, **about)
        folder.remove()
        return dest

    def _note(self, folder: JobFolder, dest: Path) -> None:
        folder.keep(replace(folder.claim, dest=self._told(dest)))

    def _told(self, dest: Path) -> str:
        return dest.relative_to(self._outbox.root).as_posix()

    def _away(self, folder: JobFolder) -> None:
        """The source, with its sidecar, to where finished clips go; nothing if it is there already."""
        claim, source = folder.claim, folder.source
        if not source.exists():
            return
        if self._keep == "keep":
            self._back(claim.place, source)
        elif self._keep == "move":
            parent = self._outbox.sources.joinpath(*claim.place.parent.parts)
            for path in sorted(source.parent.iterdir(), key=lambda path: path == source):
                move(path, free_name(parent, path.name))
        discard(source)

    def _back(self, at: Path, source: Path) -> None:
        """Into the inbox again, where the ledger knows it; beside whatever has taken its place meanwhile."""
        target = self._inbox / at
        os.scandir(self._inbox).close()  # an inbox that is away is not made anew
        target.parent.mkdir(parents=True, exist_ok=True)
        for path in sorted(source.parent.iterdir(), key=lambda path: path == source):
            plainly = source.name != target.name  # what goes with it must be called as it is
            name = target.name if path == source else target.name + path.suffix if plainly else path.name
            move(path, free_name(target.parent, name))


def told(row: Row, error: str, outbox: Path) -> str:
    """One paragraph for the person who finds the clip in `failed`."""
    times = {1: "once", 2: "twice"}.get(row.attempts, f"{row.attempts} times")
    tried = f"It was tried {times}. " if row.attempts else ""
    return (
        f"{row.name} could not be rendered: {error}. {tried}When the cause is "
        f"gone, drop the clip again, or type: glabella watch retry {shlex.quote(printable(outbox))} {row.id}"
    )
