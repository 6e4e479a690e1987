"""Where a run writes, and how it publishes: everything is made in a hidden work folder and renamed when it is whole."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

from runner.ownership import PREFIX, Owner, sweep
from stages.errors import ConfigError, DeliveryError
from stages.media.images import one_line


@dataclass(frozen=True)
class Target:
    """Where a delivery goes: to `file`, or with None as `master` into a job folder of its own, `root/name-N`."""

    file: Path | None
    root: Path
    name: str
    master: str
    overwrite: bool = False

    @property
    def parent(self) -> Path:
        """The folder that the work folder is made in, on the same file system as the delivery."""
        return self.file.parent if self.file else self.root

    def check(self, source: Path) -> None:
        """Refuse a delivery that would replace its own source, or something that nobody said to replace.

        Raises:
            ConfigError: the output is the input, exists already, or has a name that is no single line.
            DeliveryError: no disk takes that name.
        """
        if one_line(named := str(self.file or self.root)) != named:
            raise ConfigError(f"{'out' if self.file else 'outputs'}: {named!r} holds a control character; name another")
        if self.file is None:
            return
        try:
            self.file.exists()
        except OSError as error:
            raise DeliveryError(f"out: cannot write to {str(self.file)[:80]}...: {error.strerror}") from error
        if self.file.exists() and source.exists() and self.file.samefile(source):
            raise ConfigError(f"out: {self.file} is the clip itself; name another file")
        if self.file.is_dir():
            raise ConfigError(f"out: {self.file} is a folder; name a file, such as out={self.file / 'take.mov'}")
        if self.file.exists() and not self.overwrite:
            raise ConfigError(f"out: {self.file} exists; name another file or add overwrite=true")


@dataclass(frozen=True)
class Workspace:
    """`folder` is where a run writes; `report` and `delivery` are where things will lie in the end."""

    folder: Path
    report: Path
    delivery: Path
    owner: Owner

    def publish(self, made: Path) -> None:
        """Give the finished master `made` and the work folder their final names, each in one rename.

        Raises:
            DeliveryError: a rename failed.
        """
        try:
            self.owner.forget()
            self.folder.chmod(0o777 & ~_umask())
            if self.delivery.parent == self.report:
                made.rename(self.folder / self.delivery.name)
            else:
                os.replace(made, self.delivery)
                shutil.rmtree(self.report, ignore_errors=True)
            self.folder.rename(self.report)
        except OSError as error:
            raise DeliveryError(f"out: cannot publish {self.delivery}: {error.strerror or error}") from error


@contextmanager
def workspace(target: Target) -> Iterator[Workspace]:
    """Claim a place for the delivery and make a work folder beside it; what was not published is gone afterwards.

    What killed runs left in the same parent folder is swept up first.

    Raises:
        DeliveryError: the folder cannot be made or written.
    """
    missing = [p for p in (target.parent, *target.parent.parents) if not p.exists()]
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        sweep(target.parent)
        folder = Path(mkdtemp(prefix=PREFIX, dir=target.parent))
        report = _claim(target.root, target.name) if target.file is None else _beside(target.file)
        owner = Owner(folder, report if target.file is None else None)
    except OSError as error:
        _remove_empty(missing)
        raise DeliveryError(f"out: cannot write to {target.parent}: {error.strerror or error}") from error
    try:
        yield Workspace(folder, report, target.file or report / target.master, owner)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        owner.release()
        _remove_empty([report, *missing] if report.exists() else missing)


def _beside(file: Path) -> Path:
    return file.with_name(f"{file.stem}.report")


def _claim(root: Path, name: str) -> Path:
    """Make the first free `root/name-N`: `mkdir` is atomic, so two runs never get the same one.

    An empty folder is later replaced by the finished one in a single rename.
    """
    number = 1
    while True:
        try:
            claimed = root / f"{name}-{number:03d}"
            claimed.mkdir()
            return claimed
        except FileExistsError:
            number += 1


def _remove_empty(folders: list[Path]) -> None:
    for folder in folders:
        try:
            folder.rmdir()
        except OSError:
            return


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
