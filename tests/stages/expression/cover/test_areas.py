"""From probabilities to areas, and how areas come and go."""

from __future__ import annotations

import numpy as np
import pytest

from stages.errors import ConfigError
from stages.expression import chart
from stages.expression.cover import course, odds
from stages.expression.cover.areas import Areas, on_face
from stages.expression.relief import SIDE


def disc(point: int, radius: float, sure: float = 1.0) -> np.ndarray:
    """Bytes of `odds` around a point of the mesh, none elsewhere."""
    x, y = (chart.places()[point] + 0.5) * SIDE / chart.SIZE - 0.5
    row, column = np.mgrid[:SIDE, :SIDE]
    return odds.coded(sure * (np.hypot(column - x, row - y) < radius).astype(np.float32))


def at(hidden: np.ndarray, point: int) -> int:
    x, y = np.rint((chart.places()[point] + 0.5) * SIDE / chart.SIZE - 0.5).astype(int)
    return int(hidden[y, x])


def test_nothing_certain_is_nothing():
    assert Areas().of(np.zeros((SIDE, SIDE), np.uint8)) is None
    assert Areas().of(disc(425, 6, 0.5)) is None


def test_an_area_reaches_as_far_as_it_is_possible_and_has_a_soft_edge():
    sure = np.maximum(disc(425, 9, 0.2), disc(425, 3))
    hidden = Areas(margin=0).of(sure)
    assert hidden is not None
    assert (hidden[(sure > odds.code(0.1)) & on_face()] > 100).mean() > 0.95
    assert ((hidden > 20) & (hidden < 235)).any()
    assert at(hidden, 205) == 0


def test_a_faint_end_of_a_finger_is_known_by_the_finger_and_the_skin_beyond_its_edge_is_not():
    row, column = np.mgrid[:SIDE, :SIDE]
    finger = (np.abs(column - 32) < 4) & (row > 20)
    relief = np.where(finger, 170, 128).astype(np.uint8)
    sure = odds.coded(np.where(finger & (row > 30), 0.95, 0.0).astype(np.float32))
    lately = odds.coded(np.where(np.abs(column - 32) < 12, 0.03, 0.0).astype(np.float32))
    areas = Areas(margin=0)
    whole, told = areas.of(sure, lately, relief), areas.of(sure)
    assert whole is not None
    assert told is not None
    assert whole[24, 32] > 250
    assert told[24, 32] == 0
    assert whole[16, 32] == whole[24, 40] == 0, "an edge lies between"
    unlikely = areas.of(sure, odds.coded(np.zeros((SIDE, SIDE), np.float32)), relief)
    assert unlikely is not None
    assert unlikely[24, 32] == 0


def test_odds_are_told_back_as_probabilities():
    given = np.array([0, 1e-4, 0.01, 0.5, 0.8, 1], np.float32)
    assert odds.probability(odds.coded(given)) == pytest.approx(given, abs=0.02)
    assert odds.code(0.5) == 127.5


def test_specks_are_nothing_and_holes_are_filled():
    assert Areas(least=0.01).of(disc(425, 1.2)) is None
    ring = disc(425, 8)
    ring[disc(425, 4) > 0] = 0
    hidden = Areas().of(ring)
    assert hidden is not None
    assert at(hidden, 425) > 250


def test_a_mouth_that_is_half_covered_is_handed_back_whole():
    hidden = Areas().of(disc(61, 9))
    assert hidden is not None
    assert at(hidden, 291) > 200, "the other corner"
    kept = Areas(drifted=1.0).of(disc(61, 9))
    assert kept is not None
    assert at(kept, 291) == 0


@pytest.mark.parametrize(
    "wrong",
    [{"begins": 0.1}, {"least": 1.0}, {"drifted": 0.0}, {"margin": 9.0}, {"faint": 0.5}, {"reach": 30.0}],
)
def test_limits_out_of_range_are_refused(wrong):
    with pytest.raises(ConfigError, match=r"^areas\."):
        Areas(**wrong)


def test_one_frame_is_no_hand_and_a_gap_of_one_frame_no_end_of_it():
    there, none = {0: disc(425, 6)}, {}
    shown = list(course.steadied([none] * 5 + [there] + [none] * 5))
    assert not any(shown)
    shown = list(course.steadied([there] * 5 + [none] + [there] * 5))
    assert all(0 in maps for maps in shown)


def test_a_hand_that_is_lost_for_a_while_is_held_and_neither_begins_earlier_nor_ends_later():
    hand = {0: np.full((2, 2), 255, np.uint8)}
    shown = list(course.held([{}] * 20 + [hand] * 4 + [{}] * 12 + [hand] * 4 + [{}] * 20))
    assert [bool(maps) for maps in shown] == [False] * 20 + [True] * 20 + [False] * 20
    apart = list(course.held([{}] * 20 + [hand] * 4 + [{}] * 30 + [hand] * 4 + [{}] * 20))
    assert not any(apart[30:48])


def test_a_cover_fades_in_before_it_comes_and_out_after_it_went():
    frames = [{}] * 10 + [{3: np.full((2, 2), 255, np.uint8)}] * 6 + [{}] * 10
    level = np.array([int(maps[3][0, 0]) if 3 in maps else 0 for maps in course.faded(frames)])
    assert len(level) == len(frames)
    assert (level[10:16] == 255).all()
    assert (level == level[::-1]).all(), "zero phase"
    assert np.abs(np.diff(level)).max() <= 52, "no pop"
    assert level[: 10 - course.AHEAD - course.FADE].max() == 0


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7])
def test_short_clips_keep_their_length(count):
    frames = [{0: np.full((2, 2), 255, np.uint8)}] * count
    assert [maps[0][0, 0] for maps in course.faded(course.steadied(frames))] == [255] * count
