"""One clip from file to tables. `analyse_clip` is the main path."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from runner import facts, passes
from runner.analyse.figures import FaceFigures
from runner.analyse.options import Options
from runner.analyse.write import NAMES, Found, measured, write
from runner.chunks import Chunks
from runner.disk import disk_errors
from runner.job import Began, Outcome, failure_tracked, job_place, read_record, say_measured
from runner.passes import Run
from runner.progress import say
from runner.report.events import EventList
from runner.report.record import RunRecord
from runner.settings import Settings
from runner.shaping import shape
from runner.shot import Shot, open_analysis
from runner.tracking import Tracking
from runner.workspace import Workspace
from stages import facs

_LARGE: Final = (".csv", ".landmarks.parquet")  # not sent to the tracking server


def analyse_clip(settings: Settings) -> Outcome:
    """Measure, write tables, figures and curves, publish. The outcome's delivery is the Parquet of Action Units.

    Raises:
        GlabellaError: one line that says where, what, and what to do; nothing half-written is left behind.
    """
    began = Began()
    options: Options = settings.stage("analyse")
    shot = open_analysis(settings, NAMES)
    chunks: Chunks = settings.stage("chunks")
    tracking: Tracking = settings.stage("tracking")
    tracking.warm()
    place_of = job_place(shot, chunks, options)
    with failure_tracked(tracking, shot, began, "analyse"), disk_errors(), place_of as place:
        made = _made(shot, chunks, options, place, began) if place.made is None else None
        record = made.record if made else read_record(place, shot.target.names[5])
        place.publish(place.folder / place.delivery.name)
    files = [name for name in shot.target.names if not name.endswith(_LARGE)]
    figures = _figures(made.found.faces, made.found.frames) if made else {}
    for warning in (*record.warnings, *tracking.log(record, place.report, files=files, figures=figures)):
        say(f"warning: {warning}")
    told = f"{_summary(made.run, made.found, record.events)}; " if made else ""
    say(f"{told}{place.report / shot.target.names[-1]}")
    return Outcome(place.delivery, place.report, record)


@dataclass(frozen=True)
class _Made:
    """An analysis in its work folder."""

    run: Run
    found: Found
    record: RunRecord


def _made(shot: Shot, chunks: Chunks, options: Options, place: Workspace, began: Began) -> _Made:
    run = passes.start(shot, place.folder, chunks.frames)
    _measure(run)
    found = measured(place.folder, run, options)
    record = facts.record(run, place, place.folder / place.delivery.name, began.at, began.seconds, "analyse")
    write(place.folder, record, found, options)
    return _Made(run, found, record)


def _measure(run: Run) -> None:
    passes.measure(run)
    say_measured(run)
    shape(run)
    if run.shot.plan.render:  # a pipeline without clip stages measures in its one pass
        passes.render(run)


def _summary(run: Run, found: Found, events: EventList | None) -> str:
    """`measured 110 frames at 98.1 fps, 1 face, 7 micro-events (AU12 4, AU45 3)`."""
    measuring = next((f"measured {one.frames} frames at {one.fps:.1f} fps" for one in run.results.values()), "")
    faces = f"{len(found.faces)} face{'' if len(found.faces) == 1 else 's'}"
    told = f", {_counted(events)}" if events else ""
    return f"{measuring or f'{found.frames} frames'}, {faces}{told}"


def _counted(events: EventList) -> str:
    each = ", ".join(f"{name} {count}" for name, count in events.counts().items())
    many = f"{len(events.events)} micro-event{'' if len(events.events) == 1 else 's'}"
    return f"{many} ({each})" if each else many


def _figures(faces: Sequence[FaceFigures], frames: int) -> Mapping[str, float]:
    """For MLflow: frames, faces, and mean and peak of every unit over all faces."""
    found: dict[str, float] = {"frames": float(frames), "faces": float(len(faces))}
    for name in facs.NAMES:
        there = [face.units[name] for face in faces if name in face.units]
        if there:
            found[f"au.measured.{name}.mean"] = sum(u.mean * u.frames for u in there) / sum(u.frames for u in there)
            found[f"au.measured.{name}.peak"] = max(unit.peak for unit in there)
    return found
