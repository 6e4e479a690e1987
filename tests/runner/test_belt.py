from __future__ import annotations

import threading

import pytest

from runner.belt import Crew


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
