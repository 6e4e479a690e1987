"""One composed configuration, as plain data, with what Hydra knows of how it came about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from runner.instantiate import did_you_mean, instantiate
from runner.progress import say
from stages.errors import ConfigError
from stages.models.registry import Asset

CONF = Path(__file__).resolve().parent.parent / "conf"
SAMPLE = "sample:"
_PIPELINE = {"graph", "report"}  # what a file of the pipeline group sets
_SECTIONS = ("graph", "cache", "analyse", "bench", "eval", "gallery", "decode", "tracking", "assets", "sweep", "chunks")


@dataclass(frozen=True)
class Settings:
    """A resolved job configuration.

    values: the whole tree as dicts and lists. choices: which file each group came from. overrides: what was typed.
    changed: settings that differ from the preset's, as dotted key -> (preset's value, this value).
    """

    values: Mapping[str, Any]
    choices: Mapping[str, str | None] = field(default_factory=dict)
    overrides: tuple[str, ...] = ()
    changed: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)

    def __getitem__(self, key: str) -> Any:
        return self.values[key]

    def stage(self, key: str) -> Any:
        """Instantiate the group `key`."""
        return instantiate(self.values[key], key)

    @property
    def assets(self) -> dict[str, Asset]:
        """The registry, by name."""
        return dict(self.stage("assets"))

    def clip_path(self) -> Path:
        """The clip to work on; `sample:NAME` fetches one from the registry.

        Raises:
            ConfigError: no clip was named.
        """
        given = self.values.get("clip")
        if not given:
            raise ConfigError("clip: say which one, such as clip=take3.mov or clip=sample:talking_woman_strong")
        return self.located(str(given))

    def located(self, given: str) -> Path:
        """A path as it was typed; `sample:NAME` fetches one from the registry.

        Raises:
            ConfigError: there is no such sample.
        """
        if given.startswith(SAMPLE):
            return self._sample(given.removeprefix(SAMPLE))
        return Path(given).expanduser()

    def _sample(self, name: str) -> Path:
        media = {key: asset for key, asset in self.assets.items() if asset.kind == "medium"}
        if name not in media:
            raise ConfigError(f"clip: there is no sample {name!r} (known: {', '.join(sorted(media))})")
        asset = media[name]
        _say_once(f"{name}: {asset.licence}{f'; {asset.notes}' if asset.notes else ''}")
        return asset.fetch()


def check_values(values: Mapping[str, Any], written: str, groups: Iterable[str]) -> None:
    """Refuse a top-level setting that nothing reads, and one of the wrong kind; `written` is the unresolved YAML.

    Raises:
        ConfigError: the first such setting, with the nearest name.
    """
    known = yaml.safe_load((CONF / "config.yaml").read_text()).keys() | set(groups) | _PIPELINE
    if values.get("production"):
        keys = ", ".join(map(str, values["production"]))
        raise ConfigError(f"production.{keys}: nothing reads it; let the file begin with `# @package _global_`")
    for key in values.keys() - known:
        if f"${{{key}" not in written:
            raise ConfigError(f"{key}: there is no such setting{did_you_mean(key, known)[:200]}")
    for key in _SECTIONS:
        if not isinstance(values.get(key), Mapping):
            raise ConfigError(f"{key}: must hold settings of its own, not {values.get(key)!r}")
    if not isinstance(values.get("report"), Mapping | None):
        raise ConfigError(f"report: must map names to wires, not {values['report']!r}")
    _check_cache(values["cache"])
    for key in ("overwrite", "quiet", "mermaid"):
        if not isinstance(values[key], bool):
            raise ConfigError(f"{key}: must be true or false, not {values[key]!r}")
    if type(values["workers"]) is not int or values["workers"] < 1:
        raise ConfigError(f"workers: must be a whole number from 1, not {values['workers']!r}")


def _check_cache(values: Mapping[str, Any]) -> None:
    enabled, limit = values.get("enabled"), values.get("limit_gb")
    if not isinstance(enabled, bool):
        raise ConfigError(f"cache.enabled: must be true or false, not {enabled!r}")
    if not isinstance(limit, int | float) or isinstance(limit, bool) or not limit >= 0:
        raise ConfigError(f"cache.limit_gb: must be a number of gigabytes from 0, not {limit!r}")


@cache
def _say_once(line: str) -> None:
    say(line)


def flatten(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """`{"a": {"b": 1}}` -> `{"a.b": 1}`."""
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        name = f"{prefix}{key}"
        flat |= flatten(value, f"{name}.") if isinstance(value, Mapping) and value else {name: value}
    return flat


def difference(base: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Dotted keys whose values differ, as (in base, in other); None where a key is missing."""
    left, right = flatten(base), flatten(other)
    keys = sorted(left.keys() | right.keys())
    return {k: (left.get(k), right.get(k)) for k in keys if left.get(k) != right.get(k)}
