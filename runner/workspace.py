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

REPORT, REJECTED = ".report", ".rejected"  # what folders beside a delivery end in


@dataclass(frozen=True)
class Target:
    """Where a delivery goes: to `file`, or with None as `master` into a job folder of its own, `root/name-N`.

    With `beside`, `file` is a folder, which several deliveries may share: `master` and the files of these names go
    into it.
    """

    file: Path | None
    root: Path
    name: str
    master: str
    overwrite: bool = False
    beside: tuple[str, ...] | None = None

    @property
    def parent(self) -> Path:
        """The folder that the work folder is made in, on the same file system as the delivery."""
        if self.file is None:
            return self.root
        return self.file if self.shared and self.file.is_dir() else self.file.parent

    @property
    def names(self) -> tuple[str, ...]:
        """The files that a folder gets, the master first."""
        return (self.master, *(self.beside or ()))

    @property
    def shared(self) -> bool:
        """True if the delivery goes into a folder that may hold other runs' files, which stay."""
        return self.file is not None and self.beside is not None

    @property
    def delivery(self) -> Path | None:
        """The master's path, where it is known already."""
        return self.file / self.master if self.file and self.shared else self.file

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
        if self.shared:
            self._check_folder(self.file)
        else:
            self._check_file(self.file, source)

    def _check_file(self, file: Path, source: Path) -> None:
        if file.exists() and source.exists() and file.samefile(source):
            raise ConfigError(f"out: {file} is the clip itself; name another file")
        if file.is_dir():
            raise ConfigError(f"out: {file} is a folder; name a file, such as out={file / 'take.mov'}")
        if file.exists() and not self.overwrite:
            raise ConfigError(f"out: {file} exists; name another file or add overwrite=true")

    def _check_folder(self, folder: Path) -> None:
        if folder.exists() and not folder.is_dir():
            raise ConfigError(f"out: {folder} is a file; name a folder, such as out={folder.with_suffix('')}.analysis")
        there = [name for name in self.names if (folder / name).exists()]
        if there and not self.overwrite:
            raise ConfigError(f"out: {folder / there[0]} exists; name another folder or add overwrite=true")


@dataclass(frozen=True)
class Workspace:
    """`folder` is where a run writes; `report` and `delivery` are where things will lie in the end.

    shared: as in `Target`, of `report`.
    """

    folder: Path
    report: Path
    delivery: Path
    owner: Owner
    shared: bool = False

    @property
    def rejected(self) -> Path:
        """The folder of report and master where a gate refuses them: `take.rejected` beside `take.mov`."""
        return self.report.with_name(f"{self.report.name.removesuffix(REPORT)}{REJECTED}")

    def reject(self, made: Path) -> None:
        """Give master and work folder their names in `rejected`, in one rename; what was published before stays.

        Raises:
            DeliveryError: a rename failed.
        """
        try:
            self._settle()
            made.rename(self.folder / self.delivery.name)
            shutil.rmtree(self.rejected, ignore_errors=True)
            self.folder.rename(self.rejected)
        except OSError as error:
            raise DeliveryError(f"out: cannot write {self.rejected}: {error.strerror or error}") from error

    def _settle(self) -> None:
        """Make the work folder one like any other."""
        self.owner.forget()
        self.folder.chmod(0o777 & ~_umask())

    def publish(self, made: Path) -> None:
        """Give the finished master `made` and the work folder their final names, each in one rename.

        Into a folder that is there already, file by file, the master last.

        Raises:
            DeliveryError: a rename failed.
        """
        try:
            self._settle()
            if self.delivery.parent == self.report:
                made.rename(self.folder / self.delivery.name)
            else:
                os.replace(made, self.delivery)
                shutil.rmtree(self.report, ignore_errors=True)
            if self.shared:
                self._share()
            else:
                self.folder.rename(self.report)
                shutil.rmtree(self.rejected, ignore_errors=True)
        except OSError as error:
            raise DeliveryError(f"out: cannot publish {self.delivery}: {error.strerror or error}") from error

    def _share(self) -> None:
        try:
            self.folder.rename(self.report)
        except OSError:  # it holds other files
            for path in sorted(self.folder.iterdir(), key=lambda path: path.name == self.delivery.name):
                os.replace(path, self.report / path.name)


@contextmanager
def workspace(target: Target) -> Iterator[Workspace]:
    """Claim a place for the delivery and make a work folder beside it; what was not published is gone afterwards.

    What killed runs left in the same parent folder is swept up first.

    Raises:
        DeliveryError: the folder cannot be made or written.
    """
    parent = target.parent
    missing = [p for p in (parent, *parent.parents) if not p.exists()]
    try:
        parent.mkdir(parents=True, exist_ok=True)
        sweep(parent)
        folder = Path(mkdtemp(prefix=PREFIX, dir=parent))
        report = _beside(target, target.file) if target.file else _claim(target.root, target.name)
        owner = Owner(folder, report if target.file is None else None)
    except OSError as error:
        _remove_empty(missing)
        raise DeliveryError(f"out: cannot write to {parent}: {error.strerror or error}") from error
    try:
        yield Workspace(folder, report, target.delivery or report / target.master, owner, target.shared)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        owner.release()
        _remove_empty([report, *missing] if report.exists() and not target.shared else missing)


def _beside(target: Target, file: Path) -> Path:
    return file if target.shared else file.with_name(f"{file.stem}{REPORT}")


def _claim(root: Path, name: str) -> Path:
    """Make the first free `root/name-N`: `mkdir` is atomic, so two runs never get the same one.

    An empty folder is later replaced by the finished one in a single rename.
    """
    number = 1
    while True:
        try:
            claimed = root / f"{name}-{number:03d}"
            claimed.mkdir()
        except FileExistsError:
            number += 1
            continue
        if not claimed.with_name(f"{claimed.name}{REJECTED}").exists():
            return claimed
        claimed.rmdir()
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
