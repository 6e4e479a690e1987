"""A model that the user brings: a file of their own, used as it is, with no pinned hash."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from stages.errors import ConfigError, ModelError
from stages.models import cache


@dataclass(frozen=True, kw_only=True)
class OwnFile:
    """Stands where an `Asset` stands. what: the setting that names the file and the kind of file it is, for messages.

    path: `~` and `$NAME` are expanded. licence: as its owner gave it; it is written into every report. commercial:
    whether that allows commercial use.
    """

    what: str
    path: str | None
    licence: str = "not stated"
    commercial: bool = False

    @property
    def name(self) -> str:
        """The file's name, without its ending."""
        return self._file().stem

    @property
    def sha256(self) -> str:
        """Of the file as it is now."""
        return cache.digest(self.fetch())

    @property
    def file_sha256(self) -> str:
        """The same: nothing is converted."""
        return self.sha256

    def fetch(self, offline: bool | None = None) -> Path:
        """The file.

        Raises:
            ConfigError: none is named.
            ModelError: it is not there.
        """
        file = self._file()
        if not file.is_file():
            raise ModelError(f"{self.what}: there is no file {file}; put the model there, or name where it is")
        return file

    def _file(self) -> Path:
        if not self.path:
            setting = self.what.split()[0]
            raise ConfigError(f"{self.what}: not named; say where your file is, as in {setting}=~/models/model.onnx")
        return Path(os.path.expandvars(self.path)).expanduser()
