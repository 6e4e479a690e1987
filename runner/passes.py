"""The steps of a run: measure (pass 1), shape (the whole clip's curves), render (pass 2), check (what was rendered)."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runner.analysis import AnalysisCache, wire_keys
from runner.executor import Pass, PassResult, Tick, frame_by_frame
from runner.graph import Node
from runner.progress import bar
from runner.shot import Shot, same_length
from runner.spool import Spool, SpoolWriter
from stages.contract import ClipStage, Timeline
from stages.errors import GlabellaError, StageError
from stages.models import cache
from stages.packets import Frame, Job, Packet

Timelines = dict[str, Timeline[Any]]


@dataclass
class Run:
    """A shot on its way: the work folder, the timelines made so far, and what each pass took."""

    shot: Shot
    folder: Path
    cache: AnalysisCache
    keys: Mapping[str, str]
    timelines: Timelines = field(default_factory=dict)
    results: dict[str, PassResult] = field(default_factory=dict)
    clip_seconds: dict[str, float] = field(default_factory=dict)
    ran: set[str] = field(default_factory=set)
    cached: bool = False

    @property
    def job(self) -> Job:
        """What stages are told of the run."""
        return Job(self.shot.clip, self.folder)

    def frames(self) -> Iterator[Frame]:
        """Decode the clip from its start."""
        return self.shot.decode.frames(self.shot.clip)


def start(shot: Shot, folder: Path) -> Run:
    """Find what is known of the clip already."""
    settings = shot.settings["cache"]
    root = cache.root() / "analysis" if settings["enabled"] else folder / ".analysis"
    analyses = AnalysisCache(root, shot.clip_sha256, float(settings["limit_gb"]))
    return Run(shot, folder, analyses, wire_keys(shot.graph, shot.clip_sha256, shot.settings["decode"]))


def measure(run: Run) -> None:
    """Pass 1: fill `run.timelines` with every kept wire; what the cache has is not measured again."""
    cut = run.shot.plan
    kept = [node.name for node in cut.measure if node.name in cut.kept]
    found = {name: spool for name in kept if (spool := run.cache.load(run.keys[name])) is not None}
    run.timelines |= found
    missing = [name for name in kept if name not in found]
    run.cached = bool(kept) and not missing
    if missing:
        run.timelines |= _measure(run, missing)


def _measure(run: Run, names: Sequence[str]) -> Timelines:
    """The named wires, from the clip's pictures and what is known already."""
    needed = run.shot.graph.needed(names, run.timelines)
    nodes = [node for node in run.shot.plan.measure if node.name in needed]
    prepare(run, nodes)
    writers = {name: SpoolWriter(run.cache.path(run.keys[name])) for name in names}
    with ExitStack() as undo:
        for writer in writers.values():
            undo.callback(writer.discard)
        run.results["measure"] = _stream(run, "measuring", nodes, writers)
        undo.pop_all()
    run.cache.trim()
    return {name: writer.commit() for name, writer in writers.items()}


def shape(run: Run) -> None:
    """The clip stages, and what stands between them: each sees whole timelines and makes one."""
    for node in run.shot.plan.shape:
        found = run.cache.load(run.keys[node.name])
        run.timelines[node.name] = found or whole(run, node, run.cache.path(run.keys[node.name]))


def check(run: Run) -> None:
    """The clip stages that look at what was rendered; never cached, because they belong to this delivery."""
    for node in run.shot.plan.check:
        run.timelines[node.name] = whole(run, node, run.folder / ".spool" / f"{node.name}.spool")


def reshape(run: Run, changed: Node) -> None:
    """Make the clip stages anew that follow a changed one."""
    stale = {changed.name}
    for node in run.shot.plan.shape:
        if stale & set(node.wires.values()):
            stale.add(node.name)
            run.timelines[node.name] = whole(run, node, run.folder / ".spool" / f"{node.name}-again.spool")


def whole(run: Run, node: Node, path: Path, told: Timelines | None = None) -> Spool[Packet]:
    """One stage over whole timelines, into a spool. told: what is fed back to it.

    Raises:
        StageError: it failed, or made another number of packets than there are frames.
    """
    started = time.perf_counter()
    prepare(run, [node])
    ports: Any = {port: run.timelines[wire] for port, wire in node.wires.items()} | (told or {})
    total = len(next(iter(ports.values())))
    writer = SpoolWriter(path)
    with ExitStack() as undo, bar(node.name, total, run.shot.settings["quiet"]) as advance:
        undo.callback(writer.discard)
        for packet in shaped(run, node, ports):
            writer.append(packet)
            advance()
        undo.pop_all()
    run.clip_seconds[node.name] = time.perf_counter() - started
    spool = writer.commit()
    if len(spool) != total:
        raise StageError(f"{run.shot.clip.name}: {node} made {len(spool)} packets for {total} frames")
    return spool


def shaped(run: Run, node: Node, ports: Any) -> Iterator[Packet | None]:
    """What a stage makes of whole timelines.

    Raises:
        StageError: whatever the stage raised, with clip and stage in front.
    """
    try:
        if isinstance(node.stage, ClipStage):
            yield from node.stage.process(**ports)
        else:
            yield from frame_by_frame(node, run.job, ports)
    except (GlabellaError, OSError):
        raise
    except Exception as error:
        raise StageError(f"{run.shot.clip.name}: {node} failed: {error or type(error).__name__}") from error


def render(run: Run) -> PassResult:
    """Pass 2: the delivery and everything beside it, into the work folder."""
    cut = run.shot.plan
    prepare(run, cut.render)
    names = [node.name for node in cut.render if node.name in cut.kept]
    writers = {name: SpoolWriter(run.folder / ".spool" / f"{name}.spool") for name in names}
    result = _stream(run, "rendering", cut.render, writers)
    run.results["render"] = result
    run.timelines |= {name: writer.commit() for name, writer in writers.items()}
    if "measure" in run.results:
        same_length(run.shot, run.results["measure"].frames, result.frames)
    return result


def prepare(run: Run, nodes: Iterable[Node]) -> None:
    """Load models and tables before the first frame, and note that these nodes ran."""
    for node in nodes:
        node.stage.prepare()
        run.ran.add(node.name)


def _stream(run: Run, title: str, nodes: Iterable[Node], writers: Mapping[str, SpoolWriter]) -> PassResult:
    settings = run.shot.settings
    read = {wire for node in nodes for wire in node.wires.values()}
    given = {name: timeline for name, timeline in run.timelines.items() if name in read}
    one = Pass(tuple(nodes), run.job, given=given, wanted=tuple(writers), workers=int(settings["workers"]))
    with bar(title, run.shot.clip.frames, settings["quiet"]) as advance:

        def collect(tick: Tick) -> None:
            for name, writer in writers.items():
                writer.append(tick.packets.get(name))
            advance()

        return one.run(run.frames(), collect)
