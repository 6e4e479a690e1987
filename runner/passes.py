"""A run, and the steps of it that see pictures: measure (pass 1) and render (pass 2)."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Literal

from runner.analysis import AnalysisCache, wire_keys
from runner.chunks import Journal, Standing
from runner.executor import LostError, Pass, PassResult, Tick
from runner.graph import Node
from runner.ownership import PREFIX
from runner.progress import bar, say
from runner.shot import Shot, same_length
from runner.spool import Mark, SpoolWriter
from stages.contract import Timeline
from stages.models import cache
from stages.packets import Frame, Job

Timelines = dict[str, Timeline[Any]]
Step = Literal["measure", "render"]
TITLES: Final[Mapping[Step, str]] = {"measure": "measuring", "render": "rendering"}
SPOOLS: Final = ".spool"
"""Folder of a run's work folder that spools lie in which no other run needs."""


@dataclass
class Run:
    """A shot on its way: the work folder, the timelines made so far, and what each pass took.

    clip_seconds, clip_cpu: wall and processor seconds of each stage that saw the whole clip; between: wall seconds of
    all of them, which work side by side. chunk: frames after which the work folder says how far the run has come
    (`runner.chunks`); None for never.
    """

    shot: Shot
    folder: Path
    cache: AnalysisCache
    keys: Mapping[str, str]
    timelines: Timelines = field(default_factory=dict)
    results: dict[str, PassResult] = field(default_factory=dict)
    clip_seconds: dict[str, float] = field(default_factory=dict)
    clip_cpu: dict[str, float] = field(default_factory=dict)
    between: float = 0.0
    ran: set[str] = field(default_factory=set)
    cached: bool = False
    chunk: int | None = None

    @property
    def job(self) -> Job:
        """What stages are told of the run."""
        return Job(self.shot.clip, self.folder, self.chunk)

    def frames(self, first: int = 0) -> Iterator[Frame]:
        """Decode the clip from a frame on."""
        return self.shot.decode.frames(self.shot.clip, start=first)

    def spool(self, name: str) -> Path:
        """Where a wire's packets are kept for this run alone."""
        return self.folder / SPOOLS / f"{name}.spool"

    def journal(self, name: str) -> Journal:
        """What is finished of a step."""
        return Journal(self.folder, name)

    @property
    def tag(self) -> str | None:
        """What tells this run's unfinished files in the cache from other runs', and finds them again."""
        return self.folder.name.removeprefix(PREFIX) if self.chunk else None


def start(shot: Shot, folder: Path, chunk: int | None = None) -> Run:
    """Find what is known of the clip already. chunk: as in `Run`, for a folder that the next run finds again."""
    settings = shot.settings["cache"]
    root = cache.root() / "analysis" if settings["enabled"] else folder / ".analysis"
    analyses = AnalysisCache(root, shot.clip_sha256, float(settings["limit_gb"]))
    keys = wire_keys(shot.graph, shot.clip_sha256, shot.settings["decode"])
    return Run(shot, folder, analyses, keys, chunk=chunk)


def measure(run: Run) -> None:
    """Pass 1: fill `run.timelines` with every kept wire; what the cache has is not measured again."""
    cut = run.shot.plan
    kept = [node.name for node in cut.measure if node.name in cut.kept]
    settle(run)
    found = {name: spool for name in kept if (spool := run.cache.load(run.keys[name])) is not None}
    run.timelines |= found
    missing = [name for name in kept if name not in found]
    run.cached = bool(kept) and not missing
    if missing:
        run.timelines |= _measure(run, missing)


def settle(run: Run) -> None:
    """Bring into the cache what a run that was killed had measured to the end."""
    standing = run.journal("measure").read() if run.chunk else None
    for name, mark in standing.spools.items() if standing and standing.ended else ():
        path = run.cache.path(run.keys[name])
        with suppress(FileNotFoundError, ValueError):  # that one was committed, or is gone
            SpoolWriter(path, run.tag, mark).commit()


def _measure(run: Run, names: Sequence[str]) -> Timelines:
    """The named wires, from the clip's pictures and what is known already."""
    for node in run.shot.plan.shape:
        node.stage.prepare()  # a wrong photo of who is replaced is said now, and not when the clip has been measured
    needed = run.shot.graph.needed(names, run.timelines)
    nodes = [node for node in run.shot.plan.measure if node.name in needed]
    made = _stream(run, "measure", nodes, {name: run.cache.path(run.keys[name]) for name in names})
    run.cache.trim()
    return made


