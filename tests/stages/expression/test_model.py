from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from stages import facs
from stages.errors import ConfigError
from stages.expression import basis, model, pose
from stages.expression.model import COLUMNS, Prior, apart, reprojection
from stages.expression.track_fit import TrackFit
from stages.packets import Floats

BASIS, MODEL = basis.load(), model.load()
STRAIGHT = pose.Pose(200.0, pose.rotation(0, 0, 0), np.array([640.0, 360.0, 0.0]))
TURNED = pose.Pose(150.0, pose.rotation(20, -8, 5), np.array([500.0, 300.0, 40.0]))


def table(values: Mapping[int, float]) -> Floats:
    intensities = np.zeros((facs.COUNT, 2), np.float32)
    for number, value in values.items():
        intensities[facs.INDEX[f"AU{number:02d}"]] = value
    return intensities


def person(seed: int) -> Floats:
    amounts = 0.8 * np.random.default_rng(seed).standard_normal((len(BASIS.identity), 1, 1))
    return BASIS.neutral + (BASIS.identity * amounts).sum(0).astype(np.float32)


def photo(who: Floats, values: Mapping[int, float], head: pose.Pose = STRAIGHT, seed: int = 0) -> Floats:
    """What a tracker reports: the face, what it leaves unexplained, noise of half a pixel."""
    rng = np.random.default_rng(seed)
    left = np.tensordot(0.5 * rng.standard_normal(len(BASIS.unexplained)), BASIS.unexplained, 1)
    face = who + np.tensordot(table(values), BASIS.response, 2) + BASIS.turned(head.angles) + left
    return (head.to_image(face) + rng.normal(0, 0.5, face.shape)).astype(np.float32)


def intensity(values: Floats, number: int) -> float:
    return float(values[facs.INDEX[f"AU{number:02d}"]].mean())


def looked(who: Floats, shown: list[Mapping[int, float]], prior: Prior | None = None) -> Floats:
    first = TrackFit(MODEL)
    for seed, values in enumerate(shown):
        first.add(photo(who, values, seed=seed), prior)
    second = first.again()
    for seed, values in enumerate(shown):
        second.add(photo(who, values, seed=seed), prior)
    return second.neutral()


@pytest.mark.parametrize("head", [STRAIGHT, TURNED])
def test_a_photo_is_split_into_person_expression_and_pose(head: pose.Pose):
    who = person(3)
    fit = MODEL.fit_photo(photo(who, {12: 3, 25: 3}, head))
    assert 0.8 < intensity(fit.values, 12) < 4
    assert intensity(fit.values, 25) == pytest.approx(3, abs=1.0)
    assert apart(fit.neutral, who) < 0.75 * apart(BASIS.neutral, who)
    assert abs(fit.pose.yaw - head.yaw) < 3
    assert fit.error < 0.015


def test_with_a_known_neutral_a_shown_unit_reads_back():
    who = person(4)
    for number in (1, 2, 4, 12, 18, 25, 26, 43):
        read = np.mean([intensity(MODEL.fit(photo(who, {number: 3}, seed=s), who).values, number) for s in range(4)])
        assert 1.4 < read < 3.7  # the most probable one is drawn toward 0


def test_a_face_at_rest_reads_as_rest():
    who = person(5)
    read = np.median([MODEL.fit(photo(who, {}, seed=seed), who).values for seed in range(9)], axis=0)
    assert read.max() < 0.5


def test_au45_is_au43():
    values = MODEL.fit(photo(person(6), {43: 4}), person(6)).values
    assert np.array_equal(values[facs.INDEX["AU45"]], values[facs.INDEX["AU43"]])
    assert values[facs.INDEX["AU43"]].min() > 2


def test_a_track_finds_the_neutral_of_someone_who_moves():
    who, rng = person(7), np.random.default_rng(1)
    units = (1, 4, 10, 12, 15, 20, 25, 26, 43)
    shown = [{int(unit): float(rng.uniform(0.5, 4)) for unit in rng.choice(units, 3, replace=False)} for _ in range(40)]
    seen = np.mean([MODEL.see(photo(who, values, seed=s)).shape for s, values in enumerate(shown)], axis=0)
    average = BASIS.neutral + seen.reshape(-1, 3)
    found = apart(looked(who, shown), who)
    assert found < 0.6 * apart(average, who)
    assert found < 0.6 * apart(BASIS.neutral, who)


