from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from runner.executor import Pass, Tick
from runner.graph import Node
from stages.errors import StageError
from stages.packets import Job
from tests.runner import steps


def job() -> Job:
    return Job(steps.clip(), Path())


def chain(**number: Any) -> tuple[list[Node], steps.Sum]:
    total = steps.Sum()
    nodes = [
        Node("number", steps.Number(**number), {"frame": "frame"}, {}),
        Node("double", steps.Double(), {"number": "number"}, {}),
        Node("total", total, {"number": "double"}, {}),
    ]
    return nodes, total


def run(nodes: list[Node], count: int, wanted: tuple[str, ...], **options: Any) -> list[Tick]:
    ticks: list[Tick] = []
    result = Pass(nodes, job(), given={}, wanted=wanted, **options).run(steps.frames(count), ticks.append)
    assert result.frames == len(ticks)
    return ticks


def test_order_is_kept_although_every_other_frame_takes_longer() -> None:
    nodes, _ = chain(slow_s=0.01)
    ticks = run(nodes, 30, ("double", "total"), workers=4)
    assert [t.at.index for t in ticks] == list(range(30))
    assert [steps.value(t.packets["total"]) for t in ticks] == [i * (i + 1) for i in range(30)]


def test_absence_skips_dependents_and_nothing_else() -> None:
    nodes, _ = chain(skip=(3, 4))
    ticks = run(nodes, 6, ("double", "total"))
    assert [steps.value(t.packets["total"]) for t in ticks] == [0, 2, 6, None, None, 16]


def test_a_failing_stage_names_clip_frame_time_and_stage() -> None:
    nodes, total = chain(fail_at=5)
    with pytest.raises(StageError) as caught:
        run(nodes, 1000, ())
    assert str(caught.value) == ("c.mp4 frame 5 (0.200s): stage 'number' (Number) failed: gain produced NaN for AU12")
    assert isinstance(caught.value.__cause__, FloatingPointError)
    assert total.log == ["begin", "abort"]


def test_finished_pass_finishes_its_stages() -> None:
    nodes, total = chain()
    run(nodes, 5, ())
    assert total.log == ["begin", "finish"]


def test_interrupt_in_the_collector_stops_every_thread() -> None:
    nodes, total = chain()
    before = threading.active_count()

    def interrupt(tick: Tick) -> None:
        if tick.at.index == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Pass(nodes, job(), given={}, wanted=()).run(steps.frames(100_000), interrupt)
    assert total.log == ["begin", "abort"]
    assert threading.active_count() == before


def test_an_error_while_decoding_reaches_the_caller() -> None:
    def broken() -> Any:
        yield from steps.frames(3)
        raise OSError("no more")

    nodes, total = chain()
    with pytest.raises(OSError, match="no more"):
        Pass(nodes, job(), given={}, wanted=()).run(broken(), lambda tick: None)
    assert total.log == ["begin", "abort"]


def test_frames_in_flight_are_bounded() -> None:
    decoded, finished, most = 0, 0, 0

    def counted() -> Any:
        nonlocal decoded, most
        for frame in steps.frames(200):
            decoded += 1
            most = max(most, decoded - finished)
            yield frame

    def collect(tick: Tick) -> None:
        nonlocal finished
        finished += 1

    nodes, _ = chain(slow_s=0.001)
    Pass(nodes, job(), given={}, wanted=(), workers=2).run(counted(), collect)
    assert finished == 200
    assert most <= 20


def test_a_pace_bounds_frames_in_flight_and_keeps_order_and_every_frame() -> None:
    decoded, most, seen = 0, 0, []

    def counted() -> Any:
        nonlocal decoded, most
        for frame in steps.frames(60):
            decoded += 1
            most = max(most, decoded - len(seen))
            yield frame

    nodes, _ = chain(slow_s=0.001)
    one = Pass(nodes, job(), given={}, wanted=(), workers=2, in_flight=2)
    result = one.run(counted(), lambda tick: seen.append(tick.at.index))
    assert seen == list(range(60))
    assert most <= 3  # one more while its tick is being collected
    assert len(result.latencies) == 60
    assert 0 < max(result.latencies) < result.seconds


def test_an_error_at_a_narrow_gate_stops_every_thread() -> None:
    nodes, total = chain(fail_at=5)
    before = threading.active_count()
    with pytest.raises(StageError):
        Pass(nodes, job(), given={}, wanted=(), in_flight=1).run(steps.frames(1000), lambda tick: None)
    assert total.log == ["begin", "abort"]
    assert threading.active_count() == before


def test_large_packets_are_let_go_after_their_last_reader() -> None:
    nodes, _ = chain()
    ticks = run(nodes, 3, ("total",))
    assert all(set(t.packets) == {"total"} for t in ticks)


def test_given_timelines_join_the_tick_of_their_frame(tmp_path: Path) -> None:
    from runner.spool import SpoolWriter

    writer = SpoolWriter(tmp_path / "w.spool")
    for frame in steps.frames(4):
        writer.append(None if frame.at.index == 2 else steps.units(frame.at, 10 * frame.at.index))
    nodes = [Node("total", steps.Sum(), {"number": "curve"}, {})]
    ticks: list[Tick] = []
    Pass(nodes, job(), given={"curve": writer.commit()}, wanted=("total",)).run(steps.frames(4), ticks.append)
    assert [steps.value(t.packets["total"]) for t in ticks] == [0, 10, None, 40]
