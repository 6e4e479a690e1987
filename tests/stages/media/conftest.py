"""Fixtures of the media tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.stages.media.synthetic_clips import Recipe, write


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Path]:
    """make("name.mkv", codec=..., ...) writes a clip and returns its path."""

    def made(name: str, **recipe: Any) -> Path:
        folder = tmp_path / "source"
        folder.mkdir(exist_ok=True)
        return write(folder / name, Recipe(**recipe))

    return made
