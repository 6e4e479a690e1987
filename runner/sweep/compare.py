"""The comparison of a sweep's runs: page, tables and pictures in its folder."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Final

from runner.report.curves import PANEL_STYLE, Chart
from runner.report.page import Heading, Subject, clock, page_file, render, uri
from runner.sweep.options import Options
from runner.sweep.overlay import STYLE, panels, shown
from runner.sweep.pictures import CELL, Sheet, sheet, write_contact
from runner.sweep.scores import UNIT_FIGURE, Scored, by_unit, whole, write_csv

FILES: Final = ("comparison.html", "scores.csv", "contact.jpg")
MOST_ROWS: Final = 24
"""Runs on the contact sheet; of more, evenly spread ones and the best."""
_STYLE: Final = """
.legend .plain::before{display:none}
.sweep tbody tr:not(.unit):not(.winner) :is(td,th b){color:inherit}
.sweep .unit th{padding-top:14px;border-top:1px solid var(--rule)}
.winner>*{background:color-mix(in srgb,var(--asked) 12%,transparent)}
.best{color:var(--asked);font-size:12px;font-weight:600;margin-left:6px}
.broken{color:var(--fail);white-space:normal;text-align:left!important;min-width:22em}
.contact{width:auto;border:0;background:none;border-spacing:0;font-size:13px}
.contact th{color:var(--dim);font-weight:400;padding:0 8px 6px 0;text-align:left}
.contact tbody th{color:var(--ink);white-space:nowrap;position:sticky;left:0;background:var(--paper);padding-right:14px}
.contact td{padding:0 6px 6px 0}.contact img{display:block;width:min(200px,28vw);height:auto;background:var(--well)}
.contact .winner img{outline:2px solid var(--asked)}.contact .winner>*{background:var(--paper)}
.contact :is(th,td){border:0}.sweep a,.contact a{color:inherit}.clip{font-size:24px}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipPart:
    """What the page shows of the runs of one clip. pictures: per row, a data URI per key frame."""

    name: str
    sheet: Sheet
    pictures: list[list[str]]
    left_out: int
    drawn: list[Scored]
    faces: list[tuple[int, list[Chart]]]
    units: list[tuple[str, list[tuple[Scored, list[float | None]]]]]
    columns: list[str]


def compare(folder: Path, runs: Sequence[Scored], winner: Scored | None, options: Options) -> Path:
    """Write `FILES` into `folder`, the picture only where there are stills; returns the page.

    Raises:
        DeliveryError: a report, a still or a delivery of a run cannot be read.
        OSError: the folder cannot be written.
    """
    done = [run for run in runs if run.record]
    clips = dict.fromkeys(map(_clip, done))
    parts = [_part([run for run in done if _clip(run) == clip], winner, options) for clip in clips]
    write_csv(folder / "scores.csv", runs)
    write_contact(folder / "contact.jpg", {part.name: part.sheet for part in parts})
    page = folder / "comparison.html"
    names = whole(runs)
    text = render(
        "comparison.html",
        record=_head(folder, done),
        headline=list(_headline(runs, winner, options)),
        parts=parts,
        runs=runs,
        winner=winner,
        options=options,
        axes=list(dict.fromkeys(key for run in runs for key in run.values)),
        names=names,
        link=lambda path: os.path.relpath(path, folder.absolute()) if path else "",
        cell=CELL,
        colours={run.entry.words: i for part in parts for i, run in enumerate(part.drawn)},
        style=page_file("page.css") + PANEL_STYLE + STYLE + _STYLE,
    )
    part_file = page.with_name(f".{page.name}.part")
    part_file.write_text(text, encoding="utf-8")
    part_file.replace(page)
    return page


def _clip(run: Scored) -> str:
    assert run.record is not None
    return f"{run.record.clip.name} {run.entry.clip}"


def _part(runs: list[Scored], winner: Scored | None, options: Options) -> ClipPart:
    assert runs[0].record is not None
    rows, drawn = shown(runs, winner, MOST_ROWS), shown(runs, winner)
    made = sheet(rows, options.columns)
    columns, units = by_unit(runs)
    return ClipPart(
        name=runs[0].record.clip.name,
        sheet=made,
        pictures=[[uri(cell) for cell in row.cells] for row in made.rows],
        left_out=len(runs) - len(rows),
        drawn=drawn,
        faces=[(track, list(charts)) for track, charts in groupby(panels(drawn), key=lambda chart: chart.track)],
        units=units,
        columns=[column.replace(UNIT_FIGURE, "") for column in columns],
    )


def _head(folder: Path, done: Sequence[Scored]) -> Heading:
    first = done[0].record if done else None
    presets = {run.record.preset for run in done if run.record}
    started = min((run.record.started for run in done if run.record), default=_now())
    name = first.clip.name if first and len(set(map(_clip, done))) == 1 else folder.name
    return Heading(clip=Subject(name=name), started=started, preset=presets.pop() if len(presets) == 1 else "")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _headline(runs: Sequence[Scored], winner: Scored | None, options: Options) -> Iterator[tuple[str, str, str]]:
    """Label, value, detail."""
    failed = sum(bool(run.entry.error) for run in runs)
    yield "Runs", str(len(runs)), f"{failed} failed" if failed else "none failed"
    yield "Rendering", clock(sum(run.entry.seconds for run in runs)), "over all runs"
    if winner and options.objective:
        yield "Best", winner.label, f"{options.direction} {options.objective}: {winner.figures[options.objective]:.4g}"
