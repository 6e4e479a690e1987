"""The settings of jobs: composed once for all clips that ask for the same, until a configuration file changes."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from runner.compose import HYDRA_ERRORS, composed, stamp
from runner.overrides import escaped, explain, literal, opened
from runner.settings import Settings

OURS: Final = ("inbox", "outbox", "watch", "clip", "out", "outputs", "tracking", "quiet")
"""Settings that the watcher says, nobody else."""
_NOT_OF_A_JOB: Final = frozenset(
    {*OURS, "cache", "workers", "overwrite", "bench", "eval", "gallery", "sweep", "mermaid"}
)
_CLIP, _OUTPUTS = "/glabella-clip-of-a-job", "/glabella-outputs-of-a-job"  # stand for what only the job knows
_FRESH_S: Final = 1.0  # for so long files are not looked at again
_KEPT: Final = 64  # ways to render, of which the settings are remembered


@dataclass(frozen=True)
class Recipe:
    """How clips are rendered. fingerprint: a hash of all settings that change what comes out."""

    settings: Settings
    fingerprint: str

    def of(self, clip: Path, outputs: Path) -> Settings:
        """The settings of one job."""
        known = {_CLIP: str(clip), _OUTPUTS: str(outputs)}
        values: Any = _told(self.settings.values, known)
        return replace(self.settings, values=values, overrides=tuple(_told(self.settings.overrides, known)))


class Composer:
    """Makes recipes. words: settings of every job as typed. Works inside a Hydra application."""

    def __init__(self, words: Sequence[str]) -> None:
        self._words = tuple(words)
        self._remembered = lru_cache(_KEPT)(self._compose)
        self._stamp, self._stamped = "", -_FRESH_S

    def recipe(self, words: Sequence[str]) -> Recipe:
        """Of clips that ask for `words` beyond what every job asks for.

        Raises:
            GlabellaError: the settings are wrong.
        """
        if (now := time.monotonic()) >= self._stamped + _FRESH_S:
            self._stamp, self._stamped = stamp(), now
        return self._remembered(tuple(words), self._stamp)

    def _compose(self, words: tuple[str, ...], _: str) -> Recipe:
        ours = (f"clip={escaped(_CLIP)}", f"outputs={escaped(_OUTPUTS)}", "tracking=off", "quiet=true")
        try:
            settings = composed(opened(literal([*self._words, *words, *ours])))
        except HYDRA_ERRORS as error:
            raise explain(error, ()) from error
        told = {key: value for key, value in settings.values.items() if key not in _NOT_OF_A_JOB}
        return Recipe(settings, hashlib.sha256(json.dumps(told, default=str).encode()).hexdigest())


def _told(value: Any, known: dict[str, str]) -> Any:
    """With the stand-ins replaced, wherever an interpolation has carried them."""
    if isinstance(value, dict):
        return {key: _told(one, known) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_told(one, known) for one in value]
    if isinstance(value, str):
        for stand_in, real in known.items():
            value = value.replace(stand_in, real)
    return value
