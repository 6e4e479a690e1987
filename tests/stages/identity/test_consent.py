from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from stages.errors import ConfigError
from stages.identity import consent as consents

Write = Callable[..., Path]


def test_a_consent_is_read_as_it_stands(consent: Write) -> None:
    read = consents.read(consent(productions=["moonshot", "trailer"]))
    assert read.who == "Eileen Collins"
    assert read.until == date(2099, 12, 31)
    assert read.productions == ("moonshot", "trailer")
    assert consents.parsed(read.plain()) == read


@pytest.mark.parametrize("field", ["who", "granted_by", "granted_on", "until", "purposes", "productions", "paper"])
def test_a_missing_field_is_named(consent: Write, field: str) -> None:
    with pytest.raises(ConfigError, match=rf"^consent\.{field}: is missing"):
        consents.read(consent(**{field: None}))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"untill": 3}, r"consent\.untill: unknown field - did you mean 'until'"),
        ({"until": "next year"}, r"consent\.until: must be a day such as"),
        ({"who": 12}, r"consent\.who: must be words"),
        ({"purposes": [3]}, r"consent\.purposes: must be words"),
        ({"until": date(2023, 1, 1)}, r"consent\.until: 2023-01-01 lies before granted_on"),
    ],
)
def test_a_wrong_field_is_said_in_words(consent: Write, changed: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        consents.read(consent(**changed))


def test_what_is_no_consent_is_said_in_words(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    with pytest.raises(ConfigError, match="there is no file"):
        consents.read(file)
    file.write_text("who: [\n")
    with pytest.raises(ConfigError, match="no YAML in line"):
        consents.read(file)
    file.write_text("just words")
    with pytest.raises(ConfigError, match="holds no fields"):
        consents.read(file)


def test_it_holds_on_its_last_day_and_not_after(consent: Write) -> None:
    read = consents.read(consent(until="2026-11-23"))
    read.check_dates(date(2026, 11, 23))
    with pytest.raises(ConfigError, match="expired on 2026-11-23"):
        read.check_dates(date(2026, 11, 24))
    with pytest.raises(ConfigError, match="begins on 2024-01-01"):
        read.check_dates(date(2023, 12, 31))


def test_it_may_be_for_named_productions_only(consent: Write) -> None:
    read = consents.read(consent(productions=["moonshot"]))
    read.check("moonshot")
    with pytest.raises(ConfigError, match=r"does not cover the production 'sequel' \(it covers: moonshot\)"):
        read.check("sequel")
    with pytest.raises(ConfigError, match="for named productions only"):
        read.check()
