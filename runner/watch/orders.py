"""How a clip is to be rendered: what its folders and its sidecar say, as overrides."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from runner.instantiate import did_you_mean
from runner.overrides import escaped
from stages.errors import ConfigError

_GROUPS: Final = ("production", "gain")
_OURS: Final = frozenset(
    {"clip", "out", "outputs", "overwrite", "inbox", "outbox", "watch", "tracking", "cache", "hydra", "assets", "quiet"}
)
_KEY: Final = re.compile(r"\w[\w.-]*")
_WORD: Final = re.compile(r"[a-z][a-z0-9_]*")  # an option of a group, such as `subtle`
_LARGEST: Final = 64 * 1024


@dataclass(frozen=True)
class Names:
    """What folders may be called. productions, gains: options of these groups."""

    productions: Sequence[str]
    gains: Sequence[str]

    @property
    def named(self) -> frozenset[str]:
        """All of them."""
        return frozenset({*self.productions, *self.gains})


@dataclass(frozen=True)
class Order:
    """production, gain: names, empty where the folders say nothing. words: everything as overrides."""

    production: str = ""
    gain: str = ""
    words: tuple[str, ...] = ()


def order(levels: Sequence[str], known: Names, sidecar: Path | None = None) -> Order:
    """What `inbox/<production>/<gain>/` and the sidecar ask for; either folder may be left out.

    Raises:
        ConfigError: a folder that is neither, folders too deep, a sidecar that says what it must not.
    """
    production, gain = _named(levels, known)
    words = [f"{group}={name}" for group, name in zip(_GROUPS, (production, gain), strict=True) if name]
    return Order(production, gain, (*words, *(read(sidecar) if sidecar else ())))


def _named(levels: Sequence[str], known: Names) -> tuple[str, str]:
    if len(levels) > 2:
        raise ConfigError(f"folder {'/'.join(levels)!r}: too deep; clips lie in inbox/<production>/<gain>/")
    if len(levels) == 2:
        return _one(levels[0], known.productions, "production"), _one(levels[1], known.gains, "gain")
    if not levels:
        return "", ""
    if levels[0] in known.productions:
        return levels[0], ""
    if levels[0] in known.gains:
        return "", levels[0]
    near = did_you_mean(levels[0], [*known.productions, *known.gains])
    names = f"productions: {', '.join(known.productions)}; gains: {', '.join(known.gains)}"
    raise ConfigError(f"folder {levels[0]!r}: neither a production nor a gain profile{_hint(near)} ({names})")


def _one(name: str, options: Sequence[str], group: str) -> str:
    if name not in options:
        near = _hint(did_you_mean(name, options))
        raise ConfigError(f"folder {name!r}: there is no such {group}{near} (there are {', '.join(options)})")
    return name


def _hint(near: str) -> str:
    return near if near.startswith(" - ") else ""


def read(sidecar: Path) -> tuple[str, ...]:
    """A sidecar's settings as overrides.

    Raises:
        ConfigError: it is no YAML, or holds more than plain values: a target, an interpolation, a path that leads out.
    """
    try:
        if sidecar.is_symlink() or sidecar.stat().st_size > _LARGEST:
            raise ConfigError(f"{sidecar.name}: a sidecar is a plain file of at most {_LARGEST // 1024} kB")
        tree = yaml.safe_load(sidecar.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        reason = " ".join(str(error).split())[:160]
        raise ConfigError(f"{sidecar.name}: not readable as YAML ({reason})") from error
    if tree is None:
        return ()
    if not isinstance(tree, Mapping):
        raise ConfigError(f"{sidecar.name}: must map settings to values, such as `gain: subtle`")
    return tuple(_words(tree, "", sidecar.name))


def _words(tree: Mapping[Any, Any], at: str, name: str) -> Iterator[str]:
    for key, value in tree.items():
        if not _KEY.fullmatch(str(key)) or str(key).startswith("_"):
            raise ConfigError(f"{name}: {at}{key}: a sidecar sets plain values only")
        if not at and str(key).partition(".")[0] in _OURS:
            raise ConfigError(f"{name}: {key}: is the watcher's to say, not a sidecar's")
        if isinstance(value, Mapping):
            yield from _words(value, f"{at}{key}.", name)
        else:
            yield f"{at}{key}={_literal(value, f'{at}{key}', name)}"


def _literal(value: Any, key: str, name: str) -> str:
    if isinstance(value, list):
        return f"[{','.join(_literal(item, key, name) for item in value)}]"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int | float):
        return str(value)
    if not isinstance(value, str):
        raise ConfigError(f"{name}: {key}: {value!r} is no plain value; put times and dates in quotes")
    if "${" in value:
        raise ConfigError(f"{name}: {key}: an interpolation is no plain value")
    if (
        value.startswith(("/", "~", "\\"))
        or ".." in Path(value).parts
        or "://" in value
        or re.match(r"\w:[\\/]", value)
    ):
        raise ConfigError(f"{name}: {key}: {value!r} leads out of the production's folders")
    return value if _WORD.fullmatch(value) and value not in ("true", "false", "null") else escaped(value)
