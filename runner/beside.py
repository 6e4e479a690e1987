"""What the folders beside a delivery are called."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Final

REPORT: Final = ".report"
REJECTED: Final = ".rejected"


def report_name(file: Path, others: Collection[str] = ()) -> str:
    """`take.report` beside `take.mov`; `take.mov.report` where the first belongs to another one, such as `take.mp4`.

    others: names of deliveries beside it that are being made.
    """
    short, long = f"{file.stem}{REPORT}", f"{file.name}{REPORT}"
    folders = [file.with_name(short), file.with_name(f"{file.stem}{REJECTED}")]
    told = {name for folder in folders if (name := _delivered(folder)) and _is_there(folder, name)}
    rivals = {name for name in (*others, *told) if name != file.name and Path(name).stem == file.stem}
    return long if rivals or file.with_name(long).exists() else short


def _delivered(folder: Path) -> str | None:
    """The name of the delivery that a folder of reports tells of."""
    try:
        return Path(json.loads((folder / "report.json").read_text("utf-8"))["delivery"]["path"]).name
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _is_there(folder: Path, name: str) -> bool:
    return folder.suffix == REJECTED or folder.with_name(name).exists()
