"""Where a run stands: what is finished, chunk by chunk, so that a run that was killed goes on there.

A pass ends a chunk every so many frames. Then its spools are on disk, its ordered stages are saved, and a journal in
the work folder says so; whatever came later is thrown away when the next run goes on.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from runner.spool import Mark
from stages.errors import ConfigError
from stages.frozen import freeze, thaw

STATE: Final = ".state"
"""Folder of a run's work folder that its journals lie in."""

_DIGEST: Final = 16


@dataclass(frozen=True, kw_only=True)
class Chunks:
    """frames: of a chunk, from 1; None does everything in one go, and nothing of a killed run is kept.

    keep_days: how long what a killed run had finished is kept, for the same command to go on.
    """

    frames: int | None = 240
    keep_days: float = 7.0

    def __post_init__(self) -> None:
        if self.frames is not None and (type(self.frames) is not int or self.frames < 1):
            raise ConfigError(f"chunks.frames: must be a whole number from 1, or null, not {self.frames!r}")
        if not self.keep_days >= 0:
            raise ConfigError(f"chunks.keep_days: must be 0 days or more, not {self.keep_days!r}")


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How far a pass has come, in whole chunks.

    frames, seconds, stage_seconds: as in `PassResult`, so far. states: what ordered stages are restored from, by node.
    spools: how far those of the kept wires are written, by node. ended: there are no more frames.
    """

    frames: int = 0
    seconds: float = 0.0
    stage_seconds: dict[str, float] = field(default_factory=dict)
    states: dict[str, bytes] = field(default_factory=dict)
    spools: dict[str, Mark] = field(default_factory=dict)
    ended: bool = False


class Journal:
    """One file that holds the latest standing of a pass, or any plain value; it is whole or not there."""

    def __init__(self, folder: Path, name: str) -> None:
        self._path = folder / STATE / name

    def write(self, standing: Standing) -> None:
        """Replace what is there."""
        self.keep(asdict(standing))

    def read(self) -> Standing | None:
        """The latest standing; None if there is none, or a damaged one."""
        found = self.kept()
        return Standing(**found) if isinstance(found, dict) else None

    def keep(self, value: object) -> None:
        """As `write`, any plain value."""
        data = freeze(value)
        self._path.parent.mkdir(exist_ok=True)
        part = self._path.with_suffix(".part")
        with part.open("wb") as file:
            file.write(hashlib.blake2b(data, digest_size=_DIGEST).digest() + data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(self._path)

    def kept(self) -> object:
        """As `read`, what `keep` was given."""
        try:
            found = self._path.read_bytes()
        except FileNotFoundError:
            return None
        digest, data = found[:_DIGEST], found[_DIGEST:]
        return thaw(data) if hashlib.blake2b(data, digest_size=_DIGEST).digest() == digest else None

    def forget(self) -> None:
        """There is nothing to go on from."""
        self._path.unlink(missing_ok=True)
