"""Where a run writes, and how it publishes: everything is made in a hidden work folder and renamed when it is whole."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import uuid4

from runner.beside import REJECTED, REPORT, report_name
from runner.chunks import STATE
from runner.disk import why
from runner.ownership import PREFIX, Owner, claims, remove_empty, sweep, under_way
from runner.progress import say
from stages.errors import ClipError, ConfigError, DeliveryError
from stages.media.images import one_line

_KEY: Final = 16


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

    def reports(self, name: str) -> Path:
        """The folder for the report, of that name where it is not one that is shared."""
        if self.file is None:
            return self.root / name
        return self.file if self.shared else self.file.with_name(name)

    def settled(self, report: str | None) -> bool:
        """Whether the delivery was published or rejected. report: name of the folder for the report."""
        folder = self.reports(str(report))
        rejected = folder.with_name(f"{folder.name.removesuffix(REPORT)}{REJECTED}")
        return (self.delivery or folder / self.master).exists() or rejected.exists()

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
        if not self._being_published:
            self._check_new(file)

    def _check_new(self, file: Path) -> None:
        if file.exists() and not self.overwrite:
            raise ConfigError(f"out: {file} exists; name another file or add overwrite=true")

    @property
    def _being_published(self) -> bool:
        """What is there is a killed run's, who had no time to finish."""
        return any(claim.made and self.file and claim.out == self.file.name for _, claim in claims(self.parent))

    def check_free(self, folder: Path) -> None:
        """Refuse what came into being since `check`, or was published by a run other than that of the work `folder`.

        Raises:
            ConfigError: the delivery is there.
        """
        if self.file is not None and not self.shared and not folder.exists():
            self._check_new(self.file)

    def _check_folder(self, folder: Path) -> None:
        if folder.exists() and not folder.is_dir():
            raise ConfigError(f"out: {folder} is a file; name a folder, such as out={folder.with_suffix('')}.analysis")
        there = [name for name in self.names if (folder / name).exists()]
        if there and not self.overwrite and not self._being_published:
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
    def made(self) -> Path | None:
        """The finished master, if a run that was killed had begun to publish it: nothing else is left to do."""
        return self.folder / self.owner.claim.made if self.owner.claim.made else None

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
            self._settle(made)
            if self.folder.exists():
                self._name_master(made)
                shutil.rmtree(self.rejected, ignore_errors=True)
                self.folder.rename(self.rejected)
        except OSError as error:
            raise DeliveryError(f"out: cannot write {self.rejected}: {why(error)}") from error

    def _settle(self, made: Path) -> None:
        """Note that all is made, and make the work folder one like any other."""
        self.owner.note(made=made.name)
        if self.folder.exists():
            for hidden in self.folder.glob(".*/"):  # spools, chunks and journals were for the run alone
                shutil.rmtree(hidden)
            self.folder.chmod(0o777 & ~_umask())

    def _name_master(self, made: Path) -> None:
        if made.exists():
            made.rename(self.folder / self.delivery.name)

    def publish(self, made: Path) -> None:
        """Give the finished master `made` and the work folder their final names, each in one rename.

        Into a folder that is there already, file by file, the master last. Killed at any point, it can be done again.

        Raises:
            DeliveryError: a rename failed.
        """
        try:
            self._settle(made)
            if self.folder.exists():
                self._publish(made)
        except OSError as error:
            raise DeliveryError(f"out: cannot publish {self.delivery}: {why(error)}") from error

    def _publish(self, made: Path) -> None:
        if self.delivery.parent == self.report:
            self._name_master(made)
        else:
            if made.exists():
                os.replace(made, self.delivery)
            shutil.rmtree(self.report, ignore_errors=True)
        if self.shared:
            self._share()
        else:
            shutil.rmtree(self.rejected, ignore_errors=True)
            self.folder.rename(self.report)

    def _share(self) -> None:
        try:
            self.folder.rename(self.report)
        except OSError:  # it holds other files
            for path in sorted(self.folder.iterdir(), key=lambda path: path.name == self.delivery.name):
                os.replace(path, self.report / path.name)
            self.folder.rmdir()


