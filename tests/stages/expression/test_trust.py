"""When a measurement is believed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from stages import facs
from stages.expression import creases
from stages.expression.cues import FOLDS, REGIONS
from stages.expression.model import COLUMNS
from stages.expression.trust import Picture, Trust, free, hidden

CLEAR = Picture(0.0, 200.0, 1.0, 1.0, 1.0, np.zeros(len(REGIONS), np.float32), False)


def confidence(picture: Picture, deviation: float = 0.3, value: float = 0.0) -> np.ndarray:
    values, doubt = (np.full(len(COLUMNS), each, np.float32) for each in (value, deviation))
    return Trust().confidence(picture, values, doubt, np.ones(len(COLUMNS), np.float32))


def over(*regions: str) -> np.ndarray:
    return np.array([float(region in regions) for region in REGIONS], np.float32)


@pytest.mark.parametrize(
    "worse",
    [{"yaw": 45.0}, {"size": 18.0}, {"presence": 0.4}, {"sharpness": 0.1}, {"light": 0.1}, {"bridged": True}],
)
def test_everything_that_spoils_a_picture_lowers_confidence(worse: dict[str, float]):
    assert confidence(replace(CLEAR, **worse)).max() < 0.8 * confidence(CLEAR).min()


def test_doubt_lowers_confidence_and_a_strong_unit_bears_more_of_it():
    assert confidence(CLEAR, 1.5).max() < 0.5 * confidence(CLEAR, 0.2).min()
    assert confidence(CLEAR, 1.0, 4.0).min() > confidence(CLEAR, 1.0, 0.0).max()


def test_a_covered_eye_takes_only_what_shows_there():
    half = confidence(replace(CLEAR, covered=over("eye_left", "eye_right")))
    assert half[facs.INDEX["AU43"]] == 0
    assert half[facs.INDEX["AU12"]] == confidence(CLEAR)[facs.INDEX["AU12"]]


def test_one_side_that_is_seen_is_enough():
    seen = confidence(replace(CLEAR, covered=over("eye_left")))
    assert seen[facs.INDEX["AU43"]] > 0


def test_cover_is_nothing_when_hardly_probable_and_all_when_probable():
    assert hidden(np.float32([0.2, 0.9])).tolist() == [0, 1]
    assert free(over(*REGIONS)) == 0


def test_creases_tell_cheek_and_nose_and_nothing_else():
    rest = np.full(len(FOLDS), 0.01, np.float32)
    deep = rest.copy()
    deep[FOLDS.index("infraorbital_fine_left")] += 0.006
    told = {column: value for column, value in zip(COLUMNS, creases.shown(deep, rest), strict=True) if value > 0}
    assert set(told) == {(6, 0)}
    assert 2 < told[6, 0] <= 5
    assert not creases.shown(rest, rest).any()
