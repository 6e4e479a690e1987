from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from stages.errors import ConfigError
from stages.faces import layouts
from stages.faces.detect import Detection, Detector
from stages.faces.roi import overlap
from stages.faces.track import TrackFaces
from stages.packets import Clip, Colour, Faces, Frame, Job


def job(frame: Frame) -> Job:
    base, size = frame.at.time_base, (frame.width, frame.height)
    return Job(Clip(Path("x"), "x", *size, base, 1 / base, None, frame.pixel_format, Colour(), "h264", "video"), Path())


def track(stage: TrackFaces, frames: Sequence[Frame]) -> list[Faces | None]:
    state = stage.begin(job(frames[0]))
    return [stage.process(state, frame) for frame in frames]


def ids(tracked: Sequence[Faces | None]) -> list[tuple[int, ...]]:
    return [() if faces is None else tuple(face.track for face in faces.faces) for faces in tracked]


class Counting(Detector):
    """A real detector that counts how often it was asked."""

    def __init__(self, inner: Detector) -> None:
        self.inner, self.asked = inner, []

    def find(self, frame: Frame, wanted: int = 1) -> tuple[Detection, ...]:
        self.asked.append(frame.at.index)
        return self.inner.find(frame, wanted)


@pytest.fixture
def stage(both, mesh478) -> TrackFaces:
    return TrackFaces(detector=both, landmarker=mesh478)


def test_a_talking_head_is_one_track_and_one_detection(both, mesh478, clip_frames) -> None:
    detector = Counting(both)
    frames = clip_frames("talking_woman_strong", 0, 40)
    tracked = track(TrackFaces(detector=detector, landmarker=mesh478), frames)
    assert ids(tracked) == [(0,)] * 40
    assert detector.asked == [0]
    assert all(faces.faces[0].presence > 0.9 and not faces.faces[0].bridged for faces in tracked)


def test_a_face_that_leaves_becomes_absence_at_once(stage: TrackFaces, clip_frames) -> None:
    frames = clip_frames("face_noface", 64, 84)
    seen = ids(track(stage, frames))
    assert seen[:8] == [(0,)] * 8
    assert seen[8:] == [()] * 12


def test_a_face_that_appears_is_found_in_its_first_frame(stage: TrackFaces, clip_frames) -> None:
    frames = clip_frames("noface_face", 88, 104)
    tracked = track(stage, frames)
    assert ids(tracked) == [()] * 8 + [(0,)] * 8
    assert [faces.at.index for faces in tracked if faces] == list(range(96, 104))


