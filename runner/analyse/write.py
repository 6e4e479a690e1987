"""Everything that an analysis leaves: tables, figures, curves and a page that holds them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from runner.analyse.block import walk
from runner.analyse.figures import FaceFigures, Figures
from runner.analyse.landmarks import LandmarksTable
from runner.analyse.options import Options
from runner.analyse.table import UnitsTables
from runner.passes import Run
from runner.progress import bar
from runner.report.plain import to_plain
from runner.report.record import RunRecord

NAMES: Final = (
    "{}.units.parquet",
    "{}.units.csv",
    "{}.landmarks.parquet",
    "{}.analysis.json",
)
"""The files of an analysis, by the clip's name, the main one first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What one walk over the clip left: the names of the files, frames of the clip, figures and curves of its faces."""

    names: tuple[str, ...]
    frames: int
    faces: tuple[FaceFigures, ...]


def measured(folder: Path, run: Run, options: Options) -> Found:
    """Write the tables into `folder`, and gather what figures and curves need, in one walk over the clip.

    Raises:
        OSError: the folder cannot be written.
    """
    units = run.timelines[run.shot.reported["measured"]]
    faces = run.timelines[run.shot.faces]
    names = run.shot.target.names
    about = {
        "clip": run.shot.clip.name,
        "clip_sha256": run.shot.clip_sha256,
        "time_base": str(run.shot.clip.time_base),
    }
    figures = Figures(options.min_confidence)
    with (
        UnitsTables(folder / names[0], folder / names[1], options, about) as table,
        LandmarksTable(folder / names[2], about) as points,
        bar("writing", None, run.shot.settings["quiet"]) as advance,
    ):
        for block in walk(units, faces):
            table.add(block)
            points.add(block)
            figures.add(block)
            advance()
    return Found(names=names, frames=len(units), faces=figures.faces())


def write(folder: Path, record: RunRecord, found: Found, options: Options) -> None:
    """Write the figures into `folder`.

    Raises:
        OSError: the folder cannot be written.
    """
    plain = {**record.to_plain(), "frames": found.frames, "people": [to_plain(face) for face in found.faces]}
    text = json.dumps(plain, indent=2, ensure_ascii=False, allow_nan=False)
    (folder / found.names[3]).write_text(text, encoding="utf-8")