@contextmanager
def workspace(target: Target, key: str | None = None, days: float = 7) -> Iterator[Workspace]:
    """Claim a place for the delivery and a work folder beside it; what was not published is gone afterwards.

    With a `key`, which says what exactly is made, a run that was stopped or killed leaves what it had finished, for
    `days`, and the next run with the same key finds it. What killed runs left beyond that is swept up first.

    Raises:
        DeliveryError: the folder cannot be made or written, or a live run with the same key works in it.
        ConfigError: the delivery has come into being since `target` was checked.
    """
    parent = target.parent.absolute()
    folder = parent / f"{PREFIX}{key or uuid4().hex[:_KEY]}"
    missing = [p for p in (parent, *parent.parents) if not p.exists()]
    try:
        parent.mkdir(parents=True, exist_ok=True)
        sweep(parent, folder)
        owner = Owner(folder, target.file.name if target.file else None, days if key else 0)
    except OSError as error:
        remove_empty(missing)
        raise DeliveryError(f"out: cannot write to {parent}: {why(error)}") from error
    kept = False
    try:
        with writing(parent):
            place = _place(target, folder, owner)
        yield place
    except BaseException as error:
        worth = owner.claim.made or (folder / STATE).exists()
        kept = bool(key and worth) and not isinstance(error, ClipError | ConfigError)
        raise
    finally:
        _leave(target, folder, owner, missing, kept)


@contextmanager
def writing(parent: Path) -> Iterator[None]:
    """What cannot be made in `parent` is one line."""
    try:
        yield
    except OSError as error:
        raise DeliveryError(f"out: cannot write to {parent}: {why(error)}") from error


def _place(target: Target, folder: Path, owner: Owner) -> Workspace:
    """The work folder, new or left by a killed run, and the place for the report."""
    if owner.claim.made and not folder.exists() and not target.settled(owner.claim.report):
        owner.start_over()
    if owner.claim.made is None:
        if target.file and not target.shared and (process := under_way(folder.parent, target.file.name, folder)):
            raise DeliveryError(
                f"out: {target.file} is being made by process {process}; wait for it, or name another file"
            )
        target.check_free(folder)
        folder.mkdir(mode=0o700, exist_ok=True)
    if target.file and not target.shared and owner.claim.report is None:  # noted for the run that goes on
        others = {claim.out for _, claim in claims(folder.parent) if claim.out}
        owner.note(report=report_name(target.file, others))
    report = target.reports(str(owner.claim.report)) if target.file else _claim(target.root, target.name, owner)
    return Workspace(folder, report, target.delivery or report / target.master, owner, target.shared)


def _leave(target: Target, folder: Path, owner: Owner, missing: list[Path], kept: bool) -> None:
    """Nothing, or what the next run goes on with."""
    if target.file is None and owner.claim.report:
        remove_empty([target.root / owner.claim.report])
    if kept:
        say("what is finished is kept; the same command goes on there")
        owner.release()
        return
    shutil.rmtree(folder, ignore_errors=True)
    owner.forget()
    remove_empty(missing)


def _claim(root: Path, name: str, owner: Owner) -> Path:
    """Make the first free `root/name-N`, or take the one that a killed run had: two runs never get the same.

    An empty folder is later replaced by the finished one in a single rename. It is noted before it is made, so that
    none is left that nobody knows of.
    """
    had, number = owner.claim.report, 1
    others = {claim.report for folder, claim in claims(root) if claim.pid != owner.claim.pid}
    if had and (owner.claim.made or (had not in others and _is_free(root / had))):
        (root / had).mkdir(exist_ok=True)
        return root / had
    while True:
        claimed = root / f"{name}-{number:03d}"
        if not claimed.exists() and not claimed.with_name(f"{claimed.name}{REJECTED}").exists():
            owner.note(report=claimed.name)
            with suppress(FileExistsError):
                claimed.mkdir()
                return claimed
        number += 1


def _is_free(folder: Path) -> bool:
    return not folder.exists() or (folder.is_dir() and not any(folder.iterdir()))


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
