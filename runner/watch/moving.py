"""Files and folders to where they belong: by renames, under names that are free and can be printed."""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Callable
from contextlib import suppress
from itertools import chain, count
from pathlib import Path

from runner.watch.ledger import printable


def settle(folder: Path, parent: Path, name: str, note: Callable[[Path], None]) -> Path:
    """Rename a folder into `parent`, to the name or with a number; returns what it is called now.

    Each name is noted before it is tried: once the folder has left its place, the note says where it is.
    """
    parent.mkdir(parents=True, exist_ok=True)
    for chosen in (parent / (name if number == 1 else f"{name}-{number}") for number in count(1)):
        if os.path.lexists(chosen):
            continue
        note(chosen)
        try:
            os.rename(folder, chosen)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):  # somebody was quicker
                raise
        else:
            return chosen
    raise AssertionError("numbers do not end")


def free_name(parent: Path, name: str) -> Path:
    """A path in `parent` that nothing has yet."""
    parent.mkdir(parents=True, exist_ok=True)
    stem, suffix = os.path.splitext(name)
    names = chain([name], (f"{stem}-{number}{suffix}" for number in count(2)))
    return next(path for path in map(parent.joinpath, names) if not os.path.lexists(path))


def move(source: Path, target: Path) -> None:
    """Rename; across file systems copy beside the target first, then rename, so that nobody sees half of it.

    Raises:
        OSError: neither is possible.
    """
    try:
        os.rename(source, target)
        return
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
    half = target.with_name(f".{target.name}.moving")
    if source.is_dir() and not source.is_symlink():
        shutil.copytree(source, half, symlinks=True, dirs_exist_ok=True)
    else:
        shutil.copy2(source, half, follow_symlinks=False)
    os.rename(half, target)
    discard(source)


def discard(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    with suppress(FileNotFoundError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def plain(name: str) -> str:
    """A name that can be printed, typed and written anywhere, as near to the given one as that allows."""
    told = printable(Path(name)).replace("?", "_").strip()
    return told if told not in ("", ".", "..") else "clip"


def slug(name: str) -> str:
    """Short and without anything special, for folders that people seldom look at."""
    return re.sub(r"[^\w.-]+", "_", plain(name))[:40].strip("._") or "clip"
