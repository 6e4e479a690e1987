"""Fixtures that every test may use: sample clips through the project's own registry."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from stages.models.registry import shipped


@pytest.fixture(scope="session")
def sample() -> Callable[[str], Path]:
    """`sample("talking_woman_mild")` -> the clip's path, fetched and hash-checked."""
    return lambda name: shipped()[name].fetch()


@pytest.fixture(scope="session")
def models() -> None:
    """Every model in the cache, for tests whose own processes must not have to fetch one."""
    for asset in shipped().values():
        if asset.kind == "model":
            asset.fetch()
