"""One clip from file to delivery. `run_clip` is the main path; read it first."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from runner import facts, passes
from runner.analysis import hashed, wire_keys
from runner.chunks import Chunks
from runner.disk import disk_errors, naming
from runner.gates import Gates
from runner.passes import Run
from runner.progress import say
from runner.rehearsal import rehearse
from runner.report import write
from runner.report.framehashes import write_hashes
from runner.report.record import RunRecord, Task
from runner.report.result import Known, write_result
from runner.settings import Settings
from runner.shaping import check, shape
from runner.shot import Shot, open_shot
from runner.tracking import Tracking
from runner.workspace import Workspace, workspace
from stages.delivery.stills import read_stills
from stages.errors import GateError, GlabellaError


@dataclass(frozen=True)
class Outcome:
    """A finished run: the delivery, the folder of its reports, and what the run knows of itself."""

    delivery: Path
    report: Path
    record: RunRecord


@dataclass(frozen=True)
class Began:
    """When a run began."""

    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    clock: float = field(default_factory=time.perf_counter)

    @property
    def seconds(self) -> float:
        """Since then, by a clock that nobody sets."""
        return time.perf_counter() - self.clock


def run_clip(settings: Settings) -> Outcome:
    """Measure, shape, render, report, publish.

    Raises:
        GateError: a gate refuses the delivery, which lies beside its place with its report.
        GlabellaError: one line that says where, what, and what to do; nothing half-written is left behind.
    """
    began = Began()
    gates: Gates = settings.stage("gates")
    shot = open_shot(settings)
    gates.check(shot.graph, shot.reported)
    chunks: Chunks = settings.stage("chunks")
    tracking: Tracking = settings.stage("tracking")
    tracking.warm()
    with failure_tracked(tracking, shot, began), disk_errors(), job_place(shot, chunks, gates) as place:
        with naming(place.folder):
            record = read_record(place, "report.json") if place.made else _made(shot, chunks, gates, place, began)
        (place.reject if record.error else place.publish)(place.folder / f"delivery{shot.suffix}")
    for warning in (*record.warnings, *tracking.log(record, record.out)):
        say(f"warning: {warning}")
    say(f"{facts.summary({one.name: one for one in record.passes})}; report {record.out / 'report.html'}")
    if record.error:
        raise GateError(f"{shot.clip.name}: {record.error}; what was made lies in {record.out}")
    return Outcome(place.delivery, place.report, record)


def _made(shot: Shot, chunks: Chunks, gates: Gates, place: Workspace, began: Began) -> RunRecord:
    """The delivery and its report in the work folder."""
    run = passes.start(shot, place.folder, chunks.frames)
    carry_out(run)
    made = place.folder / f"delivery{shot.suffix}"
    record = facts.record(run, place, made, began.at, began.seconds)
    written = run.timelines[shot.delivered]
    record = replace(record, hashes=write_hashes(place.folder, written, shot.clip.time_base))
    judge = partial(gates.judge, rejected=place.rejected)
    tracks, stills, scores = facts.tracks(run), read_stills(place.folder), facts.quality(run)
    record = write(place.folder, record, tracks, stills, scores, judge).record
    known = Known(written=written, faces=run.timelines.get(shot.faces), units=tracks, quality=scores)
    write_result(place.folder, record, known)
    return record


def read_record(place: Workspace, name: str) -> RunRecord:
    """What a run that was killed while it published had written of itself."""
    folder = next((one for one in (place.folder, place.report, place.rejected) if (one / name).exists()), place.report)
    return RunRecord.from_json((folder / name).read_text("utf-8"))


@contextmanager
def job_place(shot: Shot, chunks: Chunks, *more: object) -> Iterator[Workspace]:
    """The workspace of this very job; one that was killed is found again. more: what else decides on its files."""
    key = job_key(shot, chunks, *more) if chunks.frames else None
    with workspace(shot.target, key, chunks.keep_days) as place:
        yield place


def carry_out(run: Run) -> None:
    """The steps of a run, in their order."""
    passes.measure(run)
    say_measured(run)
    shape(run)
    rehearse(run)
    passes.render(run)
    check(run)


def say_measured(run: Run) -> None:
    """Tell that the cache had it all."""
    if run.cached:
        say(f"{run.shot.clip.name}: measured before, nothing to measure (analysis {run.shot.clip_sha256[:16]})")


def job_key(shot: Shot, *more: object) -> str:
    """What decides on the files of a run: clip, graph, code, libraries, and where they go. 16 hexadecimal digits."""
    target = shot.target.file or shot.target.root / shot.target.name
    told = {node.name: dict(node.feedback) for node in shot.graph.nodes}
    wires = wire_keys(shot.graph, shot.clip_sha256, shot.settings["decode"])
    return hashed([wires, told, shot.plan.kept, str(target.absolute()), facts.versions(), *map(str, more)])[:16]


@contextmanager
def failure_tracked(tracking: Tracking, shot: Shot, began: Began, task: Task = "run") -> Iterator[None]:
    """A run that fails after its start is a failed run in the tracking server, with its error."""
    try:
        yield
    except (GlabellaError, KeyboardInterrupt) as error:
        text = str(error) or type(error).__name__
        failed = facts.failed(shot.settings, shot.clip, began.at, began.seconds, text, task)
        for warning in tracking.log(failed, None):
            say(f"warning: {warning}")
        raise
