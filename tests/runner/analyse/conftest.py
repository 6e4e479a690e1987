"""A second of a smile, and its analysis."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.cli import main
from tests.runner.analyse.steps import Sample
from tests.runner.test_run import transcoded


@pytest.fixture(scope="session")
def clip(sample: Sample, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second of a smile."""
    return transcoded(sample("smile_onset"), tmp_path_factory.mktemp("clip") / "smile (take=2).mkv", "yuv420p", 30)


@pytest.fixture(scope="session")
def made(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What an analysis of it leaves."""
    folder = tmp_path_factory.mktemp("made") / "measured"
    assert main(["analyse", f"clip={clip}", f"out={folder}", "tracking=off"]) == 0
    return folder
