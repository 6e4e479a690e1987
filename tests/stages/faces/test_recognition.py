"""Two real people who cross: the ids stay with the people."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from stages.backend import Cpu, Model
from stages.errors import ConfigError
from stages.faces.embed import Embedder, distance
from stages.faces.recognition import Recognition
from stages.faces.track import TrackFaces
from stages.models.registry import shipped
from stages.packets import Faces, Frame, Job

Cutout = tuple[NDArray[np.float32], NDArray[np.float32]]


def embedder(asset: str, layout: str, same: float) -> Embedder:
    return Embedder(name=asset, model=Model(asset=shipped()[asset], backend=Cpu()), layout=layout, same=same)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def judge() -> Embedder:
    """Another network than the one that the tracker goes by."""
    return embedder("identity_512", "arcface_112_v2", 0.5)


@pytest.fixture(scope="module")
def recognition() -> Recognition:
    return Recognition(embedder=embedder("identity_128", "dlib_150", 0.075))


def cutout(frame: Frame) -> Cutout:
    """The person, 640 x 360, and how far each pixel is not the white wall."""
    rgb = cv2.resize(frame.native.to_ndarray(format="rgb24"), (640, 360), interpolation=cv2.INTER_AREA)
    solid = (rgb.min(2) < 230).astype(np.uint8)
    outlines, _ = cv2.findContours(
        cv2.morphologyEx(solid, cv2.MORPH_CLOSE, np.ones((15, 15))), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE
    )
    mask = cv2.drawContours(np.zeros_like(solid), [max(outlines, key=cv2.contourArea)], -1, 1, -1)
    return rgb.astype(np.float32), cv2.GaussianBlur(cv2.erode(mask, np.ones((3, 3))).astype(np.float32), (0, 0), 1)


def composited(layers: list[tuple[Cutout, float]]) -> NDArray[np.uint8]:
    """People at these places across, the last one in front, before a grey wall."""
    picture = np.full((360, 1200, 3), 120, np.float32)
    for (rgb, mask), x in layers:
        shift = np.array([[1, 0, x], [0, 1, 0]], np.float32)
        share = cv2.warpAffine(mask, shift, (1200, 360))[..., None]
        picture += share * (cv2.warpAffine(rgb, shift, (1200, 360)) - picture)
    return np.clip(picture, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def crossing(clip_frames, rgb_frames) -> list[Frame]:
    """She walks to the left at 25 pixels a frame, a face being about 190 wide; he stands still."""
    man, woman = ([cutout(frame) for frame in clip_frames(f"talking_{who}_mild", 0, 36)] for who in ("man", "woman"))
    return rgb_frames([composited([(man[i], 250), (woman[i], 800 - 25 * i)]) for i in range(36)])


def tracked(stage: TrackFaces, frames: list[Frame]) -> list[Faces | None]:
    state = stage.begin(Job(None, Path()))  # type: ignore[arg-type]
    return [stage.process(state, frame) for frame in frames]


def whom(frames: list[Frame], seen: list[Faces | None], judge: Embedder) -> dict[int, str]:
    """Track -> whom it shows, frame by frame, in runs: `MW` is the man, later the woman."""
    first = seen[0]
    assert first is not None
    known = dict(
        zip("MW", (judge.vector(frames[0], face.landmarks) for face in sorted(first.faces, key=across)), strict=True)
    )
    runs: dict[int, str] = {}
    for frame, packet in zip(frames, seen, strict=True):
        for face in packet.faces if packet is not None else ():
            vector = judge.vector(frame, face.landmarks)
            who = min(known, key=lambda name: distance(vector, known[name]))
            if judge.says_same(vector, known[who]) and not face.bridged and not runs.get(face.track, "").endswith(who):
                runs[face.track] = runs.get(face.track, "") + who
    return runs


def across(face: object) -> float:
    return float(face.box[0])  # type: ignore[attr-defined]


def test_ids_stay_with_the_people_when_one_passes_before_the_other(
    both, mesh478, recognition: Recognition, judge: Embedder, crossing: list[Frame]
) -> None:
    stage = TrackFaces(detector=both, landmarker=mesh478, max_faces=4, recognition=recognition)
    seen = tracked(stage, crossing)
    shown = whom(crossing, seen, judge)
    assert sorted(shown.values()) == ["M", "W"], shown
    last = seen[-1]
    assert last is not None
    assert {shown[face.track] for face in last.faces} == {"M", "W"}, "both are there again at the end"


def test_place_alone_would_mistake_them(both, mesh478, judge: Embedder, crossing: list[Frame]) -> None:
    """What recognition is for; if this ever fails, geometry has become good enough."""
    seen = tracked(TrackFaces(detector=both, landmarker=mesh478, max_faces=4), crossing)
    assert any(len(runs) > 1 for runs in whom(crossing, seen, judge).values())


def test_a_matched_cut_to_somebody_else_starts_a_new_track(
    both, mesh478, recognition: Recognition, clip_frames, rgb_frames
) -> None:
    """Same wall, same place, same size: the pictures correlate, so nothing but the face tells of the cut."""
    stage = TrackFaces(detector=both, landmarker=mesh478, recognition=recognition)
    clips = [*clip_frames("talking_man_mild", 0, 6), *clip_frames("talking_woman_mild", 0, 16)]
    frames = rgb_frames([frame.native.to_ndarray(format="rgb24") for frame in clips])
    seen = [[face.track for face in packet.faces] if packet else [] for packet in tracked(stage, frames)]
    assert seen[0] == [0]
    assert seen[-1] == [1]


def test_one_person_stays_one_track_whatever_the_face_does(
    both, mesh478, recognition: Recognition, clip_frames
) -> None:
    stage = TrackFaces(detector=both, landmarker=mesh478, recognition=recognition)
    seen = tracked(stage, clip_frames("arc_cry_laugh", 200, 240))
    assert {face.track for packet in seen if packet for face in packet.faces} == {0}


def test_nonsense_is_refused(recognition: Recognition) -> None:
    with pytest.raises(ConfigError, match=r"^faces\.recognition\.every"):
        Recognition(embedder=recognition.embedder, every=-1)
