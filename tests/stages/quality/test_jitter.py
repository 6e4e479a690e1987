"""Landmarks that tremble by a known amount."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from runner.report.quality import summarise
from stages.backend import Cpu, Model
from stages.contract import Timeline
from stages.expression import basis, pose
from stages.faces.landmarks import Mesh478
from stages.media import decode
from stages.models.registry import shipped
from stages.packets import FACE_SCORES, Edit, Edits, Face, Faces, Floats, Frame, Quality
from stages.quality.jitter import ScoreMotion, SeeSource
from stages.quality.seen import SeeAgain
from tests.stages.quality.conftest import stamp

FRAMES = 60
PLACED = (90, 65, 0)  # about where the face of carphone is


class Line(list, Timeline):  # type: ignore[misc]
    """A timeline held in memory."""


def faces(noise: float, seed: int) -> Line:
    """A head that turns and wanders, its landmarks trembling by `noise` interocular distances."""
    rng, line = np.random.default_rng(seed), Line()
    for index in range(FRAMES):
        points: Floats = basis.load().mean + rng.normal(0, noise, (478, 3)).astype(np.float32)
        points[61, 0] += 0.02 * np.sin(0.3 * index)  # a mouth corner at work
        head = pose.Pose(120.0, pose.rotation(0.5 * index, 0, 3), np.array([200.0 + 2 * index, 150.0, 0.0]))
        face = Face(3, np.zeros(4, np.float32), head.to_image(points).astype(np.float32), 1.0)
        line.append(Faces(stamp(index), (face,)))
    return line


def column(made: list[Quality | None], name: str) -> Floats:
    return np.array([one.values[0, FACE_SCORES.index(name)] for one in made if one is not None])


def test_trembling_is_measured_in_interocular_distances_whatever_the_head_does() -> None:
    made = [*ScoreMotion().process(faces(0.001, 1), None, faces(0.002, 2))]
    assert [one is None for one in made] == [True, *[False] * (FRAMES - 2), True]
    expected = 0.001 * np.sqrt(6 * 2)  # second difference of white noise, two axes
    assert np.median(column(made, "jitter.source")) == pytest.approx(expected, rel=0.15)
    assert np.median(column(made, "jitter")) == pytest.approx(expected, rel=0.15)
    assert summarise(made)["jitter.ratio"] == pytest.approx(2, rel=0.1)


def test_an_output_as_steady_as_its_source_has_ratio_one_in_the_calm_too() -> None:
    found = summarise(ScoreMotion().process(faces(0.001, 1), None, faces(0.001, 2)))
    assert found["jitter.ratio"] == pytest.approx(1, abs=0.05)
    assert found["jitter.calm.ratio"] == pytest.approx(1, abs=0.08)
    assert found["jitter"] == pytest.approx(0, abs=2e-4)


def test_three_seen_frames_in_a_row_are_needed() -> None:
    seen = faces(0.001, 2)
    line = Line(one if index % 10 in (0, 1, 2, 5) else None for index, one in enumerate(seen))
    made = [*ScoreMotion().process(faces(0.001, 1), None, line)]
    assert [index for index, one in enumerate(made) if one is not None] == [1, 11, 21, 31, 41, 51]


def test_scores_of_pictures_are_kept_beside() -> None:
    values = np.full((1, len(FACE_SCORES)), np.nan, np.float32)
    values[0, FACE_SCORES.index("flicker")] = 1.25
    pictured = Line(Quality(stamp(i), (3,), values, 1.0) if i % 2 else None for i in range(FRAMES))
    made = [*ScoreMotion().process(faces(0.001, 1), pictured, faces(0.001, 2))]
    both, one = made[21], made[20]
    assert both is not None
    assert one is not None
    assert both.values[0, FACE_SCORES.index("flicker")] == 1.25
    assert np.isfinite(both.values[0, :3]).all()
    assert both.background == 1
    assert np.isnan(one.values[0, FACE_SCORES.index("flicker")])
    assert made[59] is pictured[59]


def test_without_another_look_pictures_alone_are_scored() -> None:
    pictured = Line([None, Quality(stamp(1), (), np.zeros((0, len(FACE_SCORES)), np.float32), 0.5)])
    assert [*ScoreMotion().process(Line(faces(0.001, 1)[:2]), pictured)] == pictured
    assert summarise(pictured) == {"background.identical": 0.5}


def test_nothing_scored_gives_no_figures() -> None:
    assert summarise([None, None]) == {}


def test_a_track_that_only_one_side_knows_is_left_out() -> None:
    seen = Line(replace(one, faces=tuple(replace(face, track=9) for face in one.faces)) for one in faces(0.001, 2))
    assert all(one is None for one in ScoreMotion().process(faces(0.001, 1), None, seen))


def test_an_untouched_copy_is_as_steady_as_its_source(sample: Callable[[str], Path]) -> None:
    landmarker = Mesh478(model=Model(asset=shipped()["face_landmarks"], backend=Cpu()))
    output = SeeAgain(landmarker=landmarker, every=1)
    source = SeeSource(as_output=output)
    pictures = [*decode.frames(decode.probe(sample("carphone")), stop=8)]
    start = np.array(PLACED, np.float32) + basis.load().mean * 50
    face = Face(0, np.zeros(4, np.float32), start.astype(np.float32), 1.0)
    edits = [_untouched(frame) for frame in pictures]
    seen, again = Line(), Line()
    for frame, edit in zip(pictures, edits, strict=True):
        there = Faces(frame.at, (face,))
        seen.append(output.process(frame, there, edit))
        again.append(source.process(frame, there, edit))
    found = summarise(ScoreMotion().process(again, None, seen))
    assert found["jitter"] == 0
    assert found["jitter.ratio"] == 1


def _untouched(frame: Frame) -> Edits:
    box = (0, 0, 16, 16)
    picture = np.zeros((16, 16, 3), np.float32)
    return Edits(frame.at, (Edit(0, box, picture, picture, np.zeros((16, 16), np.float32)),))
