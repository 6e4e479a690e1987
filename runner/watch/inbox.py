"""What lies in the inbox, and since when it has been still. The folder is the truth; events only say when to look."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final, Literal

from stages.media.images import SUFFIXES

SIDECARS: Final = (".yaml", ".yml")
COMPANIONS: Final = (".md5", ".sha256", ".done")
CLAIMED: Final = ".glabella-claimed"
"""Folder in an inbox on another file system than the outbox, for clips that are worked on."""
Kind = Literal["file", "pictures", "link", "special"]


Beside = tuple[tuple[str, int, int], ...]
"""Name, size and time (ns) of the files that go with a clip."""


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
    beside: Beside = ()

    @property
    def levels(self) -> tuple[str, ...]:
        """Names of the folders it lies in, from the inbox down."""
        return self.path.parent.parts

    def has(self, suffixes: tuple[str, ...]) -> bool:
        """Whether a file that ends so goes with it."""
        return any(name.endswith(suffixes) for name, _, _ in self.beside)


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
        there, folders = dict[Path, Found](), [Path()]
        while folders:
            at = folders.pop()
            with suppress(OSError):
                entries = self._entries(self.root / at)
                for entry in entries.values():
                    with suppress(OSError):  # gone or replaced meanwhile: the next look sees
                        found = self._entry(entry, at / entry.name)
                        if found is None:
                            folders.append(at / entry.name)
                        elif not _goes_with_one(entry.name) or found.kind not in ("file", "link"):
                            there[found.path] = replace(found, beside=_beside(entry.name, entries))
        return there

    def _entries(self, folder: Path) -> dict[str, os.DirEntry[str]]:
        with os.scandir(folder) as entries:
            return {entry.name: entry for entry in entries if not self._ignored(entry.name)}

    def _entry(self, entry: os.DirEntry[str], at: Path) -> Found | None:
        """What it is; None: a folder to look into."""
        if entry.is_symlink():
            return Found(at, "link", 0, entry.stat(follow_symlinks=False).st_mtime_ns)
        if entry.is_dir():
            return None if entry.name in self.named else self._pictures(at)
        about = entry.stat()
        return Found(at, "file" if entry.is_file() else "special", about.st_size, about.st_mtime_ns)

    def _pictures(self, at: Path) -> Found | None:
        """The folder as one clip, if it holds pictures and nothing else that could be one."""
        there = self._entries(self.root / at)
        plain = all(entry.is_file(follow_symlinks=False) for entry in there.values())
        if not there or not plain or not all(name.lower().endswith(tuple(SUFFIXES)) for name in there):
            return None
        about = [entry.stat() for entry in there.values()]
        return Found(at, "pictures", sum(s.st_size for s in about), max(s.st_mtime_ns for s in about), len(about))

    def _ignored(self, name: str) -> bool:
        return name == CLAIMED or any(fnmatchcase(name, pattern) for pattern in self.ignore)


def _goes_with_one(name: str) -> bool:
    return name.lower().endswith((*SIDECARS, *COMPANIONS))


def _names(clip: str, suffixes: Iterable[str]) -> Iterator[str]:
    """What a file that goes with a clip may be called: `take.mov.md5` or `take.md5`."""
    return (name + suffix for suffix in suffixes for name in (clip, os.path.splitext(clip)[0]))


def _beside(clip: str, entries: Mapping[str, os.DirEntry[str]]) -> Beside:
    there = [entries[name] for name in _names(clip, (*SIDECARS, *COMPANIONS)) if name in entries]
    return tuple((one.name, one.stat().st_size, one.stat().st_mtime_ns) for one in there)


def beside(source: Path, suffixes: Iterable[str]) -> Path | None:
    """A file that goes with a clip: `take.mov.md5` or `take.md5`."""
    return next((path for name in _names(source.name, suffixes) if (path := source.with_name(name)).is_file()), None)


def goes_with(source: Path) -> list[Path]:
    """The sidecar and the checksum or mark that lie beside a clip."""
    return [found for suffixes in (SIDECARS, COMPANIONS) if (found := beside(source, suffixes))]


def of_none_else(companion: Path, source: Path) -> bool:
    """Whether `take.yaml`, which lies beside `take.mov`, lies beside no `take.mxf` as well."""
    if companion.stem == source.name:
        return True
    with os.scandir(companion.parent) as entries:
        return not any(
            os.path.splitext(entry.name)[0] == companion.stem and not _goes_with_one(entry.name)
            for entry in entries
            if entry.name != source.name
        )


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
