"""Whose work folder it is: what a killed run left is swept up, what a live one works in is never touched.

A run holds a lock on a file in its work folder. The kernel lets go of it when the process ends, however it ends.
"""

from __future__ import annotations

import fcntl
import json
import os
import platform
import shutil
from pathlib import Path
from uuid import getnode

PREFIX = ".glabella-"
_OWNER = ".owner"


class Owner:
    """This run's hold on its work folder. `claimed` is the empty folder that waits for the delivery, if any."""

    def __init__(self, folder: Path, claimed: Path | None) -> None:
        self._path = folder / _OWNER
        self._file = self._path.open("w")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:  # a file system without locks: an empty file, which nobody takes for a dead run's
            return
        json.dump({"host": _host(), "claimed": claimed.name if claimed else None}, self._file)
        self._file.flush()

    def forget(self) -> None:
        """Take the file away: the folder is about to be published."""
        self._path.unlink(missing_ok=True)

    def release(self) -> None:
        """Let go."""
        self._file.close()


def sweep(parent: Path) -> None:
    """Remove work folders in `parent` whose run is dead, with the empty folders they had claimed.

    A folder stays where there is doubt: no owner file, another host's, or a file system without locks.
    """
    for folder in parent.glob(f"{PREFIX}*"):
        try:
            with (folder / _OWNER).open("r+") as file:
                _sweep(folder, json.load(file), file.fileno())
        except (OSError, ValueError, KeyError, TypeError):  # still being made, alive, or swept by another run
            continue


def _sweep(folder: Path, owner: dict[str, str | None], descriptor: int) -> None:
    if owner["host"] != _host():
        return
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    if not os.fstat(
        descriptor
    ).st_nlink:  # swept or published while we opened it: its claim may be another run's by now
        return
    if owner["claimed"]:
        claimed = folder.with_name(owner["claimed"])
        if claimed.is_dir() and not any(claimed.iterdir()):
            claimed.rmdir()
    shutil.rmtree(folder, ignore_errors=True)


def _host() -> str:
    """This machine: on a shared disk, another one's locks may not be seen."""
    return f"{platform.node()} {getnode():x}"
