from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from stages.media.timing import Clock
from stages.packets import Clip, Colour

CLIP = Clip(Path("a"), "a", 8, 8, Fraction(1, 1000), Fraction(30000, 1001), None, "yuv420p", Colour(), "h264", "video")


def test_missing_timestamps_never_drift():
    clock = Clock(CLIP)
    got = [clock.tick(None, None)[1] for _ in range(30001)]
    assert got[30000] == 1001 * 1000
    assert all(abs(pts - Fraction(1001 * index, 30)) <= Fraction(1, 2) for index, pts in enumerate(got))


def test_a_gap_in_the_timestamps_is_counted_from_the_last_known_one():
    clock = Clock(replace(CLIP, rate=Fraction(25)))
    assert [clock.tick(pts, None) for pts in (100, None, None, 260, None)] == [
        (0, 100), (1, 140), (2, 180), (3, 260), (4, 300),
    ]  # fmt: skip


def test_time_that_does_not_move_forward_is_no_time():
    clock = Clock(CLIP)
    assert [clock.tick(pts, None)[1] for pts in (0, 40, 40, 30, 80)] == [0, 40, None, None, 80]


def test_knows_where_the_last_frame_ends():
    clock = Clock(CLIP)
    clock.tick(40, 20)
    assert clock.end == Fraction(60, 1000)
