"""One clip from file to delivery. `run_clip` is the main path; read it first."""

from __future__ import annotations

import errno
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from runner import facts, passes
from runner.gates import Gates
from runner.passes import Run
from runner.progress import say
from runner.rehearsal import rehearse
from runner.report import write
from runner.report.record import RunRecord, Task
from runner.settings import Settings
from runner.shot import Shot, open_shot
from runner.tracking import Tracking
from runner.workspace import workspace
from stages.delivery.stills import read_stills
from stages.errors import DeliveryError, GateError, GlabellaError


@dataclass(frozen=True)
class Outcome:
    """A finished run: the delivery, the folder of its reports, and what the run knows of itself."""

    delivery: Path
    report: Path
    record: RunRecord


def run_clip(settings: Settings) -> Outcome:
    """Measure, shape, render, report, publish.

    Raises:
        GateError: a gate refuses the delivery, which lies beside its place with its report.
        GlabellaError: one line that says where, what, and what to do; nothing half-written is left behind.
    """
    clock, started = time.perf_counter(), datetime.now(UTC)
    gates: Gates = settings.stage("gates")
    shot = open_shot(settings)
    gates.check(shot.graph, shot.reported)
    tracking: Tracking = settings.stage("tracking")
    tracking.warm()
    with failure_tracked(tracking, shot, started), disk_errors(), workspace(shot.target) as place:
        run = passes.start(shot, place.folder)
        carry_out(run)
        made = place.folder / f"delivery{shot.suffix}"
        record = facts.record(run, place, made, started, time.perf_counter() - clock)
        judge = partial(gates.judge, rejected=place.rejected)
        stills, scores = read_stills(place.folder), facts.quality(run)
        record = write(place.folder, record, facts.tracks(run), stills, scores, judge).record
        clean(place.folder)
        (place.reject if record.error else place.publish)(made)
    for warning in (*record.warnings, *tracking.log(record, record.out)):
        say(f"warning: {warning}")
    say(f"{facts.summary(run.results)}; report {record.out / 'report.html'}")
    if record.error:
        raise GateError(f"{shot.clip.name}: {record.error}; what was made lies in {record.out}")
    return Outcome(place.delivery, place.report, record)


def carry_out(run: Run) -> None:
    """The steps of a run, in their order."""
    passes.measure(run)
    say_measured(run)
    passes.shape(run)
    rehearse(run)
    passes.render(run)
    passes.check(run)


def say_measured(run: Run) -> None:
    """Tell that the cache had it all."""
    if run.cached:
        say(f"{run.shot.clip.name}: measured before, nothing to measure (analysis {run.shot.clip_sha256[:16]})")


def clean(folder: Path) -> None:
    """Spools were for the run alone."""
    for hidden in folder.glob(".*/"):
        shutil.rmtree(hidden)


@contextmanager
def disk_errors() -> Iterator[None]:
    """A full or failing disk, wherever it shows, is a delivery error of one line."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        what = "the disk is full" if full else (error.strerror or str(error))
        raise DeliveryError(f"out: {what}: {error.filename or 'while writing'}") from error


@contextmanager
def failure_tracked(tracking: Tracking, shot: Shot, started: datetime, task: Task = "run") -> Iterator[None]:
    """A run that fails after its start is a failed run in the tracking server, with its error."""
    clock = time.perf_counter()
    try:
        yield
    except (GlabellaError, KeyboardInterrupt) as error:
        text = str(error) or type(error).__name__
        failed = facts.failed(shot.settings, shot.clip, started, time.perf_counter() - clock, text, task)
        for warning in tracking.log(failed, None):
            say(f"warning: {warning}")
        raise
