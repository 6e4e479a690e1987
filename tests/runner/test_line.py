from __future__ import annotations

import threading
import time

import pytest

from runner.crew import Crew, StoppedError
from runner.line import Line


def test_an_interrupt_while_a_lane_starts_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    started, ran, start = list[threading.Thread](), list[str](), threading.Thread.start

    def interrupted(thread: threading.Thread) -> None:
        started.append(thread)
        raise KeyboardInterrupt

    crew = Crew()
    monkeypatch.setattr(threading.Thread, "start", interrupted)
    with pytest.raises(KeyboardInterrupt):
        crew.start("decode", lambda: ran.append("decode"))
    crew.halt(KeyboardInterrupt())
    crew.join()
    start(started[0])  # the thread of an interrupted start may still come to life
    started[0].join()
    assert ran == []


def carried(ordered: list[bool], items: int, threads: int, slow_s: float) -> tuple[list[int], list[list[int]]]:
    """What arrives, and what each station saw in which order; items take their time by turns."""
    crew, seen = Crew(), [list[int]() for _ in ordered]

    def work(station: int, item: int) -> None:
        time.sleep(slow_s * (item % 3))
        seen[station].append(item)

    line = Line(crew, ordered, work, 2 * threads)

    def feed() -> None:
        for item in range(items):
            line.admit()
            line.put(item)
        line.close()

    crew.start("feed", feed)
    for number in range(threads):
        crew.start(f"carry {number}", line.carry)
    arrived = list(line)
    crew.join()
    assert crew.error is None
    return arrived, seen


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_items_arrive_in_order_and_pass_ordered_stations_in_order(threads: int) -> None:
    arrived, seen = carried([False, True, False, False, True], 60, threads, 0.0005)
    assert arrived == list(range(60))
    assert seen[1] == seen[4] == arrived
    assert all(sorted(station) == arrived for station in seen)
    assert threads == 1 or seen[0] != arrived  # several at a time, so the quick ones overtake


def test_a_line_that_nothing_enters_ends() -> None:
    assert carried([True], 0, 3, 0.0) == ([], [[]])


def test_a_line_without_stations_hands_on() -> None:
    assert carried([], 5, 2, 0.0)[0] == list(range(5))


def test_a_halt_lets_go_of_whoever_waits() -> None:
    crew = Crew()
    line: Line[int] = Line(crew, [True], lambda station, item: None, 1)
    for number in range(3):
        crew.start(f"carry {number}", line.carry)
    line.put(0)  # nobody collects, so there is no room for another
    crew.start("feed", line.admit)
    crew.halt(OSError("the disk is full"))
    crew.join()
    assert str(crew.error) == "the disk is full"
    with pytest.raises(StoppedError):
        list(line)
