"""The stage that makes likenesses, as shipped, and one of a public domain portrait."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
import yaml

from runner.compose import composed_alone
from stages.identity.enrol import Enrol, Enrolled

CONSENT = {
    "who": "Eileen Collins",
    "granted_by": "Eileen Collins",
    "granted_on": date(2024, 1, 1),
    "until": date(2099, 12, 31),
    "purposes": ["tests"],
    "productions": ["all"],
    "paper": "a test's own",
}


@pytest.fixture
def consent(tmp_path: Path) -> Callable[..., Path]:
    """`consent(until="2020-01-01")` -> a file; a field of None is left out."""

    def write(**changed: object) -> Path:
        path = tmp_path / "consent.yaml"
        path.write_text(yaml.safe_dump({k: v for k, v in (CONSENT | changed).items() if v is not None}))
        return path

    return write


@pytest.fixture(scope="session")
def enrol() -> Enrol:
    made: Enrol = composed_alone().stage("enrol")
    made.prepare()
    return made


@pytest.fixture(scope="session")
def collins(enrol: Enrol, sample: Callable[[str], Path]) -> Enrolled:
    return enrol.likeness("collins", enrol.find(sample("portrait")))
