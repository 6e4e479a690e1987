"""The steps of a run that see whole clips: shape (curves, before the render) and check (what was rendered).

Each stage begins when what it reads is there, so stages that do not wait for one another work side by side.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, overload

from runner.crew import Crew, StoppedError, together
from runner.executor import frame_by_frame
from runner.graph import Node
from runner.passes import Run, Timelines, prepare
from runner.progress import Board, board
from runner.spool import Spool, SpoolWriter
from stages.contract import ClipStage, Timeline
from stages.errors import GlabellaError, GraphError, StageError
from stages.packets import Packet

Make = Callable[[Node, Timelines], Timeline[Any]]
"""Makes the wire of a node from what it reads, by port."""


class Heeding(Timeline[Packet]):
    """A wire whose reader lets go when its crew is halted."""

    def __init__(self, wire: Timeline[Any], crew: Crew) -> None:
        self._wire, self._crew = wire, crew

    def __len__(self) -> int:
        return len(self._wire)

    @overload
    def __getitem__(self, index: int) -> Packet | None: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Packet | None]: ...
    def __getitem__(self, index: int | slice) -> Packet | Sequence[Packet | None] | None:
        if self._crew.halted:
            raise StoppedError
        return self._wire[index]


def shape(run: Run) -> None:
    """The clip stages, and what stands between them: each sees whole timelines and makes one."""
    _made_of(run, run.shot.plan.shape, lambda node: run.cache.path(run.keys[node.name]), cached=True)


def check(run: Run) -> None:
    """The clip stages that look at what was rendered; never cached, because they belong to this delivery."""
    _made_of(run, run.shot.plan.check, lambda node: run.spool(node.name), cached=False)


def reshape(run: Run, changed: Node, shown: Board) -> None:
    """Make the clip stages anew that follow a changed one."""
    stale = {changed.name}
    for node in run.shot.plan.shape:
        if stale & set(node.wires.values()):
            stale.add(node.name)
            run.timelines[node.name] = whole(run, node, run.spool(f"{node.name}-again"), wired(run, node), shown)


def wired(run: Run, node: Node) -> Timelines:
    """What a stage reads, by port."""
    return {port: run.timelines[wire] for port, wire in node.wires.items()}


def _made_of(run: Run, nodes: Sequence[Node], path: Callable[[Node], Path], *, cached: bool) -> None:
    started = time.perf_counter()
    with board(run.shot.settings["quiet"]) as shown:

        def make(node: Node, ports: Timelines) -> Timeline[Any]:
            found = run.cache.load(run.keys[node.name]) if cached else None
            return found or whole(run, node, path(node), ports, shown)

        side_by_side(nodes, run.timelines, make, int(run.shot.settings["workers"]))
    run.between += time.perf_counter() - started


def side_by_side(nodes: Sequence[Node], known: Timelines, make: Make, workers: int) -> None:
    """Make the wires of all nodes, a few at a time. known: the wires that are there; what is made joins them.

    Raises:
        GraphError: a node reads what nobody makes.
        Exception: the first failure of any of them; the others let go as soon as they read a packet.
        KeyboardInterrupt: likewise.
    """
    with together() as crew:
        work = _Work(crew, nodes, known, make)
        for number in range(min(workers, len(nodes))):
            crew.start(f"shape {number}", work.carry)
        work.wait()


class _Work:
    """Nodes of which each waits for what it reads."""

    def __init__(self, crew: Crew, nodes: Sequence[Node], known: Timelines, make: Make) -> None:
        self._crew, self._left, self._known, self._make = crew, list(nodes), known, make
        self._under_way = 0
        self._changed = crew.condition()

    def carry(self) -> None:
        """Make what can be made until nothing is left: what each of a few threads does.

        Raises:
            StoppedError: the crew was halted.
            Exception: as of `make`.
        """
        while (node := self._take()) is not None:
            ports: Timelines = {port: Heeding(self._known[wire], self._crew) for port, wire in node.wires.items()}
            made = self._make(node, ports)
            with self._crew.lock:
                self._known[node.name] = made
                self._under_way -= 1
                self._changed.notify_all()

    def wait(self) -> None:
        """Until all are made.

        Raises:
            StoppedError: the crew was halted.
            GraphError: one reads what nobody makes.
        """
        with self._crew.lock:
            self._crew.wait(self._changed, self._over)
        if self._left:
            raise GraphError(f"{self._left[0]} reads what is not made before it")

    def _take(self) -> Node | None:
        with self._crew.lock:
            self._crew.wait(self._changed, lambda: self._over() or self._next() is not None)
            if (node := self._next()) is not None:
                self._left.remove(node)
                self._under_way += 1
            return node

    def _over(self) -> bool:
        """True when nothing is being made and nothing more can be."""
        return not self._under_way and self._next() is None

    def _next(self) -> Node | None:
        """The first one that has what it reads."""
        return next((node for node in self._left if self._known.keys() >= set(node.wires.values())), None)


def whole(run: Run, node: Node, path: Path, ports: Timelines, shown: Board) -> Spool[Packet]:
    """One stage over whole timelines, into a spool.

    Raises:
        StageError: it failed, or made another number of packets than there are frames.
    """
    started, worked = time.perf_counter(), time.thread_time()
    prepare(run, [node])
    total = len(next(iter(ports.values())))
    writer = SpoolWriter(path, run.tag)
    with ExitStack() as undo, shown(node.name, total) as advance:
        undo.callback(writer.discard)
        for packet in shaped(run, node, ports):
            writer.append(packet)
            advance()
        undo.pop_all()
    spool = writer.commit()
    run.clip_seconds[node.name] = time.perf_counter() - started
    run.clip_cpu[node.name] = time.thread_time() - worked
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
    except (GlabellaError, OSError, StoppedError):
        raise
    except Exception as error:
        raise StageError(f"{run.shot.clip.name}: {node} failed: {error or type(error).__name__}") from error
