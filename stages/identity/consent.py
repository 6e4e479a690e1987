"""Consent: who allowed what with their face, until when, and where the signed paper lies.

Nothing is rendered with a face whose owner did not agree. The record is a small YAML file of plain values:

    who: Ada Lovelace                   # whose face it is
    granted_by: Ada Lovelace            # who signed: the person, or who may sign for them
    granted_on: 2026-01-15
    until: 2027-12-31                   # the last day, UTC
    purposes: [face replacement in feature film and trailers]
    productions: [difference_engine]    # `all`, or the productions it holds for
    paper: contract 2026/041, signed    # a reference to the signed paper, not the paper itself
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

import yaml

from stages.errors import ConfigError

ALL: Final = "all"
"""What `productions` says when the consent is not tied to any."""


@dataclass(frozen=True, kw_only=True)
class Consent:
    """One person's consent.

    who: the person; granted_by: who signed. granted_on, until: first and last day, UTC. purposes: in words, at least
    one. productions: names, or `("all",)`. paper: where the signed original is found.
    """

    who: str
    granted_by: str
    granted_on: date
    until: date
    purposes: tuple[str, ...]
    productions: tuple[str, ...]
    paper: str
    note: str = ""

    def __post_init__(self) -> None:
        if self.until < self.granted_on:
            raise ConfigError(f"consent.until: {self.until} lies before granted_on, {self.granted_on}")

    def check_dates(self, today: date | None = None) -> None:
        """Refuse a consent that does not hold today; by default this day, UTC.

        Raises:
            ConfigError: it has expired, or has not begun.
        """
        now = today or datetime.now(UTC).date()
        if now > self.until:
            raise ConfigError(f"the consent of {self.who} expired on {self.until} ({self.paper}); have it renewed")
        if now < self.granted_on:
            raise ConfigError(f"the consent of {self.who} begins on {self.granted_on} ({self.paper})")

    def check(self, production: str | None = None, today: date | None = None) -> None:
        """Refuse what this consent does not cover.

        Raises:
            ConfigError: it does not hold today, or does not name the production.
        """
        self.check_dates(today)
        if ALL in self.productions or production in self.productions:
            return
        named = f"does not cover the production {production!r}" if production else "is for named productions only"
        raise ConfigError(
            f"the consent of {self.who} {named} (it covers: {', '.join(self.productions)}); "
            "say which it is with likeness.production=NAME, or have the consent extended"
        )

    def plain(self) -> dict[str, Any]:
        """As it would stand in JSON."""
        return {f.name: _plain(getattr(self, f.name)) for f in fields(self)}


def read(path: Path) -> Consent:
    """The consent in a YAML file.

    Raises:
        ConfigError: no file, no YAML, or a field that is missing, unknown or of the wrong kind.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"consent: there is no file {path}; docs/identities.md says what goes into it") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"consent: {path} cannot be read ({getattr(error, 'strerror', None) or error})") from error
    except yaml.YAMLError as error:
        where = getattr(error, "problem_mark", None)
        line = f" in line {where.line + 1}" if where else ""
        raise ConfigError(f"consent: {path} is no YAML{line}; see docs/identities.md for an example") from error
    if not isinstance(values, Mapping):
        raise ConfigError(f"consent: {path} holds no fields; see docs/identities.md for an example")
    return parsed(values)


def parsed(values: Mapping[Any, Any]) -> Consent:
    """The consent in plain values.

    Raises:
        ConfigError: a field is missing, unknown or of the wrong kind.
    """
    known = [f.name for f in fields(Consent)]
    for name in values:
        if name not in known:
            near = get_close_matches(str(name), known, 1)
            raise ConfigError(f"consent.{name}: unknown field{f' - did you mean {near[0]!r}?' if near else ''}")
    for name in known[:-1]:
        if values.get(name) in (None, "", []):
            raise ConfigError(f"consent.{name}: is missing; without it nothing can be rendered with this face")
    words = {name: _words(name, values[name]) for name in ("who", "granted_by", "paper")}
    days = {name: _day(name, values[name]) for name in ("granted_on", "until")}
    lists = {name: _list(name, values[name]) for name in ("purposes", "productions")}
    return Consent(**words, **days, **lists, note=str(values.get("note") or ""))  # type: ignore[arg-type]


def _words(name: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ConfigError(f"consent.{name}: must be words, not {value!r}")
    return " ".join(value.split())


def _day(name: str, value: Any) -> date:
    if isinstance(value, datetime):
        return value.astimezone(UTC).date() if value.tzinfo else value.date()
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise ConfigError(f"consent.{name}: must be a day such as 2027-12-31, not {value!r}") from None


def _list(name: str, value: Any) -> tuple[str, ...]:
    entries = value if isinstance(value, list | tuple) else [value]
    return tuple(_words(name, entry) for entry in entries)


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else list(value) if isinstance(value, tuple) else value
