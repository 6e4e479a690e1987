"""Everything that an analysis leaves: tables, figures, curves and a page that holds them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from runner.analyse.bars import bars
from runner.analyse.block import walk
from runner.analyse.events import write_events
from runner.analyse.figures import FaceFigures, Figures
from runner.analyse.landmarks import LandmarksTable
from runner.analyse.lanes import Traces, lanes
from runner.analyse.options import Options
from runner.analyse.page import page
from runner.analyse.svg import Picture, sheet
from runner.analyse.table import UnitsTables
from runner.passes import Run
from runner.progress import bar
from runner.report.events import Event
from runner.report.plain import from_plain, to_plain
from runner.report.record import RunRecord

NAMES: Final = (
    "{}.units.parquet",
    "{}.units.csv",
    "{}.landmarks.parquet",
    "{}.events.parquet",
    "{}.events.csv",
    "{}.analysis.json",
    "{}.curves.svg",
    "{}.analysis.html",
)
"""The files of an analysis, by the clip's name, the main one first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What one walk over the clip left: the names of the files, frames of the clip, figures and curves of its faces."""

    names: tuple[str, ...]
    frames: int
    faces: tuple[FaceFigures, ...]
    traces: Traces


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
    figures, traces = Figures(options.min_confidence), Traces(frames=len(units))
    with (
        UnitsTables(folder / names[0], folder / names[1], options, about) as table,
        LandmarksTable(folder / names[2], about) as points,
        bar("writing", len(units), run.shot.settings["quiet"]) as advance,
    ):
        written = 0
        for block in walk(units, faces):
            table.add(block)
            points.add(block)
            figures.add(block)
            traces.add(block)
            while written <= block.rows.frame[-1]:
                written += 1
                advance()
    return Found(names=names, frames=len(units), faces=figures.faces(), traces=traces)


def write(folder: Path, record: RunRecord, found: Found, options: Options) -> None:
    """Write events, figures, curves and page into `folder`.

    Raises:
        OSError: the folder cannot be written.
    """
    record = from_plain(RunRecord, to_plain(record))  # as it may be shown: without passwords
    plain = {**record.to_plain(), "frames": found.frames, "people": [to_plain(face) for face in found.faces]}
    events = record.events.events if record.events else ()
    about = {"clip": record.clip.name, "clip_sha256": record.clip_sha256}
    write_events(folder / found.names[3], folder / found.names[4], events, about)
    drawn = list(_pictures(found, events, options.present))
    note = _note(found)
    texts = (
        json.dumps(plain, indent=2, ensure_ascii=False, allow_nan=False) + "\n",
        sheet(drawn, record.clip.name, note or ("" if drawn else "No face in any frame.")),
        page(record, frames=found.frames, faces=found.faces, pictures=drawn, note=note, present=options.present),
    )
    for name, text in zip(found.names[5:], texts, strict=True):
        (folder / name).write_text(text, encoding="utf-8")


def _pictures(found: Found, events: Sequence[Event], present: float) -> Iterator[Picture]:
    for face in found.faces:
        if face.face_id in found.traces.tracks and found.frames == 1:
            yield bars(face, present)
        elif face.face_id in found.traces.tracks:
            mine = [event for event in events if event.face_id == face.face_id]
            yield lanes(face, found.traces.tracks[face.face_id], found.traces.end, present, mine)


def _note(found: Found) -> str:
    more = len(found.traces.left_out)
    return f"{more} further face{'s are' if more > 1 else ' is'} in {found.names[0]}." if more else ""
