"""Runs one pass: decode -> lanes of stages -> collector, each in its own thread, in order, in bounded memory.

Neighbouring map stages share a lane whose ticks are worked on by several threads; an ordered stage has a lane and a
thread of its own. A lane hands on futures, so that order is kept by the queue itself and nobody waits for a slow tick
before it is needed. PyAV, OpenCV, numba kernels and ONNX Runtime release the GIL.
"""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Final

from runner.belt import Belt, Crew, Gate
from runner.graph import Node
from stages.contract import MapStage, OrderedStage, Timeline
from stages.errors import GlabellaError, StageError
from stages.packets import Frame, Job, Packet, Stamp


class LostError(Exception):
    """What an ordered stage should be restored from is gone or damaged."""


REMEMBERED: Final = 100_000
"""Frames; an hour and more."""


@dataclass
class Tick:
    """One frame on its way through a pass: the packets made so far, and the seconds each stage took; when it was born.

    cpu: seconds of its own thread's processor time that each stage took. saved: on the last frame of a chunk, what
    every ordered stage is restored from; empty on others.
    """

    at: Stamp
    packets: dict[str, Packet | None]
    seconds: dict[str, float] = field(default_factory=dict)
    cpu: dict[str, float] = field(default_factory=dict)
    born: float = field(default_factory=time.perf_counter)
    saved: dict[str, bytes] = field(default_factory=dict)


@dataclass
class Lane:
    """Stages that run in one place: either any number of map stages, or one ordered stage."""

    nodes: list[Node]
    drops: tuple[str, ...] = ()

    @property
    def ordered(self) -> bool:
        """True when ticks must pass one after another."""
        return isinstance(self.nodes[0].stage, OrderedStage)


@dataclass(frozen=True)
class PassResult:
    """What a pass took: frames, wall seconds, and seconds of work per stage.

    cpu: processor seconds of the whole program meanwhile; stage_cpu: of each stage's own thread, so without those of
    codecs.
    latencies: seconds from a frame's decoding to the end of its last stage, of the latest `REMEMBERED` frames.
    """

    frames: int
    seconds: float
    stage_seconds: Mapping[str, float]
    states: Mapping[str, Any]
    latencies: Sequence[float] = ()
    cpu: float = 0.0
    stage_cpu: Mapping[str, float] = field(default_factory=dict)

    @property
    def fps(self) -> float:
        """Frames a second of wall time."""
        return self.frames / self.seconds if self.seconds else 0.0


def lanes(nodes: Sequence[Node], wanted: Iterable[str]) -> list[Lane]:
    """Group nodes, and note after which lane a packet is needed no more (regions are large)."""
    made: list[Lane] = []
    for node in nodes:
        if made and isinstance(node.stage, MapStage) and not made[-1].ordered:
            made[-1].nodes.append(node)
        else:
            made.append(Lane([node]))
    last = {wire: i for i, lane in enumerate(made) for node in lane.nodes for wire in node.wires.values()}
    for i, lane in enumerate(made):
        lane.drops = tuple(wire for wire, when in last.items() if when == i and wire not in set(wanted))
    return made


