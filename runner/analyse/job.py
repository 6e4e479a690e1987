"""One clip from file to tables. `analyse_clip` is the main path."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from runner import facts, passes
from runner.analyse.figures import FaceFigures
from runner.analyse.options import Options
from runner.analyse.write import NAMES, Found, measured, write
from runner.job import Outcome, clean, disk_errors, failure_tracked, say_measured
from runner.passes import Run
from runner.progress import say
from runner.report.events import EventList
from runner.settings import Settings
from runner.shot import open_analysis
from runner.tracking import Tracking
from runner.workspace import workspace
from stages import facs

_LARGE: Final = (".csv", ".landmarks.parquet")  # not sent to the tracking server


def analyse_clip(settings: Settings) -> Outcome:
    """Measure, write tables, figures and curves, publish. The outcome's delivery is the Parquet of Action Units.

    Raises:
        GlabellaError: one line that says where, what, and what to do; nothing half-written is left behind.
    """
    clock, started = time.perf_counter(), datetime.now(UTC)
    options: Options = settings.stage("analyse")
    shot = open_analysis(settings, NAMES)
    tracking: Tracking = settings.stage("tracking")
    tracking.warm()
    with failure_tracked(tracking, shot, started, "analyse"), disk_errors(), workspace(shot.target) as place:
        run = passes.start(shot, place.folder)
        _measure(run)
        made = place.folder / place.delivery.name
        found = measured(place.folder, run, options)
        record = facts.record(run, place, made, started, time.perf_counter() - clock, "analyse")
        write(place.folder, record, found, options)
        clean(place.folder)
        place.publish(made)
    files = [name for name in shot.target.names if not name.endswith(_LARGE)]
    told = tracking.log(record, place.report, files=files, figures=_figures(found.faces, found.frames))
    for warning in (*record.warnings, *told):
        say(f"warning: {warning}")
    say(f"{_summary(run, found, record.events)}; {place.report / shot.target.names[-1]}")
    return Outcome(place.delivery, place.report, record)


def _measure(run: Run) -> None:
    passes.measure(run)
    say_measured(run)
    passes.shape(run)
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
