"""The user's cache: where fetched files live, how they are locked, hashed and put in place."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import IO


def root() -> Path:
    """`GLABELLA_CACHE`, else the platform's user cache: `$XDG_CACHE_HOME` or `~/.cache`, `%LOCALAPPDATA%` on
    Windows."""
    named = os.environ.get("GLABELLA_CACHE")
    if named:
        return Path(named).expanduser()
    base = os.environ.get("LOCALAPPDATA" if sys.platform == "win32" else "XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "glabella"


def is_offline(asked: bool | None = None) -> bool:
    """The explicit argument, else the environment's `GLABELLA_OFFLINE` (empty or 0 means online)."""
    return asked if asked is not None else os.environ.get("GLABELLA_OFFLINE", "0") not in ("", "0")


def digest(path: Path) -> str:
    """SHA-256 of a file; of a folder, of the sorted lines `<sha256>  <relative path>` of its files.

    A file that has not changed (size, time of change, inode) since this process last hashed it is not read again.
    """
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.is_file())
        lines = "".join(f"{digest(file)}  {file.relative_to(path).as_posix()}\n" for file in files)
        return hashlib.sha256(lines.encode()).hexdigest()
    stat = path.stat()
    return _digest(path, stat.st_size, stat.st_mtime_ns, stat.st_ino)


@lru_cache(maxsize=4096)
def _digest(path: Path, _size: int, _changed: int, _inode: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def workspace() -> Iterator[Path]:
    """A temporary folder on the cache's own file system, so that what is made in it can be renamed into place."""
    parent = root() / "tmp"
    parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def publish(made: Path, target: Path) -> None:
    """Rename `made` (a file or a folder) onto `target`, replacing what is there."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_dir():
        # A folder cannot be renamed onto a full one: move the old one aside first.
        with workspace() as aside:
            os.replace(target, aside / "old")
    os.replace(made, target)


@contextmanager
def lock(name: str) -> Iterator[None]:
    """Hold `name` against other processes and threads of this user; waits for whoever holds it."""
    folder = root() / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{name}.lock").open("a+b") as handle:
        _acquire(handle)
        try:
            yield
        finally:
            _release(handle)


if sys.platform == "win32":
    import msvcrt

    def _acquire(handle: IO[bytes]) -> None:
        handle.seek(0)
        while True:
            try:
                return msvcrt.locking(handle.fileno(), msvcrt.LK_LOCK, 1)
            except OSError:  # LK_LOCK gives up after ten seconds
                continue

    def _release(handle: IO[bytes]) -> None:
        handle.seek(0)
        msvcrt.locking(handle.fileno(), msvcrt.LK_UNLCK, 1)
else:
    import fcntl

    def _acquire(handle: IO[bytes]) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX)

    def _release(handle: IO[bytes]) -> None:
        fcntl.flock(handle, fcntl.LOCK_UN)
