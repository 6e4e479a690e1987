from __future__ import annotations

import pytest

from runner.report.plain import without_password


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("http://a:b@host/x", "http://***@host/x"),
        ("failed at https://token@host, twice", "failed at https://***@host, twice"),
        ("http://host", "http://host"),
        ("sqlite:////shows/me@home/x.db", "sqlite:////shows/me@home/x.db"),
        ("/shows//me@home.mov", "/shows//me@home.mov"),
    ],
)
def test_passwords_are_taken_out_of_urls_and_paths_left_alone(given: str, shown: str) -> None:
    assert without_password(given) == shown
