from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from runner.report.events import listed, timecode
from stages import facs
from stages.packets import Events, FaceUnits, MicroEvent, Stamp, Units
from tests.stages.expression.held import Held

RATE = Fraction(25)


@pytest.mark.parametrize(
    ("seconds", "rate", "written"),
    [
        (4.48, RATE, "00:00:04:12"),
        (3661.0, RATE, "01:01:01:00"),
        (1.001, Fraction(30000, 1001), "00:00:01:00"),
        (0.9676, Fraction(30000, 1001), "00:00:00:29"),
    ],
)
def test_timecode_counts_frames_from_each_full_second(seconds: float, rate: Fraction, written: str):
    assert timecode(seconds, rate) == written


def test_events_are_counted_per_unit_and_minute():
    values, trust = np.zeros((facs.COUNT, 2), np.float32), np.ones(facs.COUNT, np.float32)
    face = FaceUnits(0, values, trust, np.zeros(3, np.float32))
    stamps = [Stamp("clip", i, i, 1 / RATE) for i in range(750)]
    measured = Held([Units(at, (face,)) for at in stamps])
    blink, brow = facs.INDEX["AU45"], facs.INDEX["AU04"]
    found = [
        Events(stamps[5], (MicroEvent(0, blink, 2, 5, 8, 10, 3.2, 0.9, True),)),
        Events(stamps[50], (MicroEvent(0, brow, 0, 50, 54, 90, 0.6, 0.5, False),)),
    ]
    told = listed([None, *found], measured, RATE)
    assert told.counts() == {"AU04": 1, "AU45": 1}
    assert told.per_minute == pytest.approx(4)
    counted = {"events.AU04": 1, "events.AU45": 1, "events.brief": 1}
    assert told.metrics() == {"events": 2, "events.per_minute": 4, **counted}
    assert (told.events[0].side, told.events[0].letter, told.events[1].letter) == ("both", "C", "A")
    assert (told.events[1].onset, told.events[1].apex_s) == ("00:00:02:00", pytest.approx(2.16))
