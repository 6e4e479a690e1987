"""What people type before Hydra sees it, and what Hydra says turned into one line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import fields
from glob import glob
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob, IntervalSweep

from runner.instantiate import did_you_mean
from runner.settings import CONF
from stages.errors import ConfigError
from stages.expression.gain import Gain

_PROFILE = "|".join(field.name for field in fields(Gain))
_OPEN = re.compile(rf"^(gain\.({_PROFILE})|encode\.options|watch\.priority)(\.[^=]+)?=")
_BEFORE_QUOTE = re.compile(r"(\\+)(?='|$)")  # Hydra reads a backslash as one except there
_INTERPOLATION = re.compile(r"(\\*)\$\{")  # OmegaConf reads a backslash as one except there
_FLAGS_WITH_VALUE = (
    "--config-dir",
    "-cd",
    "--config-name",
    "-cn",
    "--config-path",
    "-cp",
    "--package",
    "-p",
    "--cfg",
    "-c",
)


def opened(words: Sequence[str]) -> list[str]:
    """`gain.blinks.rate=12` and `encode.options={g: 24}` may name keys that the file lacks: say so (`++`).

    `+search=gains` may be written without its plus, as every other group.
    """
    return [f"++{word}" if _OPEN.match(word) else re.sub(r"^\+search=", "search=", word) for word in words]


def literal(words: Sequence[str]) -> list[str]:
    """Quote the values of `clip=` and `out=`: clip names may hold `(`, `=`, `,`, `${` and spaces.

    Raises:
        ConfigError: `clip=glob(...)` that no file matches.
    """
    return [_quoted(word) if word.startswith(("clip=", "out=")) else word for word in map(_globbed, words)]


def listed(value: Any) -> str:
    """The values of an axis, given in a file, as they would be typed: `[0.5, 1]` is `choice(0.5,1)`; text stays."""
    if not isinstance(value, list | tuple):
        return str(value)
    return f"choice({','.join(escaped(one) if isinstance(one, str) else json.dumps(one) for one in value)})"


def _globbed(word: str) -> str:
    """`clip=glob(shot*.mov)` as a choice of files: Hydra's own `glob` knows options of groups alone."""
    found = re.fullmatch(r"clip=glob\((['\"]?)(.*)\1\)", word, re.DOTALL)
    if found is None:
        return word
    files = sorted(glob(str(Path(found[2]).expanduser())))
    if not files:
        raise ConfigError(f"clip: no file matches {found[2]!r}; check the pattern")
    return f"clip=choice({','.join(escaped(file) for file in files)})"


def _quoted(word: str) -> str:
    key, _, value = word.partition("=")
    typed = value[:1] in "'\"" or value.startswith("choice(")
    plain = typed or re.fullmatch(r"[\w./:@%+-]*", value, re.ASCII)
    return word if plain else f"{key}={escaped(value)}"


def escaped(value: str) -> str:
    """In quotes that Hydra and OmegaConf take off again."""
    value = _INTERPOLATION.sub(r"\1\1\\${", value)
    value = _BEFORE_QUOTE.sub(r"\1\1", value).replace("'", "\\'")
    return f"'{value}'"


def flags_first(words: Sequence[str]) -> list[str]:
    """Flags with their values before overrides: argparse gives up on overrides that stand on both sides of a flag."""
    flags, overrides = parted(words)
    return flags + overrides


