"""A job's folder: a clip is claimed by a rename into it, it is found again after a kill, and removed at the end."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from runner.watch.inbox import CLAIMED, goes_with, of_none_else
from runner.watch.moving import discard, plain, slug
from runner.watch.outbox import Outbox

_CLAIM: Final = "claim.json"
_LOCK: Final = ".lock"


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What a job has taken, as kept in its folder. path: the clip's place in the inbox, as bytes in hexadecimal;
    source: its name while it is worked on; across: it waits in the inbox, which is another file system; dest: the
    folder, relative to the outbox, where the job is being published, once it is."""

    job: int
    path: str
    source: str
    across: bool = False
    dest: str = ""

    @property
    def place(self) -> Path:
        """The clip's place in the inbox, relative to it."""
        return Path(os.fsdecode(bytes.fromhex(self.path)))


class JobFolder:
    """A job's folder and the hold on it, which the kernel ends with the process."""

    def __init__(self, folder: Path, inbox: Path) -> None:
        self.folder, self._inbox = folder, inbox
        self._lock: Any = None

    def __repr__(self) -> str:
        return f"JobFolder({self.folder.name})"

    @property
    def source(self) -> Path:
        """Where the clip lies while it is worked on."""
        claim = self.claim
        return self._held(claim.across) / claim.source

    @property
    def has_clip(self) -> bool:
        """Whether the clip, or what stands for one, is still here."""
        return os.path.lexists(self.source) or self.failure.exists()

    @property
    def away(self) -> bool:
        """Whether the clip cannot be reached now: it waits in an inbox that is not there."""
        return self.claim.across and not self._held(across=True).is_dir()

    def _held(self, across: bool) -> Path:
        return self._inbox / CLAIMED / self.folder.name if across else self.folder / "source"

    @property
    def out(self) -> Path:
        """Where the run writes."""
        return self.folder / "out"

    @property
    def failure(self) -> Path:
        """What will lie in `failed`, while it is put together."""
        return self.folder / "failed"

    @property
    def log(self) -> Path:
        """What the run says."""
        return self.folder / "log.txt"

    @property
    def beat(self) -> Path:
        """Touched whenever the run gets on."""
        return self.folder / "beat"

    @property
    def claim(self) -> Claim:
        """What the job has taken.

        Raises:
            OSError, ValueError, TypeError: the folder was left before it was whole.
        """
        return Claim(**json.loads((self.folder / _CLAIM).read_text("utf-8")))

    def keep(self, claim: Claim) -> None:
        """Write the claim, whole or not at all."""
        half = self.folder / f"{_CLAIM}.new"
        half.write_text(json.dumps(asdict(claim)), "utf-8")
        os.replace(half, self.folder / _CLAIM)

    def hold(self) -> bool:
        """Take the folder; False if a living watcher, or a run that it left behind, has it, or it is being removed."""
        path = self.folder / _LOCK
        try:
            self._lock = path.open("a")
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return _is(self._lock, path)
        except OSError:
            return False

    @property
    def descriptor(self) -> int:
        """Of the lock: a child that inherits it holds the folder too."""
        return int(self._lock.fileno())

    def let_go(self) -> None:
        """Leave the folder to whoever comes next."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def fetch(self) -> bool:
        """Take the clip out of the inbox by one rename, with what goes with it; False if it is not there any more.

        Raises:
            OSError: the inbox, or the outbox, cannot be written.
        """
        claim = self.claim
        source, target = self._inbox / claim.place, self.source
        for companion in goes_with(source):
            shutil.copy2(companion, target.with_name(plain(companion.name)), follow_symlinks=False)
        try:
            os.rename(source, target)
        except FileNotFoundError:
            if self.away or not self._inbox.is_dir():
                raise
            return False
        take_away(source)
        return True

    def remove(self) -> None:
        """The job is over."""
        discard(self._held(across=True))
        shutil.rmtree(self.folder, ignore_errors=True)
        self.let_go()


def _is(file: Any, path: Path) -> bool:
    """Whether an open file is still what lies there."""
    about, there = os.fstat(file.fileno()), path.stat()
    return (about.st_dev, about.st_ino) == (there.st_dev, there.st_ino)


def reserve(inbox: Path, path: Path, job: int, outbox: Outbox) -> JobFolder | None:
    """A folder for a job, held by us, into which the clip may be fetched; None if there is one already.

    Raises:
        OSError: the outbox cannot be written.
    """
    folder = JobFolder(outbox.working / f"{job:06d}-{slug(path.name)}", inbox)
    try:
        folder.folder.mkdir()
    except FileExistsError:
        return None
    if not folder.hold():
        return None
    across = outbox.working.stat().st_dev != inbox.stat().st_dev
    try:
        folder._held(across).mkdir(parents=True)
        folder.keep(Claim(job=job, path=os.fsencode(path).hex(), source=plain(path.name), across=across))
    except OSError:
        folder.remove()
        raise
    return folder


def take_away(source: Path) -> None:
    """Remove what went with a clip that was claimed, unless another clip needs it too; it was copied before, so that a
    kill between loses nothing."""
    for companion in goes_with(source):
        if of_none_else(companion, source):
            discard(companion)


def orphans(outbox: Outbox, inbox: Path) -> Iterator[JobFolder]:
    """Job folders whose watcher is gone, now held by us."""
    for path in sorted(p for p in outbox.working.iterdir() if p.is_dir()):
        folder = JobFolder(path, inbox)
        if folder.hold():
            yield folder
