"""Runs one pass: decoded frames are carried through the stages by a few threads, in order, in bounded memory.

A tick is one frame with all that is made of it. Map stages work on several ticks at a time; an ordered stage takes them
one after another, whoever carries them (`runner.line`). PyAV, OpenCV, numba kernels and ONNX Runtime release the GIL.
"""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Final

from runner.crew import Crew, together
from runner.garbage import between_frames
from runner.graph import Node
from runner.line import Line
from stages.contract import OrderedStage, Timeline
from stages.errors import GlabellaError, StageError
from stages.packets import Frame, Job, Packet, Stamp


class LostError(Exception):
    """What an ordered stage should be restored from is gone or damaged."""


REMEMBERED: Final = 100_000
"""Frames; an hour and more."""

AHEAD: Final = 4
"""Frames on their way for each worker where nothing else bounds them: enough for a stage that takes long at times."""


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


@dataclass(frozen=True)
class PassResult:
    """What a pass took: frames, wall seconds, and seconds of work per stage.

    cpu: processor seconds of the whole program meanwhile; stage_cpu: of each stage's own thread, so without those of
    codecs with threads of their own. latencies: seconds from a frame's decoding to the end of its last stage, of the
    latest `REMEMBERED` frames.
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


def last_readers(nodes: Sequence[Node], wanted: Iterable[str]) -> list[tuple[str, ...]]:
    """After each node, the wires that are needed no more (regions are large)."""
    last = {wire: node.name for node in nodes for wire in node.wires.values()}
    kept = set(wanted)
    return [tuple(wire for wire, name in last.items() if name == node.name and wire not in kept) for node in nodes]


class Pass:
    """One run over a clip's frames.

    given: timelines made earlier, whose packets join the tick of their frame. wanted: wires handed to `collect`.
    saved: what ordered stages are restored from, by node, when the frames are the rest of a clip. With `job.chunk`, the
    tick that ends a chunk brings what they can be restored from: each is saved when it has seen just that frame, while
    others are frames ahead or behind, so that nobody waits. workers: how many threads carry frames. in_flight: frames
    that may be on their way at a time, which bounds how late each is; 0 is as many as keep everybody busy.
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
        in_flight: int = 0,
    ) -> None:
        self._nodes, self._drops = list(nodes), last_readers(nodes, wanted)
        self._job, self._given, self._saved = job, given, saved or {}
        self._workers = workers
        self._in_flight = in_flight or AHEAD * workers
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
            GlabellaError: the first failure of any thread (a `StageError` names frame and stage).
            LostError: a stage cannot be restored; no frame was taken.
            KeyboardInterrupt: after every thread has stopped and every ordered stage was aborted.
        """
        started, worked, spent = time.perf_counter(), time.process_time(), defaultdict[str, float](float)
        try:
            self._begin()
            with together() as crew:
                count = self._drive(crew, frames, collect, spent)
            if ended is not None:
                ended({node.name: self._save(node) for node in self._ordered()})
            self._finish(spent)
        except BaseException:
            self._abort()
            raise
        seconds, cpu = time.perf_counter() - started, time.process_time() - worked
        return PassResult(count, seconds, dict(spent), self._states, tuple(self._latencies), cpu, dict(self._cpu))

    def _drive(
        self, crew: Crew, frames: Iterable[Frame], collect: Callable[[Tick], None], spent: dict[str, float]
    ) -> int:
        count = 0
        with between_frames() as garbage:
            for tick in self._flow(crew, frames):
                collect(tick)
                count += 1
                for name, seconds in tick.seconds.items():
                    spent[name] += seconds
                for name, seconds in tick.cpu.items():
                    self._cpu[name] += seconds
                garbage.frame()
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
        return (node for node in self._nodes if isinstance(node.stage, OrderedStage))

    def _flow(self, crew: Crew, frames: Iterable[Frame]) -> Iterator[Tick]:
        ordered = [isinstance(node.stage, OrderedStage) for node in self._nodes]
        line = Line(crew, ordered, self._work, self._in_flight)
        crew.start("decode", lambda: self._decode(frames, line))
        for number in range(self._workers):
            crew.start(f"carry {number}", line.carry)
        for tick in line:
            self._latencies.append(time.perf_counter() - tick.born)
            yield tick

    def _decode(self, frames: Iterable[Frame], line: Line[Tick]) -> None:
        source = iter(frames)
        while True:
            line.admit()
            started = time.perf_counter()
            frame = next(source, None)
            if frame is None:
                return line.close()
            packets: dict[str, Packet | None] = {"frame": frame}
            for name, timeline in self._given.items():
                packets[name] = timeline[frame.at.index] if frame.at.index < len(timeline) else None
            line.put(Tick(frame.at, packets, {"decode": time.perf_counter() - started}))

    def _work(self, station: int, tick: Tick) -> None:
        node, started, worked = self._nodes[station], time.perf_counter(), time.thread_time()
        tick.packets[node.name] = run_node(node, tick, self._states.get(node.name))
        if self._job.chunk and (tick.at.index + 1) % self._job.chunk == 0 and node.name in self._states:
            tick.saved[node.name] = self._save(node)
        for name in self._drops[station]:
            tick.packets.pop(name, None)
        tick.seconds[node.name] = time.perf_counter() - started
        tick.cpu[node.name] = time.thread_time() - worked


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
