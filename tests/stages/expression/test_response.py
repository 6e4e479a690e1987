from __future__ import annotations

import itertools

import numpy as np
import pytest

from stages import facs
from stages.expression.gain import Gain
from stages.packets import Floats

AU12 = facs.INDEX["AU12"]
STEPS = np.linspace(0, 10, 801, dtype=np.float32)


def through(**curve: float) -> Floats:
    """What a curve makes of 0..10 in AU12."""
    values = np.zeros((len(STEPS), facs.COUNT, 2), np.float32)
    values[:, AU12] = STEPS[:, None]
    answered: Floats = Gain(response={12: curve}).layer.response(values)
    assert not np.delete(answered, AU12, axis=1).any()
    return answered[:, AU12, 0]


ALL = [
    {"gain": gain, "gamma": gamma, "offset": offset, "dead_zone": zone} | ({"ceiling": top} if top else {})
    for gain, gamma, offset, zone, top in itertools.product((0, 0.7, 2), (0.5, 1, 2.5), (-1, 0, 1), (0, 0.8), (None, 3))
]


@pytest.mark.parametrize("curve", ALL, ids=str)
def test_every_curve_rises_and_stays_in_bounds(curve: dict[str, float]):
    answered = through(**curve)
    assert np.all(np.diff(answered) >= -1e-5)
    assert np.all(answered >= 0)
    assert answered.max() <= curve.get("ceiling", np.inf) + 1e-6
    assert np.diff(answered).max() < 0.25  # 80 steps an intensity: nothing jumps


def test_a_curve_at_its_defaults_hands_on_the_same_numbers():
    assert np.array_equal(through(gain=1, offset=0, gamma=1, dead_zone=0), STEPS)
    assert np.array_equal(through(), STEPS)


def test_gamma_keeps_rest_and_the_strongest_face():
    for gamma in (0.5, 2.0):
        answered = through(gamma=gamma)
        assert answered[0] == 0
        assert np.interp(5, STEPS, answered) == pytest.approx(5, abs=1e-3)
    assert np.interp(1, STEPS, through(gamma=0.5)) > 1.5
    assert np.interp(1, STEPS, through(gamma=2.0)) < 0.5


def test_a_dead_zone_takes_rest_away_and_keeps_the_strongest_face():
    answered = through(dead_zone=1)
    assert answered[STEPS <= 1].max() == 0
    assert np.interp(5, STEPS, answered) == pytest.approx(5, abs=1e-3)


def test_a_ceiling_leaves_what_lies_well_below_it():
    answered = through(ceiling=3)
    assert np.array_equal(answered[STEPS < 2.4], STEPS[STEPS < 2.4])
    assert 2.9 < answered[-1] <= 3


def test_an_offset_lifts_rest():
    assert through(offset=0.5)[0] == pytest.approx(0.5)
    assert through(offset=-0.5)[0] == 0
