"""Rehearsals: a few frames are rendered and measured before all are, for stages that learn from what came of them."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any, overload

from runner.executor import Pass, Tick
from runner.graph import Node
from runner.passes import SPOOLS, Run, prepare
from runner.progress import bar, board
from runner.shaping import reshape, shaped, whole, wired
from runner.spool import Spool
from stages.contract import LoopStage, Timeline
from stages.packets import Frame, Packet

_STEP = "rehearse"


class Sparse(Timeline[Packet]):
    """A wire of which a few frames are known."""

    def __init__(self, length: int, packets: Mapping[int, Packet | None]) -> None:
        self._length, self._packets = length, packets

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, index: int) -> Packet | None: ...
    @overload
    def __getitem__(self, index: slice) -> list[Packet | None]: ...
    def __getitem__(self, index: int | slice) -> Packet | list[Packet | None] | None:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(self._length))]
        if not -self._length <= index < self._length:
            raise IndexError(index)
        return self._packets.get(index % self._length)


def rehearse(run: Run) -> None:
    """Let every stage that takes something back have it, as often as it wants, and shape anew what follows it."""
    if run.chunk and _rehearsed(run):
        return
    before = dict(run.timelines)
    for node in run.shot.plan.shape:
        if node.feedback and isinstance(node.stage, LoopStage):
            _loop(run, node, node.stage)
    changed = {name: one for name, one in run.timelines.items() if one is not before.get(name)}
    if run.chunk:
        run.journal(_STEP).keep({name: one.path.name for name, one in changed.items() if isinstance(one, Spool)})


def _rehearsed(run: Run) -> bool:
    """Take what a run that was killed had rehearsed to the end."""
    files = run.journal(_STEP).kept()
    if not isinstance(files, dict):
        return False
    try:
        run.timelines |= {name: Spool(run.folder / SPOOLS / file) for name, file in files.items()}
    except (OSError, ValueError):
        return False
    return True


def _loop(run: Run, node: Node, stage: LoopStage) -> None:
    started, worked = time.perf_counter(), time.process_time()
    ports = wired(run, node)
    frames = list(stage.rehearsed(**ports)) if stage.rounds else []
    for turn in range(stage.rounds if frames else 0):
        title = f"rehearsing {turn + 1}/{stage.rounds}" if stage.rounds > 1 else "rehearsing"
        told = tried(run, frames, tuple(node.feedback.values()), title)
        again = {port: told[wire] for port, wire in node.feedback.items()}
        with board(run.shot.settings["quiet"]) as shown:
            run.timelines[node.name] = whole(run, node, run.spool(f"{node.name}-{turn}"), ports | again, shown)
            reshape(run, node, shown)
    run.clip_seconds[node.name] = time.perf_counter() - started
    run.between += run.clip_seconds[node.name]
    run.clip_cpu[node.name] = time.process_time() - worked


def tried(run: Run, frames: Collection[int], wires: Collection[str], title: str) -> dict[str, Timeline[Any]]:
    """What `wires` carry on the chosen frames, when these are rendered as the shaped curves stand now."""
    cut, total = run.shot.plan, len(next(iter(run.timelines.values())))
    needed = run.shot.graph.needed(wires)
    nodes = [node for node in cut.render if node.name in needed]
    prepare(run, nodes)
    read = {wire for node in nodes for wire in node.wires.values()}
    given = {name: timeline for name, timeline in run.timelines.items() if name in read}
    checks = [node for node in cut.check if node.name in needed]
    wanted = {wire for node in checks for wire in node.wires.values()} | set(wires)
    made: dict[str, dict[int, Packet | None]] = {n.name: {} for n in nodes if n.name in wanted}
    job = replace(run.job, chunk=None)
    one = Pass(nodes, job, given=given, wanted=tuple(made), workers=int(run.shot.settings["workers"]))
    with bar(title, len(frames), run.shot.settings["quiet"]) as advance:

        def collect(tick: Tick) -> None:
            for name, packets in made.items():
                packets[tick.at.index] = tick.packets.get(name)
            advance()

        one.run(_chosen(run, set(frames)), collect)
    told: dict[str, Timeline[Any]] = {**run.timelines, **{name: Sparse(total, found) for name, found in made.items()}}
    for node in checks:
        told[node.name] = _checked(run, node, told, total)
    return {wire: told[wire] for wire in wires}


def _checked(run: Run, node: Node, told: Mapping[str, Timeline[Any]], total: int) -> Timeline[Any]:
    prepare(run, [node])
    ports = {port: told[wire] for port, wire in node.wires.items()}
    found = enumerate(shaped(run, node, ports))
    return Sparse(total, {index: packet for index, packet in found if packet is not None})


def _chosen(run: Run, frames: set[int]) -> Iterator[Frame]:
    last = max(frames)
    for frame in run.frames():
        if frame.at.index in frames:
            yield frame
        if frame.at.index >= last:
            return
