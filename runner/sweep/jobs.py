"""From what was typed to the runs of a sweep: axes, settings of each run, what identifies it, and its name."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override

from runner.analysis import source_hash, wire_keys
from runner.compose import HYDRA_ERRORS, composed, loader
from runner.overrides import explain, listed, literal, opened
from runner.settings import SAMPLE, Settings
from runner.shot import open_shot
from runner.sweep.strategies import Words, name

_FREE = {"out", "outputs", "overwrite", "workers", "quiet", "mermaid", "tracking", "cache"}
_FREE |= {"clip", "sweep", "analyse", "bench", "eval", "assets"}
_LONGEST: Final = 80  # characters of a name


@dataclass(frozen=True, slots=True, kw_only=True)
class Axes:
    """What varies (`swept`) and what every run has in common (`fixed`)."""

    swept: tuple[Override, ...]
    fixed: Words

    @property
    def written(self) -> dict[str, str]:
        """Setting -> its values, as they were given."""
        return {name(axis): (axis.input_line or "").partition("=")[2] for axis in self.swept}


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A run of a sweep that may start.

    words: its axes' words. key: what identifies it, of content, settings and code. measures: key of what it measures,
    empty if nothing is shared. suffix: of its delivery.
    """

    words: Words
    settings: Settings
    key: str
    measures: str
    suffix: str
    sha256: str


def axes(words: Sequence[str], declared: Mapping[str, Any]) -> Axes:
    """Those that a search file declares, then those that were typed, which win.

    Raises:
        HydraException: a word that Hydra cannot read.
    """
    typed = {word.partition("=")[0].lstrip("+~") for word in words}
    more = [f"{key}={listed(value)}" for key, value in declared.items() if key not in typed]
    parsed = OverridesParser.create(config_loader=loader()).parse_overrides([*opened(literal(more)), *words])
    swept = tuple(one for one in parsed if one.is_sweep_override())
    return Axes(swept=swept, fixed=tuple(str(one.input_line) for one in parsed if not one.is_sweep_override()))


def job(axes: Axes, words: Words) -> Job:
    """Compose and check one run.

    Raises:
        GlabellaError: anything that would stop it later.
    """
    try:
        settings = composed([*axes.fixed, *words])
    except HYDRA_ERRORS as error:
        raise explain(error, ()) from error
    shot = open_shot(replace(settings, values={**settings.values, "out": None}))
    keys = wire_keys(shot.graph, shot.clip_sha256, settings["decode"])
    kept = [keys[node.name] for node in shot.plan.measure if node.name in shot.plan.kept]
    return Job(
        words=words,
        settings=settings,
        key=identity(words, common(settings), shot.clip_sha256),
        measures=identity(kept) if kept and settings["cache"]["enabled"] else "",
        suffix=shot.suffix,
        sha256=shot.clip_sha256,
    )


def common(settings: Settings) -> dict[str, Any]:
    """The settings that decide what a run looks like; the clip counts by its content."""
    return {key: value for key, value in settings.values.items() if key not in _FREE}


def identity(*values: Any) -> str:
    """A hash over plain values and the code that makes pictures."""
    return hashlib.sha256(json.dumps([*values, source_hash()], default=str).encode()).hexdigest()


def values(words: Words) -> dict[str, Any]:
    """Setting -> value of one run."""
    return {name(one): one.value() for one in OverridesParser.create().parse_overrides(list(words))}


def label(words: Words) -> str:
    """One run in a few words: `subtle · AU12 0.75`."""
    return " · ".join(_short(key, value) for key, value in values(words).items()) or "as it is"


def _short(key: str, value: Any) -> str:
    text = f"{value:g}" if isinstance(value, float) else str(value)
    if key == "clip":
        return Path(text.removeprefix(SAMPLE)).stem
    return text if "." not in key and "/" not in key else f"{re.split('[./]', key)[-1]} {text}"


def file_name(number: int, words: Words, suffix: str) -> str:
    """`003-subtle-AU12-0.75.mp4`: unlike any other of the sweep by its number."""
    plain = plain_name(label(words))
    return f"{number:03d}-{plain}{suffix}" if suffix else f"{number:03d}-{plain}".replace(".", "_")


def plain_name(text: str) -> str:
    """Fit for a file's name on any disk."""
    return re.sub(r"[^\w.+]+", "-", text).strip("-._")[:_LONGEST] or "run"
