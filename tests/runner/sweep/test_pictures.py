from __future__ import annotations

from pathlib import Path

from runner.sweep.pictures import key_frames
from stages.delivery.stills import Moved, Still


def still(frame: int, unit: str = "", change: float = 0.0) -> Still:
    moved = (Moved(unit, 1.0, 1.0 + change),) if unit else ()
    return Still(frame, frame / 25, 0, (0, 0, 8, 8), moved, Path("b"), Path("a"), Path("w"))


def test_key_frames_are_the_most_changed_each_unit_in_turn() -> None:
    stills = [still(100, "AU12", 2.0), still(0, "AU12", 1.8), still(50, "AU04", 1.0), still(150)]
    assert [key.frame for key in key_frames(stills, 2)] == [50, 100]
    assert [key.frame for key in key_frames(stills, 3)] == [0, 50, 100]


def test_key_frames_are_apart() -> None:
    stills = [still(i, "AU12", 2 - i / 100) for i in range(40)]
    assert [key.frame for key in key_frames(stills, 6)] == [0, 13, 26, 39]


def test_no_stills_no_key_frames() -> None:
    assert key_frames([], 6) == ()
