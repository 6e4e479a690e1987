"""A folder for outputs in which MLflow's database is made already: making it takes longer than a small sweep."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from runner.tracking import Tracking


@pytest.fixture(scope="session")
def _made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mlflow")
    uri = f"sqlite:///{(folder / 'mlflow.db').as_posix()}"
    tracking = Tracking(uri=uri, artifacts=str(folder / "artifacts"), experiment="made", timeout=60)
    assert tracking.log_failure("none", "none") == ()
    return folder / "mlflow.db"


@pytest.fixture
def outputs(_made: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "outputs"
    folder.mkdir()
    shutil.copy(_made, folder / "mlflow.db")
    return folder