def test_a_permanent_shout_does_not_become_the_neutral():
    who = person(8)
    rest = looked(who, [{25: 4, 26: 3}] * 40)
    values = np.mean([MODEL.fit(photo(who, {25: 4, 26: 3}, seed=s), rest).values for s in range(60, 66)], axis=0)
    assert intensity(values, 25) > 2.5
    assert apart(rest, who) < 0.7 * apart(BASIS.neutral, who)


def test_what_is_thought_of_the_units_decides_between_face_and_expression():
    column = [i for i, (number, _) in enumerate(COLUMNS) if number == 4]
    seen = photo(BASIS.neutral, {4: 2.5})
    read = {}
    for told in (0.0, 2.5):
        mean, deviation = np.zeros(len(COLUMNS)), np.full(len(COLUMNS), 0.3)
        mean[column] = told
        read[told] = intensity(MODEL.fit_photo(seen, Prior(mean, deviation)).values, 4)
    assert read[2.5] > 2
    assert read[0.0] < 1.2


def test_frames_that_are_not_trusted_do_not_count():
    who, other = person(9), person(10)
    one, both = TrackFit(MODEL), TrackFit(MODEL)
    for seed in range(6):
        for track in (one, both):
            track.add(photo(who, {}, seed=seed))
        both.add(photo(other, {}, seed=seed), trust=0.0)
    assert np.array_equal(one.neutral(), both.neutral())


def test_memory_forgets_the_one_before():
    who, other = person(11), person(12)
    kept, forgets = TrackFit(MODEL), TrackFit(MODEL, memory=8)
    for track in (kept, forgets):
        for seed in range(60):
            track.add(photo(who if seed < 30 else other, {}, seed=seed))
    assert apart(forgets.neutral(), other) < 0.5 * apart(kept.neutral(), other)


def test_nothing_seen_is_the_mean_neutral():
    assert np.array_equal(TrackFit(MODEL).neutral(), BASIS.neutral)


def test_memory_must_be_a_frame_or_more():
    with pytest.raises(ConfigError, match="memory must"):
        TrackFit(MODEL, memory=0.5)


@pytest.mark.parametrize("head", [STRAIGHT, TURNED])
def test_the_pose_is_refined_onto_the_picture(head: pose.Pose):
    who = person(13)
    placed = head.to_image(who)
    off = pose.Pose(head.scale * 1.05, pose.rotation(4, 3, -3) @ head.rotation, head.translation + 5)
    found = model.refined(off, who, placed)
    assert reprojection(found, who, placed) < 1e-3 < reprojection(off, who, placed)
    assert found.angles == pytest.approx(head.angles, abs=0.5)


def test_distance_of_neutrals_is_a_distance_and_ignores_how_faces_are_laid():
    first, second = person(14), person(15)
    assert apart(first, first) < 1e-6
    assert apart(first, second) == pytest.approx(apart(second, first), rel=0.1)
    laid = pose.Pose(1.1, pose.rotation(5, 5, 5), np.array([1.0, 2.0, 3.0])).to_image(second)
    assert apart(first, laid) == pytest.approx(apart(first, second), rel=0.15)


@pytest.fixture(scope="module")
def neutrals(tracked: Callable[[str], Any]) -> dict[str, tuple[Floats, list[float]]]:
    """Clip -> neutral, and reprojection error of its frames."""
    found = {}
    for name in ("talking_man_mild", "talking_man_strong", "smile_onset"):
        frames = [packet.faces[0].landmarks for packet in tracked(name)[0] if packet is not None]
        track = TrackFit(MODEL)
        for landmarks in frames:
            track.add(landmarks)
        found[name] = track.neutral(), [MODEL.fit(landmarks, track.neutral()).error for landmarks in frames[::4]]
    return found


def test_real_frames_are_explained_to_one_and_a_half_per_cent(neutrals: dict[str, tuple[Floats, list[float]]]):
    for _, errors in neutrals.values():
        assert np.median(errors) < 0.015


def test_the_same_person_in_two_clips_is_closer_than_two_people(neutrals: dict[str, tuple[Floats, list[float]]]):
    mild, strong, other = (neutrals[name][0] for name in ("talking_man_mild", "talking_man_strong", "smile_onset"))
    assert apart(mild, strong) < 0.6 * min(apart(mild, other), apart(strong, other))
