"""The one number: its ends, its direction, and what it does with what is not known."""

from __future__ import annotations

import math

import pytest

from stages.quality.naturalness import PARTS, naturalness

PERFECT = {
    "seam.delta_e.ratio": 1.0,
    "skin.delta_e": 0.0,
    "sharpness.ratio": 1.0,
    "flicker": 1.0,
    "jitter.ratio": 1.0,
    "expression.correlation": 1.0,
    "identity.spread": 0.0,
}
WORSE = {
    "seam.delta_e.ratio": 9.0,
    "skin.delta_e": 60.0,
    "sharpness.ratio": 0.1,
    "flicker": 9.0,
    "jitter.ratio": 9.0,
    "expression.correlation": -1.0,
    "identity.spread": 1.0,
}


def test_the_source_itself_has_five_and_every_fault_at_once_one() -> None:
    assert naturalness(PERFECT) == 5
    assert naturalness(WORSE) == pytest.approx(1)
    assert {part.score for part in PARTS} == set(PERFECT)


@pytest.mark.parametrize("name", PERFECT)
def test_each_fault_takes_its_weight_and_no_more(name: str) -> None:
    part = next(part for part in PARTS if part.score == name)
    assert naturalness(PERFECT | {name: WORSE[name]}) == pytest.approx(5 - part.weight)


def test_half_a_fault_takes_half_of_it_away() -> None:
    part = next(part for part in PARTS if part.score == "skin.delta_e")
    assert naturalness(PERFECT | {"skin.delta_e": part.full / 2}) == pytest.approx(5 - part.weight / 2)


def test_too_sharp_is_as_wrong_as_too_soft() -> None:
    soft, sharp = (naturalness(PERFECT | {"sharpness.ratio": ratio}) for ratio in (0.8, 1.25))
    assert soft == pytest.approx(sharp)
    assert soft < 5


def test_better_than_the_source_is_not_better_than_perfect() -> None:
    assert naturalness(PERFECT | {"flicker": 0.5, "seam.delta_e.ratio": 0.4, "jitter.ratio": 0.7}) == 5


def test_what_was_not_measured_takes_nothing_away() -> None:
    assert naturalness({"skin.delta_e": 0.0}) == 5
    assert naturalness({"skin.delta_e": 0.0, "flicker": math.nan}) == 5
    assert math.isnan(naturalness({"motion": 0.1}))
