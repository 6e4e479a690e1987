"""What lies in the inbox, and since when it has been still. The folder is the truth; events only say when to look."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final, Literal

from stages.media.images import SUFFIXES

SIDECARS: Final = (".yaml", ".yml")
COMPANIONS: Final = (".md5", ".sha256", ".done")
CLAIMED: Final = ".glabella-claimed"
"""Folder in an inbox on another file system than the outbox, for clips that are worked on."""
Kind = Literal["file", "pictures", "link", "special"]


@dataclass(frozen=True, slots=True)
class Found:
    """A clip in the inbox: a file, or a folder of pictures; or what stands there and is none (a link, a device).

    path: relative to the inbox. size: bytes of all its files. changed: ns, the latest of their times. files: how many.
    """

    path: Path
    kind: Kind
    size: int
    changed: int
    files: int = 1

    @property
    def levels(self) -> tuple[str, ...]:
        """Names of the folders it lies in, from the inbox down."""
        return self.path.parent.parts


@dataclass(frozen=True)
class Inbox:
    """A folder to look through. ignore: patterns of names that are no clips. named: names of folders that say how to
    render what is in them, and so are never clips themselves."""

    root: Path
    ignore: tuple[str, ...]
    named: frozenset[str]

    def look(self) -> dict[Path, Found]:
        """Everything that is there now, by relative path.

        Raises:
            OSError: the inbox itself cannot be read; a folder in it that cannot is left out.
        """
        os.scandir(self.root).close()
        return {found.path: found for found in self._within(self.root, Path())}

    def _within(self, folder: Path, at: Path) -> Iterator[Found]:
        try:
            with os.scandir(folder) as entries:
                there = [entry for entry in entries if not self._ignored(entry.name)]
        except OSError:
            return
        for entry in there:
            try:
                yield from self._entry(entry, at / entry.name)
            except OSError:  # gone or replaced meanwhile: the next look sees
                continue

    def _entry(self, entry: os.DirEntry[str], at: Path) -> Iterator[Found]:
        if entry.is_symlink():
            yield Found(at, "link", 0, entry.stat(follow_symlinks=False).st_mtime_ns)
        elif entry.is_dir():
            pictures = None if entry.name in self.named else self._pictures(Path(entry.path), at)
            yield from [pictures] if pictures else self._within(Path(entry.path), at)
        elif not entry.is_file():
            yield Found(at, "special", 0, entry.stat().st_mtime_ns)
        elif not entry.name.lower().endswith((*SIDECARS, *COMPANIONS)):
            about = entry.stat()
            yield Found(at, "file", about.st_size, about.st_mtime_ns)

    def _pictures(self, folder: Path, at: Path) -> Found | None:
        """The folder as one clip, if it holds pictures and nothing else that could be one."""
        with os.scandir(folder) as entries:
            there = [entry for entry in entries if not self._ignored(entry.name)]
        plain = all(entry.is_file(follow_symlinks=False) for entry in there)
        if not there or not plain or not all(_is_picture(entry.name) for entry in there):
            return None
        about = [entry.stat() for entry in there]
        return Found(at, "pictures", sum(s.st_size for s in about), max(s.st_mtime_ns for s in about), len(about))

    def _ignored(self, name: str) -> bool:
        return name == CLAIMED or any(fnmatchcase(name, pattern) for pattern in self.ignore)


def _is_picture(name: str) -> bool:
    return name.lower().endswith(tuple(SUFFIXES))


def beside(source: Path, suffixes: Iterable[str]) -> Path | None:
    """A file that goes with a clip: `take.mov.md5` or `take.md5`."""
    names = (name + suffix for suffix in suffixes for name in (source.name, source.stem))
    return next((path for name in names if (path := source.with_name(name)).is_file()), None)


@dataclass
class Stillness:
    """Since when each clip has been as it is. Times are of the monotonic clock, which no one can set."""

    since: dict[Path, tuple[Found, float]] = field(default_factory=dict)

    def update(self, there: Mapping[Path, Found], now: float) -> None:
        """Take in what a look saw."""
        self.since = {
            path: before if (before := self.since.get(path)) and before[0] == found else (found, now)
            for path, found in there.items()
        }

    def forget(self, path: Path) -> None:
        """It is not in the inbox any more."""
        self.since.pop(path, None)

    def age(self, path: Path, now: float) -> float:
        """Seconds that a clip has been still; 0 if it is not there."""
        return now - self.since[path][1] if path in self.since else 0.0

    def still(self, now: float, seconds: float) -> list[Found]:
        """What has been still for so long."""
        return [found for found, since in self.since.values() if now - since >= seconds]

    def due(self, now: float, seconds: float) -> float | None:
        """Seconds until the next one will have been; None if there is none to wait for."""
        left = [since + seconds - now for _, since in self.since.values() if now - since < seconds]
        return max(0.0, min(left)) if left else None