def parted(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Flags with their values, and overrides."""
    pairs = list(zip(["", *words], words, strict=False))
    flag = [word.startswith("-") or before in _FLAGS_WITH_VALUE for before, word in pairs]
    both = list(zip(words, flag, strict=True))
    return [w for w, is_flag in both if is_flag], [w for w, is_flag in both if not is_flag]


def sweeping(words: Sequence[str]) -> bool:
    """True for a sweep that is to be run: `-m`, or a search that declares axes."""
    searched = any(re.match(r"\+?search=(?!(null|~)?$)", word) for word in words)
    told = any(word.partition("=")[0] in _TELLING for word in words)
    return not told and (searched or any(word in _SWEEP for word in words))


def unswept(words: Sequence[str]) -> list[str]:
    """One job of a sweep, from which its common settings are read: every axis at its first value.

    An axis `glob(...)` is left out: its options are known only inside a Hydra application.

    Raises:
        HydraException: a word that Hydra cannot read.
    """
    return [first for word in words if (first := _first(word)) is not None]


def _first(word: str) -> str | None:
    override = OverridesParser.create().parse_override(word)
    if not override.is_sweep_override():
        return word
    key, value = override.get_key_element(), override.value()
    if isinstance(value, IntervalSweep):
        return f"{key}={value.start}"
    if isinstance(value, Glob):
        return None
    return f"{key}={next(iter(override.sweep_string_iterator()))}"


def check_flags(words: Sequence[str]) -> None:
    """Refuse a flag that Hydra has not, in one line.

    Raises:
        ConfigError: names the nearest one.
    """
    for word in words:
        name = word.partition("=")[0]
        if name.startswith("-") and name not in _FLAGS:
            raise ConfigError(f"there is no flag {name!r}{did_you_mean(name, _FLAGS)}; settings are written key=value")


def shadowed(words: Sequence[str]) -> list[str]:
    """Files of a `--config-dir` that share a shipped name: the shipped one wins, so their owner should know."""
    folders = [words[i + 1] for i, word in enumerate(words[:-1]) if word in ("--config-dir", "-cd")]
    folders += [word.partition("=")[2] for word in words if word.startswith("--config-dir=")]
    found = (file.relative_to(folder) for folder in map(Path, folders) for file in Path(folder).rglob("*.yaml"))
    shipped = sorted(file for file in found if (CONF / file).exists())
    return [f"{file}: the shipped file of that name is used; give yours another name" for file in shipped]


def explain(error: BaseException, known: Iterable[str]) -> ConfigError:
    """Hydra's, OmegaConf's and YAML's errors, as one line with the nearest name."""
    text = str(error)
    for pattern, say in _PATTERNS:
        match = re.search(pattern, text, re.DOTALL)
        if match:
            return ConfigError(say(match, list(known)))
    return ConfigError(" ".join(text.split())[:300] or type(error).__name__)


def _no_key(match: re.Match[str], known: list[str]) -> str:
    key = match.group(1)
    depth = key.count(".")
    siblings = [k for k in known if k.count(".") == depth]
    return f"{key}: there is no such setting{did_you_mean(key, siblings or known)[:200]}"


def _no_option(match: re.Match[str], known: list[str]) -> str:
    group, _, option = match.group(1).rpartition("/")
    options = match.group(2).split()
    return f"{group}={option}: there is no such option{did_you_mean(option, options)}"


def _no_group(match: re.Match[str], known: list[str]) -> str:
    return f"{match.group(1)}: there is no such group or setting{did_you_mean(match.group(1), known)[:200]}"


def _unreadable(match: re.Match[str], known: list[str]) -> str:
    return f"cannot read the override: {' '.join(match.group(0).split())[:160]}"


_FLAGS = {*_FLAGS_WITH_VALUE, "--help", "-h", "--hydra-help", "--version", "--cfg", "-c", "--resolve", "--run", "-r"}
_FLAGS |= {"--multirun", "-m", "--shell-completion", "-sc", "--info", "-i", "--experimental-rerun"}
_SWEEP = ("--multirun", "-m")
_TELLING = ("--help", "-h", "--hydra-help", "--version", "--cfg", "-c", "--info", "-i", "--shell-completion", "-sc")
_GRAMMAR = "LexerNoViable|mismatched input|no viable alternative|extraneous input|token recognition|missing EQUAL"
_PATTERNS = (
    (r"Could not override '([^']+)'", _no_key),
    (r"Could not find '([^']+)'\s+Available options in '[^']*':\s*(.*?)\s*(?:Config search path|$)", _no_option),
    (r"In '[^']+': Could not find '([^']+)'()", _no_option),
    (r"No match in the defaults list for '([^']+)'", _no_group),
    (r"In '[^']+': Could not load '([^']+)'", lambda match, known: f"{match.group(1)}: there is no such file"),
    (r"Config group override must be a string", lambda match, known: "a group takes the name of an option, not null"),
    (r"maximum recursion depth", lambda match, known: "a file's defaults list names the file itself"),
    (r"'utf-8' codec can't decode", lambda match, known: "a configuration file is not UTF-8 text; save it as UTF-8"),
    (rf"(?:{_GRAMMAR}).*", _unreadable),
)
