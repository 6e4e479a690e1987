from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stages import facs
from stages.errors import ConfigError
from stages.expression import basis, neutral, pose, units
from stages.expression.units import MeasureUnits, MeasureUnitsLive
from stages.faces.blendshapes import INDEX as SCORE
from stages.packets import Clip, Colour, Face, Faces, Floats, Job, Scores, Stamp, Units
from tests.stages.expression.held import Held

BASIS = basis.load()
STRAIGHT = pose.Pose(200.0, pose.rotation(0, 0, 0), np.array([640.0, 360.0, 0.0]))


def table(values: Mapping[int, float | tuple[float, float]]) -> Floats:
    intensities = np.zeros((facs.COUNT, 2), np.float32)
    for number, value in values.items():
        intensities[facs.INDEX[f"AU{number:02d}"]] = value
    return intensities


def person(seed: int) -> Floats:
    """A random neutral face: a shape offset (478, 3)."""
    amounts = 0.8 * np.random.default_rng(seed).standard_normal((len(BASIS.identity), 1, 1))
    return (BASIS.identity * amounts).sum(0).astype(np.float32)


def landmarks(values: Floats, who: Floats, head: pose.Pose = STRAIGHT, noise: float = 0.0, seed: int = 0) -> Floats:
    """What the tracker shows of a person with these intensities."""
    shape = BASIS.mean + who + np.tensordot(values, BASIS.response, 2)
    jitter = np.random.default_rng(seed).normal(0, noise, shape.shape)
    return (head.to_image(shape) + jitter).astype(np.float32)


def score_row(values: Floats) -> Floats:
    """Scores that rise with the intensities, as far as there is one for a unit."""
    row = np.zeros((1, len(SCORE)), np.float32)
    for number, (name, _, _) in neutral.EVIDENCE.items():
        for half, suffixes in enumerate((("Left", "", "Upper"), ("Right", "Lower"))):
            for found in (name + suffix for suffix in suffixes if name + suffix in SCORE):
                row[0, SCORE[found]] = values[facs.INDEX[f"AU{number:02d}"], half] / 5
    return row


def clip_of(curve: Sequence[Floats], who: Floats, noise: float = 0.0, **face: Any) -> tuple[Held, Held]:
    faces, scores = [], []
    for index, values in enumerate(curve):
        at = Stamp("clip", index, index, Fraction(1, 30))
        points = landmarks(values, who, noise=noise, seed=index)
        box = np.concatenate([points[:, :2].min(0), points[:, :2].max(0)]).astype(np.float32)
        faces.append(Faces(at, (Face(0, box, points, **{"presence": 1.0, **face}),)))
        scores.append(Scores(at, (0,), score_row(values)))
    return Held(faces), Held(scores)


def read(measured: Sequence[Units | None], number: int) -> np.ndarray:
    unit = facs.INDEX[f"AU{number:02d}"]
    return np.array([packet.faces[0].values[unit] for packet in measured if packet is not None])


def bump(number: int, top: float, frames: int = 90) -> list[Floats]:
    rise = np.sin(np.pi * np.clip((np.arange(frames) - 10) / 20, 0, 1)) ** 2
    return [table({number: float(top * r)}) for r in rise]


@pytest.mark.parametrize("number", [1, 2, 4, 5, 10, 12, 15, 17, 20, 25, 26, 43])
def test_a_known_movement_reads_back(number: int):
    curve = bump(number, 3.0)
    measured = list(MeasureUnits().process(*clip_of(curve, person(number), noise=0.3)))
    wanted = np.array([values[facs.INDEX[f"AU{number:02d}"]] for values in curve]).mean(1)
    got = read(measured, number).mean(1)
    assert np.corrcoef(wanted, got)[0, 1] > 0.97
    assert got.max() == pytest.approx(3, rel=0.25)
    assert got[:8].max() < 0.5


@pytest.mark.parametrize("gain", [0.5, 1.4])
@pytest.mark.parametrize("number", [1, 2, 4, 5, 10, 12, 15, 17, 20, 25, 26, 43])
def test_a_gain_reads_back_as_that_gain(number: int, gain: float):
    stage, who, unit = MeasureUnits(), person(3), facs.INDEX[f"AU{number:02d}"]
    clip = clip_of(bump(number, 2.5), who)
    first = list(stage.process(*clip))
    moved = [table({}) for _ in first]
    for values, packet in zip(moved, first, strict=True):
        values[unit] = (gain - 1) * packet.faces[0].values[unit]
    rendered = []
    for packet, values in zip(clip[0], moved, strict=True):
        face = packet.faces[0]
        shifted = face.landmarks + STRAIGHT.turn(np.tensordot(values, BASIS.response, 2))
        rendered.append(Faces(packet.at, (Face(0, face.box, shifted, 1.0),)))
    before, after = read(first, number).mean(1), read(list(stage.process(Held(rendered), clip[1])), number).mean(1)
    assert after @ before / (before @ before) == pytest.approx(gain, abs=0.15)


def test_a_mouth_open_throughout_is_not_taken_for_neutral():
    curve = [table({25: 3.0 + np.sin(t / 4), 26: 2.0}) for t in range(60)]
    measured = list(MeasureUnits().process(*clip_of(curve, person(5))))
    assert np.median(read(measured, 25)) == pytest.approx(3, abs=0.7)