def test_three_people_keep_their_ids(both, mesh478, clip_frames) -> None:
    stage = TrackFaces(detector=both, landmarker=mesh478, max_faces=3, redetect_every=0.5)
    tracked = track(stage, clip_frames("table_of_three", 20, 180)[::2])
    assert set().union(*ids(tracked)) == {0, 1, 2}
    places: dict[int, set[int]] = {}
    for faces in tracked:
        for face in faces.faces:
            places.setdefault(face.track, set()).add(int(face.box[0] + face.box[2]) // 2 * 3 // 1280)
    assert sorted(places.values(), key=min) == [{0}, {1}, {2}], "nobody changes seats"


def test_two_tracks_never_share_a_face(both, mesh478, clip_frames) -> None:
    stage = TrackFaces(detector=both, landmarker=mesh478, max_faces=4, redetect_every=0)
    for faces in track(stage, clip_frames("face_noface", 0, 6)):
        assert len(faces.faces) == 1
    for faces in track(stage, clip_frames("table_of_three", 20, 26)):
        boxes = [face.box for face in faces.faces]
        assert all(overlap(a, b) < 0.3 for i, a in enumerate(boxes) for b in boxes[:i])


def test_max_faces_keeps_the_largest(both, mesh478, clip_frames) -> None:
    frames = clip_frames("table_of_three", 20, 22)
    (one,) = track(TrackFaces(detector=both, landmarker=mesh478), frames)[1].faces
    everyone = track(TrackFaces(detector=both, landmarker=mesh478, max_faces=3), frames)[1].faces
    sizes = [float(np.prod(face.box[2:] - face.box[:2])) for face in everyone]
    assert len(everyone) == 3
    np.testing.assert_allclose(one.box, everyone[int(np.argmax(sizes))].box, atol=4)


def hidden(frames: Sequence[Frame], rgb_frames, which: range) -> list[Frame]:
    """The same pictures, with a grey card over the face in some frames."""
    pictures = [frame.native.to_ndarray(format="rgb24") for frame in frames]
    for index in which:
        pictures[index][100:620, 420:900] = np.random.default_rng(0).integers(60, 200, (520, 480, 1), np.uint8)
    return rgb_frames(pictures)


def test_a_face_that_comes_back_gets_its_old_id(stage: TrackFaces, clip_frames, rgb_frames) -> None:
    frames = hidden(clip_frames("talking_man_mild", 0, 24), rgb_frames, range(6, 18))
    seen = ids(track(stage, frames))
    assert seen[:6] == [(0,)] * 6
    assert () in seen[6:18]
    assert seen[18:] == [(0,)] * 6


def test_a_face_that_comes_back_after_too_long_is_somebody_new(both, mesh478, clip_frames, rgb_frames) -> None:
    stage = TrackFaces(detector=both, landmarker=mesh478, remember=0.1)
    frames = hidden(clip_frames("talking_man_mild", 0, 20), rgb_frames, range(6, 16))
    assert ids(track(stage, frames))[-1] == (1,)


def test_a_cut_to_somebody_else_starts_a_new_track(stage: TrackFaces, clip_frames, rgb_frames) -> None:
    """Both sit in the same place, so only the cut tells them apart from a face that moved."""
    first = [frame.native.to_ndarray(format="rgb24") for frame in clip_frames("table_of_three", 20, 24)]
    second = [frame.native.to_ndarray(format="rgb24") for frame in clip_frames("talking_man_mild", 0, 4)]
    seen = ids(track(stage, rgb_frames(first + second)))
    assert seen == [(0,)] * 4 + [(1,)] * 4


def raised(picture: NDArray[np.uint8], landmarks: NDArray[np.float32], pixels: float) -> NDArray[np.uint8]:
    """The picture with both brows moved up."""
    yy, xx = np.mgrid[: picture.shape[0], : picture.shape[1]].astype(np.float32)
    lift = np.zeros_like(xx)
    for brow in (layouts.LEFT_BROW, layouts.RIGHT_BROW):
        x, y = landmarks[brow, :2].mean(0)
        lift += np.exp(-(((xx - x) / 55) ** 2) - ((yy - y) / 28) ** 2)
    return cv2.remap(picture, xx, yy + np.float32(pixels) * lift, cv2.INTER_LINEAR)


def test_a_pulse_of_a_quarter_second_survives(stage: TrackFaces, clip_frames, rgb_frames) -> None:
    """Eight frames of a brow raise: tracked in sequence it is as high as when each picture is measured alone."""
    (frame,) = clip_frames("talking_woman_mild", 5, 6)
    picture = frame.native.to_ndarray(format="rgb24")
    rest = track(stage, rgb_frames([picture]))[0].faces[0].landmarks
    heights = np.concatenate([np.zeros(4), np.sin(np.linspace(0, np.pi, 8)) ** 2 * 9, np.zeros(4)])
    frames = rgb_frames([raised(picture, rest, height) for height in heights])
    tracked = np.array([faces.faces[0].landmarks[layouts.BROWS, 1].mean() for faces in track(stage, frames)])
    alone = np.array([track(stage, [frame])[0].faces[0].landmarks[layouts.BROWS, 1].mean() for frame in frames])
    pulse, wanted = tracked[0] - tracked.min(), alone[0] - alone.min()
    assert wanted > 3
    assert pulse > 0.95 * wanted


def test_order_of_frames_is_all_that_matters(stage: TrackFaces, clip_frames) -> None:
    """State lives in what `begin` made: a second clip through the same stage object gives the same result."""
    frames = clip_frames("carphone", 0, 5)
    for a, b in zip(track(stage, frames), track(stage, frames), strict=True):
        np.testing.assert_array_equal(a.faces[0].landmarks, b.faces[0].landmarks)


@pytest.mark.parametrize(
    "fields", [{"max_faces": 0}, {"min_presence": 0.0}, {"keep_presence": 0.9}, {"bridge": -1.0}, {"remember": -1.0}]
)
def test_nonsense_is_refused(both, mesh478, fields: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=rf"^faces\.{next(iter(fields))}"):
        TrackFaces(detector=both, landmarker=mesh478, **fields)


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_face_filmed_sideways_is_measured_as_a_viewer_sees_it(stage: TrackFaces, clip_frames, turns: int) -> None:
    upright = clip_frames("smile_onset", 40, 43)
    lying = []
    for frame in upright:
        stored = np.ascontiguousarray(np.rot90(frame.native.to_ndarray(format="rgb24"), -turns))
        native = av.VideoFrame.from_ndarray(stored, format="rgb24")
        lying.append(Frame(frame.at, native, Colour(matrix=0, full_range=True), turns))
    pairs = zip(track(stage, upright), track(stage, lying), strict=True)
    for one, two in pairs:
        assert np.hypot(*(one.faces[0].landmarks - two.faces[0].landmarks)[:, :2].T).mean() < 0.5
