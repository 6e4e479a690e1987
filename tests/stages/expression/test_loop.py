"""The closed loop, against a warp of known faults instead of a picture."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from stages import facs
from stages.errors import ConfigError
from stages.expression.loop import Closed, Open
from stages.packets import FaceUnits, Floats, Stamp, Units
from tests.stages.expression.held import Held

FRAMES = 60
SMILE, CHEEK, BROW = (facs.INDEX[name] for name in ("AU12", "AU06", "AU04"))


def wire(values: Floats) -> list[Units]:
    sure = np.ones(facs.COUNT, np.float32)
    return [
        Units(Stamp("c", i, i, Fraction(1, 25)), (FaceUnits(0, row.astype(np.float32), sure, np.zeros(3, np.float32)),))
        for i, row in enumerate(values)
    ]


def measured() -> Floats:
    values = np.zeros((FRAMES, facs.COUNT, 2), np.float32)
    values[:, SMILE] = (1.5 + np.sin(np.arange(FRAMES) / 7))[:, None]
    values[:, CHEEK] = 1.0
    return values


def asked(gain: float) -> list[Units]:
    values = measured()
    values[:, SMILE] *= gain
    return wire(values)


def shown(driven: list[Units], noise: float = 0.0) -> list[Units]:
    """A picture that shows 60 % of a smile, 25 % of which leaks into the cheeks."""
    values, rng = measured(), np.random.default_rng(3)
    change = np.stack([packet.faces[0].values for packet in driven]) - values
    change[:, CHEEK] += 0.25 * change[:, SMILE]
    change[:, SMILE] *= 0.6
    return wire(values + change + rng.normal(0, noise, change.shape))


def closed(gain: float, rounds: int, noise: float = 0.0, **settings: float) -> Floats:
    stage, units, wanted = Closed(**settings), Held(wire(measured())), Held(asked(gain))
    driven = list(stage.process(units, wanted))
    for _ in range(rounds):
        driven = list(stage.process(units, wanted, Held(driven), Held(shown(driven, noise))))
    return np.stack([packet.faces[0].values for packet in driven])


def error(driven: Floats, gain: float) -> Floats:
    """(FRAMES, facs.COUNT) what is shown beyond what was asked."""
    got = np.stack([packet.faces[0].values for packet in shown(wire(driven))])
    return (got - np.stack([packet.faces[0].values for packet in asked(gain)])).mean(2)


@pytest.mark.parametrize("gain", [0.5, 1.5])
def test_what_is_shown_comes_to_what_was_asked(gain: float):
    before, after = error(closed(gain, 0), gain), error(closed(gain, 2, leakage=0.6), gain)
    for unit in (SMILE, CHEEK):
        assert np.abs(after[:, unit]).max() < 0.25 * np.abs(before[:, unit]).max()


def test_noise_moves_nothing_that_nobody_asked_for():
    driven = closed(1.5, 1, noise=0.3) - measured()
    still = np.setdiff1d(np.arange(facs.COUNT), [SMILE, CHEEK])
    assert np.abs(driven[:, still]).max() < 0.1 * np.abs(driven[:, SMILE]).max()


def test_no_correction_goes_beyond_its_bounds():
    wanted = np.stack([packet.faces[0].values for packet in asked(1.5)])[:, SMILE] - measured()[:, SMILE]
    driven = closed(1.5, 4, strongest=1.2, leakage=0.1) - measured()
    np.testing.assert_allclose(driven[:, SMILE], 1.2 * wanted, rtol=1e-3)
    assert np.abs(driven[:, CHEEK]).max() <= 0.1 * np.abs(wanted).max() + 1e-6


def test_more_units_than_frames_can_tell_apart_are_not_corrected():
    many = measured()
    many[:, :30] *= 1.5
    many[:, :30] += 0.5 * np.random.default_rng(1).random((FRAMES, 30, 1))
    units, wanted = Held(wire(measured())), Held(wire(many))
    driven = list(Closed().process(units, wanted, wanted, Held(shown(wanted.items))))
    np.testing.assert_array_equal(driven[5].faces[0].values, wanted[5].faces[0].values)


def test_where_nothing_is_asked_the_packet_is_the_same():
    units = Held(wire(measured()))
    driven = list(Closed().process(units, units, units, units))
    assert all(one is other for one, other in zip(driven, units, strict=True))
    assert Open().process(units[0]) is units[0]
    assert Closed().rehearsed(units, units) == ()


def test_rehearsed_frames_are_those_that_are_seen_and_busy():
    units, wanted = Held(wire(measured())), Held(asked(1.5))
    frames = Closed(frames=12, every=5).rehearsed(units, wanted)
    assert 6 <= len(frames) <= 12
    assert all(frame % 5 == 0 for frame in frames)


@pytest.mark.parametrize(("setting", "value"), [("rounds", 9), ("strongest", 0.5), ("leakage", 2.0), ("frames", 0)])
def test_settings_out_of_range_are_refused(setting: str, value: float):
    with pytest.raises(ConfigError, match=setting):
        Closed(**{setting: value})