def render(run: Run) -> PassResult:
    """Pass 2: the delivery and everything beside it, into the work folder."""
    cut = run.shot.plan
    names = [node.name for node in cut.render if node.name in cut.kept]
    run.timelines |= _stream(run, "render", cut.render, {name: run.spool(name) for name in names})
    result = run.results["render"]
    if "measure" in run.results:
        same_length(run.shot, run.results["measure"].frames, result.frames)
    return result


def prepare(run: Run, nodes: Iterable[Node]) -> None:
    """Load models and tables before the first frame, and note that these nodes ran."""
    for node in nodes:
        node.stage.prepare()
        run.ran.add(node.name)


def _stream(run: Run, step: Step, nodes: Sequence[Node], paths: Mapping[str, Path]) -> Timelines:
    """One pass over the clip's frames, into `run.results`; the wires of `paths`, kept there."""
    prepare(run, nodes)
    standing = _standing(run, step, paths)
    try:
        return _go_on(run, step, nodes, paths, standing)
    except LostError as error:
        say(f"{run.shot.clip.name}: {error}; starting over")
        run.journal(step).forget()
        return _go_on(run, step, nodes, paths, Standing())


def _standing(run: Run, step: Step, paths: Mapping[str, Path]) -> Standing:
    """Where a run that was killed got to with the very same wires; else the start."""
    found = run.journal(step).read() if run.chunk else None
    if found is None or found.spools.keys() != paths.keys() or not (found.frames or found.ended):
        return Standing()
    total = run.shot.clip.frames
    say(f"{run.shot.clip.name}: {TITLES[step]}, continuing at frame {found.frames}{f' of {total}' if total else ''}")
    return found


def _go_on(run: Run, step: Step, nodes: Sequence[Node], paths: Mapping[str, Path], since: Standing) -> Timelines:
    writers: dict[str, SpoolWriter] = {}
    with ExitStack() as undo:
        for name, path in paths.items():
            writers[name] = _writer(path, run.tag, since.spools.get(name))
            undo.callback(writers[name].close if run.chunk else writers[name].discard)
        run.results[step] = _flow(run, step, nodes, writers, since)
        undo.pop_all()
    return {name: writer.commit() for name, writer in writers.items()}


def _writer(path: Path, tag: str | None, mark: Mark | None) -> SpoolWriter:
    try:
        return SpoolWriter(path, tag, mark)
    except (FileNotFoundError, ValueError) as error:
        raise LostError(str(error)) from error


def _flow(
    run: Run, step: Step, nodes: Sequence[Node], writers: Mapping[str, SpoolWriter], since: Standing
) -> PassResult:
    settings, clock, spent = run.shot.settings, time.perf_counter(), dict(since.stage_seconds)
    read = {wire for node in nodes for wire in node.wires.values()}
    given = {name: timeline for name, timeline in run.timelines.items() if name in read}
    at_once = {"workers": int(settings["workers"]), "in_flight": settings.stage("pace").in_flight}
    one = Pass(nodes, run.job, given=given, wanted=tuple(writers), saved=since.states, **at_once)
    count = since.frames

    def note(states: Mapping[str, bytes], ended: bool = False) -> None:
        marks = {name: writer.mark() for name, writer in writers.items()}
        seconds = since.seconds + time.perf_counter() - clock
        now = Standing(
            frames=count, seconds=seconds, stage_seconds=spent, states=dict(states), spools=marks, ended=ended
        )
        run.journal(step).write(now)

    with bar(TITLES[step], run.shot.clip.frames, settings["quiet"], count) as advance:

        def collect(tick: Tick) -> None:
            nonlocal count
            for name, writer in writers.items():
                writer.append(tick.packets.get(name))
            count += 1
            for stage, seconds in tick.seconds.items():
                spent[stage] = spent.get(stage, 0.0) + seconds
            if run.chunk and count % run.chunk == 0:
                note(tick.saved)
            advance()

        frames = iter(()) if since.ended else run.frames(count)
        made = one.run(frames, collect, (lambda states: note(states, True)) if run.chunk else None)
    names = since.stage_seconds.keys() | made.stage_seconds.keys()
    seconds = {name: made.stage_seconds.get(name, 0.0) + since.stage_seconds.get(name, 0.0) for name in names}
    return replace(made, frames=count, seconds=since.seconds + made.seconds, stage_seconds=seconds)
