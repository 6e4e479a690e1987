"""Running an analysis and reading what it left."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pyarrow import csv

from runner.cli import main

Sample = Callable[[str], Path]
Capture = pytest.CaptureFixture[str]


def analyse(capsys: Capture, tmp_path: Path, *words: str) -> tuple[int, str, str]:
    """Run; returns exit code, stdout and stderr."""
    code = main(["analyse", f"outputs={tmp_path / 'outputs'}", "tracking=off", *words])
    said = capsys.readouterr()
    return code, said.out, said.err


def columns(path: Path) -> dict[str, np.ndarray]:
    """A CSV's columns; what is empty is NaN."""
    table = csv.read_csv(path)
    return {name: table[name].to_numpy(zero_copy_only=False) for name in table.column_names}


def report(folder: Path) -> dict:
    """The summary in a folder."""
    (path,) = folder.glob("*.analysis.json")
    return dict(json.loads(path.read_text("utf-8")))