class Pass:
    """One run over a clip's frames.

    given: timelines made earlier, whose packets join the tick of their frame. wanted: wires handed to `collect`.
    saved: what ordered stages are restored from, by node, when the frames are the rest of a clip. With `job.chunk`, the
    tick that ends a chunk brings what they can be restored from: each is saved when it has seen just that frame, while
    others are frames ahead or behind, so that nobody waits. in_flight: frames that may be on their way at a time, which
    bounds how late each is; 0 is as many as the belts hold.
    """

    def __init__(
        self,
        nodes: Sequence[Node],
        job: Job,
        *,
        given: Mapping[str, Timeline[Any]],
        wanted: Sequence[str],
        saved: Mapping[str, bytes] | None = None,
        workers: int = 2,
        depth: int = 4,
        in_flight: int = 0,
    ) -> None:
        self._lanes = lanes(nodes, wanted)
        self._job, self._given, self._wanted, self._saved = job, given, wanted, saved or {}
        self._workers, self._depth = workers, depth
        self._in_flight = in_flight
        self._latencies: deque[float] = deque(maxlen=REMEMBERED)
        self._cpu: defaultdict[str, float] = defaultdict(float)
        self._states: dict[str, Any] = {}

    def run(
        self,
        frames: Iterable[Frame],
        collect: Callable[[Tick], None],
        ended: Callable[[Mapping[str, bytes]], None] | None = None,
    ) -> PassResult:
        """Push every frame through; `collect` sees each finished tick in order, in the calling thread.

        ended: told, after the last frame and before the ordered stages finish, what they can be restored from.

        Raises:
            GlabellaError: the first failure of any lane (a `StageError` names frame and stage).
            LostError: a stage cannot be restored; no frame was taken.
            KeyboardInterrupt: after every lane has stopped and every ordered stage was aborted.
        """
        started, spent, crew = time.perf_counter(), defaultdict[str, float](float), Crew()
        worked = time.process_time()
        try:
            self._begin()
            count = self._drive(crew, frames, collect, spent)
            if ended is not None:
                ended({node.name: self._save(node) for node in self._ordered()})
            self._finish(spent)
        except BaseException as error:
            crew.halt(error)
            crew.join()
            self._abort()
            cause = crew.error or error
            raise cause from cause.__cause__
        seconds, cpu = time.perf_counter() - started, time.process_time() - worked
        return PassResult(count, seconds, dict(spent), self._states, tuple(self._latencies), cpu, dict(self._cpu))

    def _drive(
        self, crew: Crew, frames: Iterable[Frame], collect: Callable[[Tick], None], spent: dict[str, float]
    ) -> int:
        count = 0
        with ThreadPoolExecutor(self._workers, "map") as pool:
            try:
                for tick in self._flow(crew, frames, pool):
                    collect(tick)
                    count += 1
                    for name, seconds in tick.seconds.items():
                        spent[name] += seconds
                    for name, seconds in tick.cpu.items():
                        self._cpu[name] += seconds
            except BaseException as error:
                crew.halt(error)  # before the pool closes, so that no lane takes that for the cause
                raise
        return count

    def _begin(self) -> None:
        for node in self._ordered():
            self._states[node.name] = self._state(node)

    def _state(self, node: Any) -> Any:
        saved = self._saved.get(node.name)
        if saved is None:
            return node.stage.begin(self._job)
        try:
            return node.stage.restore(self._job, saved)
        except (ValueError, FileNotFoundError) as error:
            raise LostError(str(error)) from error

    def _finish(self, spent: dict[str, float]) -> None:
        for node in self._ordered():
            started = time.perf_counter()
            node.stage.finish(self._states[node.name])
            spent[node.name] += time.perf_counter() - started

    def _save(self, node: Node) -> bytes:
        stage: Any = node.stage
        try:
            saved: bytes = stage.save(self._states[node.name])
            return saved
        except TypeError as error:
            raise StageError(f"{self._job.clip.name}: {node}: {error}; use chunks=none") from error

    def _abort(self) -> None:
        for node in self._ordered():
            if node.name in self._states:
                node.stage.abort(self._states[node.name])

    def _ordered(self) -> Iterator[Any]:
        return (node for lane in self._lanes for node in lane.nodes if lane.ordered)

    def _flow(self, crew: Crew, frames: Iterable[Frame], pool: ThreadPoolExecutor) -> Iterator[Tick]:
        belt: Belt[Future[Tick]] = Belt(crew, self._depth)
        gate = Gate(crew, self._in_flight)
        crew.start("decode", lambda first=belt: self._decode(frames, first, gate))  # type: ignore[misc]
        for lane in self._lanes:
            ahead: Belt[Future[Tick]] = Belt(crew, self._depth)
            names = "+".join(node.name for node in lane.nodes)
            crew.start(names, lambda *a, lane=lane, i=belt, o=ahead: self._lane(lane, i, o, pool))
            belt = ahead
        for future in belt:
            tick = future.result()
            self._latencies.append(time.perf_counter() - tick.born)
            gate.leave()
            yield tick
        crew.join()

    def _decode(self, frames: Iterable[Frame], out: Belt[Future[Tick]], gate: Gate) -> None:
        source = iter(frames)
        while True:
            gate.enter()
            started = time.perf_counter()
            frame = next(source, None)
            if frame is None:
                return out.close()
            packets: dict[str, Packet | None] = {"frame": frame}
            for name, timeline in self._given.items():
                packets[name] = timeline[frame.at.index] if frame.at.index < len(timeline) else None
            out.put(_done(Tick(frame.at, packets, {"decode": time.perf_counter() - started})))

    def _lane(self, lane: Lane, inbox: Belt[Future[Tick]], out: Belt[Future[Tick]], pool: ThreadPoolExecutor) -> None:
        for future in inbox:
            tick = future.result()
            out.put(_done(self._work(lane, tick)) if lane.ordered else pool.submit(self._work, lane, tick))
        out.close()

    def _work(self, lane: Lane, tick: Tick) -> Tick:
        for node in lane.nodes:
            started, worked = time.perf_counter(), time.thread_time()
            tick.packets[node.name] = run_node(node, tick, self._states.get(node.name))
            if lane.ordered and self._job.chunk and (tick.at.index + 1) % self._job.chunk == 0:
                tick.saved[node.name] = self._save(node)
            tick.seconds[node.name] = time.perf_counter() - started
            tick.cpu[node.name] = time.thread_time() - worked
        for name in lane.drops:
            tick.packets.pop(name, None)
        return tick


def run_node(node: Node, tick: Tick, state: Any) -> Packet | None:
    """One stage on one frame: skipped when a required input is absent.

    Raises:
        StageError: whatever the stage raised, with clip, frame, time and stage in front.
    """
    ports = type(node.stage).inputs()
    given = {port: tick.packets.get(wire) for port, wire in node.wires.items()}
    if any(value is None and not ports[port].optional for port, value in given.items()):
        return None
    given |= {port: None for port in ports if port not in given}
    try:
        process: Any = node.stage.process  # type: ignore[attr-defined]
        made: Packet | None = process(state, **given) if isinstance(node.stage, OrderedStage) else process(**given)
        return made
    except GlabellaError:
        raise
    except Exception as error:
        raise StageError(f"{tick.at}: {node} failed: {error or type(error).__name__}") from error


def frame_by_frame(node: Node, job: Job, wires: Mapping[str, Timeline[Any]]) -> Iterator[Packet | None]:
    """One stage over whole timelines, port by port, without pictures.

    Raises:
        StageError: as of `run_node`.
    """
    ordered = node.stage if isinstance(node.stage, OrderedStage) else None
    state = ordered.begin(job) if ordered else None
    with ExitStack() as undo:
        if ordered:
            undo.callback(ordered.abort, state)
        for packets in zip(*wires.values(), strict=True):
            found = dict(zip(node.wires.values(), packets, strict=True))
            at = next((packet.at for packet in packets if packet is not None), None)
            yield None if at is None else run_node(node, Tick(at, found), state)
        undo.pop_all()
    if ordered:
        ordered.finish(state)


def _done(tick: Tick) -> Future[Tick]:
    future: Future[Tick] = Future()
    future.set_result(tick)
    return future
