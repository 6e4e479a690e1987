"""The identity library: a folder an identity, with what may be done with it and what is drawn of it.

    NAME/identity.json    who, consent, where every photo came from, its quality, SHA-256 of the other files
         consent.yaml     as it was given
         likeness.npz     the face at rest, textures, weights, poses, units, embeddings
         photos/001.png   the faces as they were cut out, and photos/landmarks.npy: (n, 478, 3) in their pixels

A folder is made aside and renamed into place, so that an identity is whole or not there.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from stages.errors import ConfigError
from stages.faces import layouts
from stages.faces.embed import Embedder
from stages.identity import archive
from stages.identity import consent as consents
from stages.identity.consent import Consent
from stages.identity.enrol import Enrolled
from stages.identity.likeness import Likeness
from stages.identity.photos import Shot
from stages.identity.sheet import sheet
from stages.media import decode, planes
from stages.packets import Floats, Frame

RECORD, CONSENT, LIKENESS, PHOTOS = "identity.json", "consent.yaml", "likeness.npz", "photos"
LANDMARKS: Final = "landmarks.npy"
FORMAT: Final = 1
"""Of the folder; a later program may refuse an older one."""
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


def default_folder() -> Path:
    """`GLABELLA_IDENTITIES`, else `glabella/identities` in the platform's folder for a user's data."""
    named = os.environ.get("GLABELLA_IDENTITIES")
    if named:
        return Path(named).expanduser()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "glabella" / "identities"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "glabella" / "identities"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "glabella" / "identities"


@dataclass(frozen=True, slots=True)
class Entry:
    """One identity as its record tells it. digest: SHA-256 of what is drawn of it."""

    name: str
    folder: Path
    record: Mapping[str, Any]

    @property
    def consent(self) -> Consent:
        """As it was given."""
        return consents.parsed(self.record["consent"])

    @property
    def digest(self) -> str:
        """SHA-256 of the likeness."""
        return str(self.record["sha256"][LIKENESS])

    def damage(self) -> str | None:
        """What is wrong with its files, or None; reads them all."""
        for name, digest in self.record["sha256"].items():
            try:
                found = _sha256(self.folder / name)
            except OSError as error:
                return f"{name} cannot be read ({error.strerror})"
            if found != digest:
                return f"{name} has changed since it was added"
        return None

    def vectors(self, embedder: Embedder) -> Floats:
        """(n, d) embeddings of its photos; computed from the photos where the embedder is not one it was added with.

        Raises:
            ConfigError: its files are missing or have changed.
        """
        known = [portrait.vectors.get(embedder.key) for portrait in self.likeness().portraits]
        if all(vector is not None for vector in known):
            return np.stack([vector for vector in known if vector is not None])
        return np.stack([embedder.vector(_frame(file), row) for file, row in self._photos()])

    def sheet(self) -> NDArray[np.uint8]:
        """(h, w, 3) RGB, see `stages.identity.sheet`.

        Raises:
            ConfigError: its files are missing or have changed.
        """
        return sheet(self.likeness(), [(planes.rgb8(_frame(file)), row) for file, row in self._photos()])

    def _photos(self) -> list[tuple[Path, Floats]]:
        """Every portrait's photo and its landmarks."""
        if fault := self.damage():
            raise ConfigError(f"identity: {self.name}: {fault}; restore {self.folder} from a backup, or add it again")
        marks = np.load(self.folder / PHOTOS / LANDMARKS, allow_pickle=False)
        return list(zip(sorted((self.folder / PHOTOS).glob("*.png")), marks, strict=True))

    def likeness(self) -> Likeness:
        """What is drawn of it.

        Raises:
            ConfigError: its file is missing or has changed.
        """
        file = self.folder / LIKENESS
        try:
            whole = _sha256(file) == self.digest
        except OSError:
            whole = False
        if not whole:
            raise ConfigError(
                f"identity: {self.name}'s {LIKENESS} is missing or damaged; restore {self.folder} from a backup, "
                f"or add it again: glabella identity add {self.name} PHOTOS --consent FILE --force"
            )
        return archive.read(file)


