from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import numpy as np
import pytest

from stages import facs
from stages.errors import ConfigError
from stages.expression.events import FindEvents
from stages.packets import FaceUnits, MicroEvent, Stamp, Units
from tests.stages.expression.held import Held

RATE = 30
BOTH = {0: 1.0, 1: 1.0}


def clip(
    shown: Mapping[str, tuple[float, Mapping[int, float]]], frames: int = 120, trust: float = 0.8, gone: int = -1
) -> Held:
    """Pulses of a quarter of a second: unit -> (start, side -> height); measured with noise."""
    seconds = np.arange(frames) / RATE
    values = 0.3 + np.random.default_rng(5).normal(0, 0.03, (frames, facs.COUNT, 2))
    for name, (start, sides) in shown.items():
        for side, height in sides.items():
            phase = np.clip((seconds - start) / 0.25, 0, 1)
            values[:, facs.INDEX[name], side] += height * (0.5 - 0.5 * np.cos(2 * np.pi * phase))
    confidence = np.full(facs.COUNT, trust, np.float32)
    pose = np.zeros(3, np.float32)
    packets = [
        Units(
            Stamp("clip", i, i, Fraction(1, RATE)),
            (FaceUnits(4, values[i].astype(np.float32), confidence, pose),) if i != gone else (),
        )
        for i in range(frames)
    ]
    return Held(packets)


def found(units: Held, **settings: float) -> list[MicroEvent]:
    packets = list(FindEvents(**settings).process(units))
    assert len(packets) == len(units)
    for index, packet in enumerate(packets):
        assert packet is None or all(event.onset == index for event in packet.events)
    return [event for packet in packets if packet is not None for event in packet.events]


def test_both_sides_at_once_are_one_event():
    (event,) = found(clip({"AU04": (2.0, BOTH)}))
    assert (event.track, facs.NAMES[event.unit], event.side, event.brief) == (4, "AU04", 2, True)
    assert event.strength == pytest.approx(1, abs=0.15)
    assert event.apex == pytest.approx(2.125 * RATE, abs=2)


@pytest.mark.parametrize("side", [0, 1])
def test_one_side_alone_is_told_as_that_side(side: int):
    (event,) = found(clip({"AU12": (2.0, {side: 0.8})}))
    assert event.side == side
    assert event.strength == pytest.approx(0.8, abs=0.15)


def test_a_blink_is_au45_alone():
    closed = (1.5, {0: 4.0, 1: 4.0})
    (event,) = found(clip({"AU43": closed, "AU45": closed}))
    assert facs.NAMES[event.unit] == "AU45"


def test_gaze_is_left_out():
    assert found(clip({"AU61": (2.0, BOTH), "AU64": (1.0, BOTH)})) == []


def test_confidence_follows_the_measurement_and_the_strength():
    (sure,) = found(clip({"AU04": (2.0, BOTH)}, trust=0.8))
    (unsure,) = found(clip({"AU04": (2.0, BOTH)}, trust=0.4))
    (faint,) = found(clip({"AU04": (2.0, {0: 0.4, 1: 0.4})}, trust=0.8))
    assert unsure.confidence == pytest.approx(sure.confidence / 2, rel=0.01)
    assert 0 < faint.confidence < sure.confidence <= 0.8
    assert found(clip({"AU04": (2.0, BOTH)}, trust=0.1)) == []


def test_a_run_is_never_bridged():
    assert found(clip({"AU04": (2.0, BOTH)}, gone=64)) == []
    (event,) = found(clip({"AU04": (2.0, BOTH)}, gone=30))
    assert event.apex == pytest.approx(2.125 * RATE, abs=2)


def test_a_clip_without_faces_has_no_events():
    assert list(FindEvents().process(Held([None, None]))) == [None, None]


@pytest.mark.parametrize("wrong", [{"stands_out": 0}, {"least": 0}, {"least": 6}, {"min_confidence": 2}])
def test_settings_out_of_range_are_refused(wrong: dict[str, float]):
    with pytest.raises(ConfigError, match=f"events.{next(iter(wrong))}"):
        FindEvents(**wrong)
