"""Hands before faces are found, and nothing else is taken for one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from stages.backend import Cpu, Model
from stages.expression import chart
from stages.expression.cover.areas import on_face
from stages.expression.cover.finder import Finder
from stages.expression.cover.stage import FindCovers, FollowCovers
from stages.expression.cues import SkinCues
from stages.expression.relief import SIDE
from stages.faces.detect import Near
from stages.faces.landmarks import Mesh478
from stages.faces.track import TrackFaces
from stages.media import decode, planes
from stages.models.registry import shipped
from stages.packets import Colour, Covers, Cues, Faces, Frame, Job
from tests.stages.expression.held import Held

Seen = tuple[list[Frame], list[Faces], list[Cues]]


def model(name: str) -> Model:
    return Model(asset=shipped()[name], backend=Cpu())


@pytest.fixture(scope="module")
def stage() -> FindCovers:
    return FindCovers(finder=Finder(model=model("face_cover")))


def seen(path: Path, frames: range) -> Seen:
    """Some frames of a clip, followed as if there were no others."""
    clip = decode.probe(path)
    follow = TrackFaces(detector=Near(model=model("near_faces")), landmarker=Mesh478(model=model("face_landmarks")))
    state, skin, kept = follow.begin(Job(clip, path.parent)), SkinCues(), []
    for index, frame in enumerate(decode.frames(clip)):
        if index >= frames.stop:
            break
        if index in frames:
            faces = follow.process(state, frame)
            kept.append((frame, faces, skin.process(frame, faces)))
    return tuple(list(wire) for wire in zip(*kept, strict=True))  # type: ignore[return-value]


@pytest.fixture(scope="module")
def hand(sample: Callable[[str], Path]) -> Seen:
    """Every third frame up to where a hand lies over cheek, nose and mouth; it comes at frame 56."""
    return seen(sample("arc_cry_laugh"), range(0, 118, 3))


@pytest.fixture(scope="module")
def smile(sample: Callable[[str], Path]) -> Seen:
    return seen(sample("smile_onset"), range(0, 72, 2))


def hidden(covers: Covers | None) -> np.ndarray:
    return covers.covers[0].hidden if covers is not None else np.zeros((SIDE, SIDE), np.uint8)


def at(covers: Covers | None, point: int) -> int:
    x, y = np.rint((chart.places()[point] + 0.5) * SIDE / chart.SIZE - 0.5).astype(int)
    return int(hidden(covers)[y, x])


def test_the_hand_over_the_crying_face_is_found_and_the_forehead_is_not_taken_for_it(stage: FindCovers, hand: Seen):
    found = list(stage.process(*map(Held, hand[1:])))
    for index in range(99 // 3, 117 // 3):
        assert min(at(found[index], point) for point in (13, 205, 98)) > 200, "mouth, cheek and nose"
        assert max(at(found[index], point) for point in (151, 109, 338)) == 0
        assert min(at(found[index], point) for point in (8, 55)) > 200, "fingertips between the brows, skin on skin"
    assert not any(found[index] for index in range(48 // 3)), "bare face"


def test_a_smile_a_blink_and_teeth_are_no_cover(stage: FindCovers, smile: Seen):
    assert not any(stage.process(*map(Held, smile[1:])))


def gloved(smile: Seen, index: int) -> tuple[Cues, np.ndarray]:
    """Four fingers of the cheek's own colour, moving over the lower face; and where they are on the chart, 0..1."""
    frame, faces = smile[0][index], smile[1][index]
    points, picture = faces.faces[0].landmarks[:, :2], planes.rgb8(frame)
    size = float(np.ptp(points[:, 0]))
    over, shade = np.zeros(picture.shape[:2], np.uint8), np.ones(picture.shape[:2], np.float32)
    start = points[205] + np.array([-0.05, 0.02 * (index % 5)], np.float32) * size
    for finger in range(4):
        tip = start + np.array([0.32 - 0.03 * finger, 0.11 * finger - 0.02]) * size
        ends = [tuple(int(v) for v in end) for end in (start + np.array([-0.5, 0.11 * finger + 0.1]) * size, tip)]
        for width, light in ((0.11, 0.6), (0.09, 0.85), (0.06, 1.0)):
            line = cv2.line(np.zeros_like(over), *ends, 1, max(1, round(width * size))) > 0
            shade[line], over[line] = light, 1
    skin = picture[tuple(points[425].astype(int)[::-1])].astype(np.float32)
    soft = cv2.GaussianBlur(over.astype(np.float32), (0, 0), 1)[..., None]
    drawn = picture * (1 - soft) + np.clip(1.08 * skin * cv2.GaussianBlur(shade, (0, 0), 1.5)[..., None], 0, 255) * soft
    grey = np.repeat((over * 255)[..., None], 3, 2)
    truth = chart.unwrap(framed(frame, grey), faces.faces[0].landmarks).luma / 255
    cues = SkinCues().process(framed(frame, np.rint(drawn).astype(np.uint8)), faces)
    return cues, cv2.resize(truth, (SIDE, SIDE), interpolation=cv2.INTER_AREA)


def framed(like: Frame, picture: np.ndarray) -> Frame:
    native: Any = like.native.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
    return Frame(like.at, native, Colour(matrix=0, full_range=True))


@pytest.fixture(scope="module")
def covered(smile: Seen) -> tuple[list[Cues], dict[int, np.ndarray]]:
    """The smile with fingers over it in frames 14 to 25."""
    drawn = {index: gloved(smile, index) for index in range(14, 26)}
    cues = [drawn[index][0] if index in drawn else one for index, one in enumerate(smile[2])]
    return cues, {index: truth for index, (_, truth) in drawn.items()}


def test_fingers_of_the_skins_own_colour_are_found_where_they_are(stage: FindCovers, smile: Seen, covered: Any):
    cues, truths = covered
    found = list(stage.process(Held(smile[1]), Held(cues)))
    for index in range(16, 24):
        there, said = (truths[index] > 0.5) & on_face(), hidden(found[index]) > 127
        assert (said & there).sum() > 0.85 * there.sum()
        assert (said & ~there & on_face()).sum() < 0.25 * on_face().sum()
    assert not any(found[index] for index in (*range(10), *range(31, 36)))


def test_live_finds_them_too_once_the_face_was_seen_bare(stage: FindCovers, covered: Any):
    follow = FollowCovers(finder=stage.finder)
    state, (cues, truths) = {}, covered
    found = [follow.process(state, one) for one in cues]
    assert not any(found[:14])
    for index, truth in truths.items():
        there = (truth > 0.5) & on_face()
        assert ((hidden(found[index]) > 127) & there).sum() > 0.7 * there.sum()
    assert hidden(found[-1])[on_face()].mean() < 0.1 * 255, "what has gone does not linger"
