from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from runner.graph import Node
from runner.shaping import side_by_side
from stages.contract import Timeline
from stages.errors import GraphError
from tests.runner import steps
from tests.stages.expression.held import Held


def wire(count: int) -> Held:
    return Held([steps.units(frame.at, frame.at.index) for frame in steps.frames(count)])


def doubling(name: str, reads: str) -> Node:
    return Node(name, steps.Double(), {"number": reads}, {})


def doubled(node: Node, ports: dict[str, Timeline[Any]]) -> Held:
    stage: Any = node.stage
    return Held([stage.process(number=packet, extra=None) for packet in ports["number"]])


def values(made: Timeline[Any]) -> list[float | None]:
    return [steps.value(packet) for packet in made]


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_each_waits_for_what_it_reads(workers: int) -> None:
    nodes = [doubling("far", "near"), doubling("near", "start"), doubling("beside", "start")]
    known: dict[str, Timeline[Any]] = {"start": wire(5)}
    side_by_side(nodes, known, doubled, workers)
    assert values(known["near"]) == values(known["beside"]) == [0, 2, 4, 6, 8]
    assert values(known["far"]) == [0, 4, 8, 12, 16]


def test_what_does_not_wait_for_another_is_made_beside_it() -> None:
    both = threading.Barrier(2)

    def make(node: Node, ports: dict[str, Timeline[Any]]) -> Held:
        both.wait(10)  # breaks unless two are here at the same time
        return doubled(node, ports)

    known: dict[str, Timeline[Any]] = {"start": wire(3)}
    side_by_side([doubling("one", "start"), doubling("other", "start")], known, make, 2)
    assert values(known["one"]) == values(known["other"])


def test_what_nobody_makes_is_no_endless_wait() -> None:
    with pytest.raises(GraphError, match="'lost'"):
        side_by_side([doubling("lost", "nowhere"), doubling("near", "start")], {"start": wire(3)}, doubled, 2)


def endless(ports: dict[str, Timeline[Any]]) -> Iterator[Any]:
    while True:
        yield ports["number"][0]
        time.sleep(0.001)


def test_a_failure_ends_the_others() -> None:
    begun = threading.Event()

    def make(node: Node, ports: dict[str, Timeline[Any]]) -> Held:
        if node.name == "fails":
            assert begun.wait(10)
            raise FloatingPointError("gain produced NaN for AU12")
        for _ in endless(ports):
            begun.set()
        raise AssertionError

    before = threading.active_count()
    with pytest.raises(FloatingPointError, match="AU12"):
        side_by_side([doubling("long", "start"), doubling("fails", "start")], {"start": wire(3)}, make, 2)
    assert threading.active_count() == before


def test_an_interrupt_ends_all() -> None:
    def make(node: Node, ports: dict[str, Timeline[Any]]) -> Held:
        for count, _ in enumerate(endless(ports)):
            if count == 3 and node.name == "long":
                os.kill(os.getpid(), signal.SIGINT)  # told to the main thread, which waits
        raise AssertionError

    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        side_by_side([doubling("long", "start"), doubling("longer", "start")], {"start": wire(3)}, make, 2)
    assert threading.active_count() == before