@dataclass(frozen=True, slots=True)
class Library:
    """All identities below a folder."""

    folder: Path

    @classmethod
    def at(cls, folder: str | Path | None) -> Library:
        """The library in `folder`, or in the default one."""
        return cls(Path(folder).expanduser() if folder else default_folder())

    def names(self) -> list[str]:
        """Of every identity, in order."""
        if not self.folder.is_dir():
            return []
        return sorted(path.parent.name for path in self.folder.glob(f"[!.]*/{RECORD}"))

    def entry(self, name: str) -> Entry:
        """One identity.

        Raises:
            ConfigError: there is none of this name, or its record cannot be read.
        """
        if name not in self.names():
            raise ConfigError(f"identity: there is no {name!r} in {self.folder}{self._known(name)}")
        folder = self.folder / name
        try:
            record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
            if record["format"] != FORMAT or LIKENESS not in record["sha256"]:
                raise KeyError("format")
            if consents.parsed(record["consent"]) != consents.read(folder / CONSENT):
                raise KeyError("consent")
        except (OSError, ValueError, KeyError, TypeError, ConfigError) as error:
            raise ConfigError(
                f"identity: the record of {name!r} is damaged; restore {folder} from a backup, or remove it"
            ) from error
        return Entry(name, folder, record)

    def add(self, name: str, made: Enrolled, consent: Path, *, force: bool = False) -> Entry:
        """Keep a likeness under a name.

        Raises:
            ConfigError: a name that cannot be used or is taken (unless `force`), a consent that is no good.
        """
        self.check_name(name, force=force)
        granted = consents.read(consent)
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with _aside(self.folder) as work:
            shutil.copyfile(consent, work / CONSENT)
            archive.write(work / LIKENESS, made.likeness)
            _write_photos(work / PHOTOS, made.shots)
            files = sorted(file for file in work.rglob("*") if file.is_file())
            record = {
                "format": FORMAT,
                "name": name,
                "added": datetime.now(UTC).isoformat(timespec="seconds"),
                "consent": granted.plain(),
                "photos": [_told(shot) for shot in made.shots],
                "sha256": {file.relative_to(work).as_posix(): _sha256(file) for file in files},
            }
            (work / RECORD).write_text(json.dumps(record, indent=1), encoding="utf-8")
            self._publish(work, self.folder / name)
        return self.entry(name)

    def check_name(self, name: str, *, force: bool = False) -> None:
        """Refuse a name that cannot be used, or is taken.

        Raises:
            ConfigError: it says why.
        """
        if not _NAME.fullmatch(name):
            raise ConfigError(f"identity: {name!r} is no name; use up to 63 of a-z, 0-9, - and _, such as ada_lovelace")
        if not force and (self.folder / name).exists():
            raise ConfigError(f"identity: there is a {name!r} in {self.folder} already; --force replaces it")

    def remove(self, name: str) -> None:
        """Delete an identity with all its files; one whose record is damaged too.

        Raises:
            ConfigError: there is none of this name.
        """
        if name not in self.names():
            raise ConfigError(f"identity: there is no {name!r} in {self.folder}{self._known(name)}")
        with _aside(self.folder) as work:
            os.replace(self.folder / name, work / "old")

    def _publish(self, made: Path, target: Path) -> None:
        with _aside(self.folder) as old:
            if target.exists():
                os.replace(target, old / "old")
            os.replace(made, target)

    def _known(self, name: str) -> str:
        names = self.names()
        if not names:
            return "; it is empty: glabella identity add NAME PHOTOS --consent FILE"
        near = get_close_matches(name, names, 1)
        return f" - did you mean {near[0]!r}?" if near else f" (known: {', '.join(names)})"


@contextmanager
def _aside(folder: Path) -> Iterator[Path]:
    """A hidden folder beside the identities; what is left in it is deleted."""
    work = Path(tempfile.mkdtemp(prefix=".", dir=folder))
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _write_photos(folder: Path, shots: Sequence[Shot]) -> None:
    folder.mkdir()
    marks = np.array([shot.landmarks for shot in shots], np.float32)
    np.save(folder / LANDMARKS, marks.reshape(-1, layouts.COUNT, 3))
    for number, shot in enumerate(shots, 1):
        coded = np.rint(np.clip(shot.picture, 0, 1) * 255).astype(np.uint8)
        (folder / f"{number:03d}.png").write_bytes(cv2.imencode(".png", coded[..., ::-1])[1].tobytes())


def _frame(file: Path) -> Frame:
    return next(decode.frames(decode.probe(file)))


def _told(shot: Shot) -> dict[str, Any]:
    picture = shot.look.picture
    return {
        "file": shot.source.name,
        "sha256": _sha256(shot.source),
        "frame": shot.frame,
        "pixels": round(shot.size),
        "yaw": round(float(shot.look.head.yaw), 1),
        "sharpness": round(picture.sharpness, 2),
        "light": round(picture.light, 2),
        "doubts": list(shot.doubts),
    }


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
