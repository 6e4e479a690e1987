"""Whose work folder it is: a live run's is never touched, a dead one's is gone on with, or swept up.

A run holds a lock on a file beside its work folder. The kernel lets go of it when the process ends, however it ends.
The file says what must outlive the run: where the delivery goes, and whether it is being published.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import platform
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Final
from uuid import getnode

from stages.errors import DeliveryError

PREFIX: Final = ".glabella-"
LOCK: Final = ".lock"
_NO_LOCKS: Final = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)


@dataclass(frozen=True, slots=True)
class Claim:
    """What a lock file says.

    pid, host: whose it is. report: name of the empty folder that waits for the delivery. out: name of the delivery,
    where it was given one. made: the master's name in the work folder once it is being published. days: how long to
    keep what is finished when the run is dead; 0 for nothing worth keeping.
    """

    pid: int
    host: str
    report: str | None = None
    out: str | None = None
    made: str | None = None
    days: float = 0.0


class Owner:
    """This run's hold on the work folder `folder`, new or left by a dead run of the same job.

    Raises:
        DeliveryError: a live run holds it, or another machine's did.
    """

    def __init__(self, folder: Path, out: str | None = None, days: float = 0.0) -> None:
        self._path = _lock_of(folder)
        self._file = _locked(self._path)
        left = _read(self._file)
        if left is not None and left.host != host() and folder.exists():
            os.close(self._file)
            raise DeliveryError(f"out: {folder} was begun on {left.host.split()[0]}; go on there, or delete it")
        own = Claim(os.getpid(), host(), out=out, days=days)
        self.claim = replace(own, report=left.report, made=left.made) if left else own
        self._write()

    def note(self, *, report: str | None = None, made: str | None = None) -> None:
        """Say more in the lock file."""
        self.claim = replace(self.claim, report=report or self.claim.report, made=made or self.claim.made)
        self._write()

    def start_over(self) -> None:
        """What a dead run left is gone."""
        self.claim = replace(self.claim, report=None, made=None)
        self._write()

    def forget(self) -> None:
        """The work folder is gone: take the file away, and let go."""
        self._path.unlink(missing_ok=True)
        os.close(self._file)

    def release(self) -> None:
        """Let go of what stays."""
        os.close(self._file)

    def _write(self) -> None:
        data = json.dumps(asdict(self.claim)).encode()
        os.pwrite(self._file, data, 0)  # in one call, so that a kill leaves the old or the new
        os.ftruncate(self._file, len(data))


def _locked(path: Path) -> int:
    """A descriptor of the file at `path`, locked."""
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            left = _read(file)
            if error.errno not in _NO_LOCKS or (left and left.host == host() and _alive(left.pid)):
                os.close(file)
                who = f"process {left.pid}" if left else "another process"
                raise DeliveryError(f"out: this very job is under way in {who}; wait for it to end") from error
        if os.fstat(file).st_nlink:
            return file
        os.close(file)  # its owner took it away while it was opened


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return pid != os.getpid()


def _read(file: int) -> Claim | None:
    """What a lock file says; None for a new or a damaged one."""
    try:
        plain = json.loads(os.pread(file, 1 << 16, 0))
        return Claim(**{f.name: plain[f.name] for f in fields(Claim)})
    except (ValueError, KeyError, TypeError):
        return None


def claims(parent: Path) -> Iterator[tuple[Path, Claim]]:
    """Every work folder in `parent` with what its lock file says, of live and dead runs."""
    for path in parent.glob(f"{PREFIX}*{LOCK}"):
        with suppress(OSError):
            file = os.open(path, os.O_RDONLY)
            claim = _read(file)
            os.close(file)
            if claim is not None:
                yield path.with_suffix(""), claim


def under_way(parent: Path, out: str, besides: Path) -> int | None:
    """The process that makes a delivery called `out` in `parent` now, in another work folder than `besides`."""
    for folder, claim in claims(parent):
        if folder != besides and claim.out == out and _is_held(_lock_of(folder)):
            return claim.pid
    return None


def _is_held(path: Path) -> bool:
    """Whether a live run holds the lock; False where that is not to be known."""
    try:
        file = os.open(path, os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in _NO_LOCKS
    finally:
        os.close(file)
    return False


def sweep(parent: Path, spare: Path | None = None) -> None:
    """Remove work folders in `parent` whose run is dead, with the empty folders they had claimed, but for `spare`.

    What can be gone on with stays for some days. A folder stays where there is doubt: no lock file, another host's, or
    a file system without locks.
    """
    for folder, claim in claims(parent):
        if folder != spare and claim.host == host():
            with suppress(OSError):
                _sweep(folder)


def _sweep(folder: Path) -> None:
    file = os.open(_lock_of(folder), os.O_RDWR)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        claim = _read(file)
        if claim is None or not os.fstat(file).st_nlink:  # swept or published while we opened it
            return
        if folder.exists() and time.time() - _touched(folder) < claim.days * 86400:
            return
        if claim.report and not claim.made:
            remove_empty([folder.with_name(claim.report)])
        shutil.rmtree(folder, ignore_errors=True)
        _lock_of(folder).unlink(missing_ok=True)
    finally:
        os.close(file)


def _touched(folder: Path) -> float:
    """When the run was last seen at work."""
    return max(path.stat().st_mtime for path in (_lock_of(folder), folder, *folder.glob("*/*")))


def _lock_of(folder: Path) -> Path:
    return folder.with_name(folder.name + LOCK)


def remove_empty(folders: list[Path]) -> None:
    """Remove folders as long as they are empty."""
    for folder in folders:
        try:
            folder.rmdir()
        except OSError:
            return


def host() -> str:
    """This machine: on a shared disk, another one's locks may not be seen."""
    return f"{platform.node()} {getnode():x}"
