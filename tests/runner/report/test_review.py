"""Which frames a person is asked to look at."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from runner.report.review import looks
from stages.packets import Restored, Stamp

FINE = (0.8, 0.0, 1.0, 1.0)


def packets(rows: dict[int, dict[int, tuple[float, float, float, float]]], frames: int) -> Iterator[Restored | None]:
    """rows: frame -> track -> cosine, hurt, change, share."""
    for index in range(frames):
        faces = rows.get(index)
        at = Stamp("clip", index, index, Fraction(1, 25))
        values = np.array(list(faces.values()), np.float32) if faces else None
        yield Restored(at, tuple(faces), values) if faces and values is not None else None


def test_nothing_in_doubt_is_nothing_to_look_at() -> None:
    assert looks(packets({i: {0: FINE} for i in range(20)}, 20), Fraction(25)) == ()


def test_frames_in_a_row_are_one_stretch_with_its_worst_figure() -> None:
    rows = {i: {0: FINE, 3: (0.6, 0.2 + i / 1000, 1.0, 1.0)} for i in range(30, 41)}
    (one,) = looks(packets(rows, 100), Fraction(25))
    assert (one.face_id, one.first_frame, one.last_frame) == (3, 30, 40)
    assert (one.start, one.end) == ("00:00:01:05", "00:00:01:15")
    assert one.why == "restoration moves the identity by 24% of the same-person distance"


def test_every_doubt_is_told_and_a_long_gap_parts_two_stretches() -> None:
    rows = {5: {0: (0.8, 0.0, 4.5, 0.6)}, 10: {0: (0.8, 0.0, 1.0, 0.5)}, 90: {0: (0.8, 0.0, 1.0, 0.7)}}
    told = [(one.first_frame, one.last_frame, one.why) for one in looks(packets(rows, 100), Fraction(25))]
    assert told == [
        (5, 5, "restoration changes the face by 4.5 in colour difference"),
        (5, 10, "the identity guard held restoration back, to 50% of its weight"),
        (90, 90, "the identity guard held restoration back, to 70% of its weight"),
    ]
