"""One composed configuration, as plain data, with what Hydra knows of how it came about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from runner.instantiate import instantiate
from runner.progress import say
from stages.errors import ConfigError
from stages.models.registry import Asset

CONF = Path(__file__).resolve().parent.parent / "conf"
SAMPLE = "sample:"


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
        if str(given).startswith(SAMPLE):
            return self._sample(str(given).removeprefix(SAMPLE))
        return Path(str(given)).expanduser()

    def _sample(self, name: str) -> Path:
        media = {key: asset for key, asset in self.assets.items() if asset.kind == "medium"}
        if name not in media:
            raise ConfigError(f"clip: there is no sample {name!r} (known: {', '.join(sorted(media))})")
        asset = media[name]
        _say_once(f"{name}: {asset.licence}{f'; {asset.notes}' if asset.notes else ''}")
        return asset.fetch()


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
