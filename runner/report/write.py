"""Everything a run leaves beside its master."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from runner.disk import why
from runner.report.contact import write_contact
from runner.report.curves import charts, sheet
from runner.report.decimate import Decimator
from runner.report.page import write_page
from runner.report.plain import from_plain, to_plain
from runner.report.record import RunRecord
from runner.report.rows import blocks
from runner.report.summary import Summary, UnitSummary, correlation, leakage
from runner.report.table import UnitsTable
from stages import facs
from stages.contract import Timeline
from stages.delivery.stills import Still
from stages.errors import DeliveryError
from stages.packets import Quality, Units
from stages.quality.naturalness import naturalness

Judging = Callable[[RunRecord, Mapping[str, Any]], RunRecord]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The files that were written (all in `folder`) and the figures in them.

    record: as it was written, with every figure and verdict. contact is None without stills; parquet and curves
    are None where nothing was measured.
    """

    folder: Path
    record: RunRecord
    json: Path
    html: Path
    parquet: Path | None
    curves: Path | None
    contact: Path | None
    units: tuple[UnitSummary, ...]

    @property
    def files(self) -> tuple[Path, ...]:
        """Every file, for publishing and tracking."""
        written = (self.json, self.html, self.parquet, self.curves, self.contact)
        return tuple(path for path in written if path is not None)


def write(
    folder: Path,
    record: RunRecord,
    tracks: Mapping[str, Timeline[Units]],
    stills: Sequence[Still] = (),
    quality: Timeline[Quality] | None = None,
    judge: Judging | None = None,
) -> Report:
    """Write `units.parquet`, `report.json`, `curves.svg`, `contact.jpg` and `report.html` into `folder`.

    tracks holds "measured" (a pipeline that only copies has none), and where they exist "asked" and "achieved"
    (re-measured on the output, on all frames or some). Timelines are read once, front to back; memory does not
    grow with the clip. quality: scores of the pictures, which go into the table frame by frame. judge: what is made of
    the record when all its figures are known, before it is shown.

    Raises:
        DeliveryError: the folder cannot be written, or a still cannot be read.
    """
    try:
        return _write(folder, record, tracks, stills, quality, judge)
    except OSError as error:
        raise DeliveryError(f"{record.clip.name}: the report cannot be written into {folder}: {why(error)}") from error


def _write(
    folder: Path,
    record: RunRecord,
    tracks: Mapping[str, Timeline[Units]],
    stills: Sequence[Still],
    quality: Timeline[Quality] | None,
    judge: Judging | None,
) -> Report:
    folder.mkdir(parents=True, exist_ok=True)
    record = from_plain(RunRecord, to_plain(record))  # as it may be shown: without passwords
    measured = "measured" in tracks
    summary, decimator = _walk(folder / "units.parquet", record, tracks, quality) if measured else (None, None)
    units = summary.units(commanded(record)) if summary else ()
    record = replace(record, scores=_completed({**record.scores, **leakage(units), **correlation(units)}))
    record = judge(record, _plain(record, units)) if judge else record
    panels = charts(decimator, units) if decimator else ()
    report = Report(
        folder=folder,
        record=record,
        json=folder / "report.json",
        html=folder / "report.html",
        parquet=folder / "units.parquet" if summary else None,
        curves=folder / "curves.svg" if panels else None,
        contact=folder / "contact.jpg" if stills else None,
        units=units,
    )
    report.json.write_text(_json(_plain(record, units)), encoding="utf-8")
    if report.curves:
        report.curves.write_text(sheet(panels, record.clip.name), encoding="utf-8")
    factor = write_contact(report.contact, stills) if report.contact else 1
    left_out = len(decimator.left_out) if decimator else 0
    write_page(report.html, record, units=units, panels=panels, stills=stills, factor=factor, left_out=left_out)
    return report


def _walk(
    path: Path, record: RunRecord, tracks: Mapping[str, Timeline[Units]], quality: Timeline[Quality] | None
) -> tuple[Summary, Decimator]:
    """One walk over the timelines: table, figures and curves together."""
    summary, decimator = Summary(), Decimator(frames=len(tracks["measured"]))
    about = {"clip": record.clip.name, "clip_sha256": record.clip_sha256, "time_base": str(record.clip.time_base)}
    with UnitsTable(path, tracks, about, quality is not None) as table:
        for rows in blocks(tracks, quality=quality):
            table.add(rows)
            summary.add(rows)
            decimator.add(rows)
    return summary, decimator


def commanded(record: RunRecord) -> dict[str, float]:
    """AU name -> gain, of the profile in the resolved configuration."""
    gains = (record.config.get("gain") or {}).get("au_gain") or {}
    return {facs.canonical(unit): float(gain) for unit, gain in gains.items() if isinstance(gain, int | float)}


def _completed(scores: dict[str, float]) -> dict[str, float]:
    """With what is a function of the others."""
    whole = naturalness(scores) if "skin.delta_e" in scores else math.nan
    return scores | ({"naturalness": whole} if math.isfinite(whole) else {})


def _plain(record: RunRecord, units: tuple[UnitSummary, ...]) -> dict[str, Any]:
    return record.to_plain() | {"units": {unit.name: to_plain(unit) for unit in units}}


def _json(plain: dict[str, Any]) -> str:
    return json.dumps(plain, indent=2, ensure_ascii=False, allow_nan=False)