def test_left_and_right_are_the_performers_own():
    curve = [table({})] * 10 + [table({12: (3.0, 0.0), 43: (0.0, 3.0)})] * 5
    last = list(MeasureUnits().process(*clip_of(curve, person(1))))[-1]
    assert last is not None
    smile, closed = (last.faces[0].values[facs.INDEX[name]] for name in ("AU12", "AU43"))
    assert smile[0] > smile[1] + 1.5
    assert closed[1] > closed[0] + 1.5


def test_a_blink_stands_in_au43_and_in_au45():
    measured = list(MeasureUnits().process(*clip_of(bump(43, 5.0), person(2))))
    assert np.array_equal(read(measured, 43), read(measured, 45))
    assert read(measured, 43).max() > 4


def test_a_micro_expression_of_three_frames_keeps_its_height():
    curve = [table({12: 1.0 if 20 <= t < 23 else 0.0}) for t in range(40)]
    got = read(list(MeasureUnits().process(*clip_of(curve, person(4), noise=0.3))), 12).mean(1)
    assert got[20:23].mean() - got[:18].mean() > 0.75
    assert got[24:].max() < 0.5


def test_head_pose_does_not_look_like_an_expression():
    measured = []
    for angles in ((0, 0, 0), (15, 0, 0), (0, 12, 0), (0, 0, 15)):
        head = pose.Pose(200.0, pose.rotation(*angles), np.array([640.0, 360.0, 0.0]))
        points = landmarks(table({}), person(6), head)
        face = Face(0, np.zeros(4, np.float32), points, 1.0)
        person_seen = pose.fit(points, BASIS.mean).to_face(points)
        measured.append(MeasureUnits()._measure(face, person_seen))
        assert measured[-1].pose == pytest.approx(angles, abs=4)
    assert max(float(face.values.max()) for face in measured) < 0.2


def test_confidence_falls_with_yaw_size_presence_and_bridging():
    stage, frontal = MeasureUnits(), landmarks(table({}), person(0))

    def trust(points: Floats, **face: Any) -> float:
        made = Face(0, np.zeros(4, np.float32), points, **{"presence": 1.0, **face})
        return float(stage._measure(made, BASIS.mean).confidence[facs.INDEX["AU12"]])

    turned = pose.Pose(200.0, pose.rotation(40, 0, 0), np.array([640.0, 360.0, 0.0]))
    assert trust(frontal) == pytest.approx(1)
    assert trust(landmarks(table({}), person(0), turned)) < 0.6
    assert trust(frontal / 10) < 0.5
    assert trust(frontal, presence=0.3) == pytest.approx(0.3)
    assert trust(frontal, bridged=True) == pytest.approx(0.5)


def test_what_is_not_measured_is_nothing_without_confidence():
    face = next(iter(MeasureUnits().process(*clip_of(bump(34, 4.0), person(0))))).faces[0]
    silent = [facs.INDEX[f"AU{number:02d}"] for number in (6, 9, 14, 18, 34, 46, 61)]
    assert not face.values[silent].any()
    assert not face.confidence[silent].any()
    assert np.all(face.confidence[facs.INDEX["AU12"]] > 0.9)


def test_frames_without_a_face_stay_absent():
    faces, scores = clip_of([table({})] * 6, person(0))
    faces.items[3] = scores.items[3] = None
    measured = list(MeasureUnits().process(faces, scores))
    assert [packet is None for packet in measured] == [False, False, False, True, False, False]


def test_faces_without_scores_are_measured_against_the_mean():
    faces, _ = clip_of([table({})] * 3, person(0))
    assert len(list(MeasureUnits().process(faces, Held([None] * 3)))) == 3


def test_live_learns_the_neutral_and_then_reads_the_movement():
    stage = MeasureUnitsLive()
    clip = Clip(Path("c"), "c", 2, 2, Fraction(1, 25), Fraction(25), None, "yuv420p", Colour(), "h264", "video")
    state = stage.begin(Job(clip, Path()))
    curve = [table({})] * 40 + bump(12, 3.0)
    faces, scores = clip_of(curve, person(8), noise=0.3)
    got = read([stage.process(state, f, s) for f, s in zip(faces, scores, strict=True)], 12).mean(1)
    assert got[20:40].max() < 0.5
    assert got.max() == pytest.approx(3, rel=0.25)


def test_a_face_costs_less_than_three_milliseconds():
    stage, points, times = MeasureUnits(), landmarks(table({12: 2.0, 25: 3.0}), person(0), noise=0.3), []
    stage.prepare()
    face = Face(0, np.zeros(4, np.float32), points, 1.0)
    for _ in range(100):
        start = time.perf_counter()
        stage._measure(face, BASIS.mean)
        times.append(time.perf_counter() - start)
    assert np.min(times) < 0.003


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"full_yaw": 50}, r"^units\.full_yaw"),
        ({"no_size": 40}, r"^units\.no_size"),
        ({"bridged": 2}, r"^units\.bridged"),
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, float], says: str):
    with pytest.raises(ConfigError, match=says):
        MeasureUnits(**settings)


def test_live_settings_are_checked():
    with pytest.raises(ConfigError, match=r"^units\.settle"):
        MeasureUnitsLive(settle=0)


def test_every_reported_unit_has_a_confidence():
    assert set(units.RELIABILITY) == set(units.solve.MEASURED) | {27, 45}
