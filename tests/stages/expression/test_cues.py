from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import cv2
import numpy as np
import pytest

from stages.errors import ConfigError
from stages.expression import chart, folds, occlusion
from stages.expression.cues import FOLDS, REGIONS, SkinCues, SkinCuesLive
from stages.faces import layouts
from stages.media import decode
from stages.packets import Colour, Cues, Face, Faces, Frame, Job, Stamp

Look = Callable[..., Cues]


@pytest.fixture(scope="module")
def scene(sample: Callable[[str], Path], tracked: Callable[[str], Any]) -> Callable[[str, int], tuple[Frame, Faces]]:
    """`scene("smile_onset", 5)` -> that frame and its faces."""

    def one(name: str, index: int) -> tuple[Frame, Faces]:
        frame = next(iter(decode.frames(decode.probe(sample(name)), start=index, stop=index + 1)))
        return frame, tracked(name)[0][index]

    return one


def drawn(frame: Frame, picture: np.ndarray) -> Frame:
    """The same frame with another R'G'B' picture."""
    codes = np.clip(np.rint(picture), 0, 255).astype(np.uint8)
    native = av.VideoFrame.from_ndarray(np.ascontiguousarray(codes), format="rgb24")
    return replace(frame, native=native, colour=Colour(full_range=True))


def picture_of(frame: Frame) -> np.ndarray:
    return frame.native.to_ndarray(format="rgb24").astype(np.float32)


def fold(cues: Cues, name: str) -> float:
    return float(cues.folds[0, FOLDS.index(name)])


def moved(faces: Faces, scale: float, shift: float = 0.0) -> Faces:
    face = faces.faces[0]
    points = (face.landmarks * np.float32(scale) + np.float32([shift, shift, 0])).astype(np.float32)
    return Faces(faces.at, (Face(face.track, face.box, points, face.presence),))


def test_a_face_gets_a_row_of_every_cue(scene):
    cues = SkinCues().process(*scene("smile_onset", 0))
    assert cues.folds.shape == (1, len(FOLDS))
    assert cues.covered.shape == (1, len(REGIONS))
    assert np.isfinite(cues.folds).all()


def test_a_complexion_shows_the_colours_where_the_mesh_lies_and_nothing_beside_the_face(scene):
    frame, faces = scene("smile_onset", 5)
    seen = SkinCues().process(frame, faces).complexion[0].astype(float)
    picture, landmarks = picture_of(frame), faces.faces[0].landmarks
    for point in (50, 280, 151):
        column, row = (chart.places()[point] * len(seen) / chart.SIZE).astype(int)
        x, y = landmarks[point, :2].round().astype(int)
        assert np.abs(seen[row, column] - picture[y - 2 : y + 3, x - 2 : x + 3].mean((0, 1))).max() < 12
    assert not seen[0, 0].any()


def test_no_faces_give_no_rows(scene):
    frame, faces = scene("smile_onset", 0)
    cues = SkinCues().process(frame, Faces(faces.at, ()))
    assert cues.folds.shape == (0, len(FOLDS))
    assert cues.sharpness.shape == (0,)


def test_a_spot_of_skin_stays_on_its_texel_when_the_picture_is_turned_and_scaled(scene):
    frame, faces = scene("smile_onset", 5)
    picture, landmarks = picture_of(frame), faces.faces[0].landmarks
    turn = cv2.getRotationMatrix2D((320, 180), 12, 1.4)
    turned = cv2.warpAffine(picture, turn, (640, 360), flags=cv2.INTER_CUBIC)
    points = landmarks.copy()
    # Continuous coordinates put a pixel's centre at .5, warpAffine at 0.
    points[:, :2] = (landmarks[:, :2] - 0.5) @ turn[:, :2].T + turn[:, 2] + 0.5
    one, two = chart.unwrap(drawn(frame, picture), landmarks), chart.unwrap(drawn(frame, turned), points)
    inner = chart.well_inside()
    assert np.abs(one.luma - two.luma)[inner].mean() < 2.5
    assert np.abs(one.luma - np.roll(two.luma, 4, 1))[inner].mean() > 4


def test_left_of_the_chart_is_the_performers_right():
    spots = chart.places()
    assert spots[33, 0] < spots[263, 0]
    assert spots[10, 1] < spots[152, 1]
    np.testing.assert_allclose(spots[layouts.MIRROR[:468], 0], chart.SIZE - 1 - spots[:, 0], atol=0.6)


def test_exposure_and_gain_do_not_change_folds(scene):
    frame, faces = scene("smile_onset", 40)
    picture = picture_of(frame)
    bright, dark = (SkinCues().process(drawn(frame, picture * gain), faces).folds[0] for gain in (1.0, 0.6))
    np.testing.assert_allclose(dark, bright, atol=0.02, rtol=0.2)


def test_a_painted_line_is_a_fold_of_its_patch_and_side(scene):
    frame, faces = scene("smile_onset", 5)
    picture, points = picture_of(frame), faces.faces[0].landmarks[:, :2]
    before = SkinCues().process(drawn(frame, picture), faces)
    ends = np.rint(points[[358, 432]]).astype(int)  # along the performer's left nasolabial fold
    after = SkinCues().process(drawn(frame, cv2.line(picture, ends[0], ends[1], (60, 40, 35), 2)), faces)
    assert fold(after, "nasolabial_broad_left") > 2 * fold(before, "nasolabial_broad_left")
    assert fold(after, "nasolabial_broad_right") == pytest.approx(fold(before, "nasolabial_broad_right"), rel=0.02)


def test_cheeks_fold_when_the_man_smiles_and_not_when_he_blinks(scene):
    calm = [SkinCues().process(*scene("smile_onset", index)) for index in (2, 6, 10)]
    smile = [SkinCues().process(*scene("smile_onset", index)) for index in (45, 52, 60)]
    for name in ("infraorbital_fine_left", "infraorbital_fine_right", "nasolabial_broad_left"):
        assert min(fold(cues, name) for cues in smile) > 1.15 * max(fold(cues, name) for cues in calm)


def test_raised_brows_fold_the_forehead(scene):
    calm, raised = (SkinCues().process(*scene("talking_woman_strong", index)) for index in (5, 32))
    assert fold(raised, "forehead_middle_fine") > 1.5 * fold(calm, "forehead_middle_fine")


def test_a_wrinkled_nose_folds_the_bridge(scene):
    calm, wrinkled = (SkinCues().process(*scene("talking_man_strong", index)) for index in (96, 64))
    assert fold(wrinkled, "nose_bridge_fine") > 1.5 * fold(calm, "nose_bridge_fine")


@pytest.mark.parametrize(
    ("name", "index"),
    [("smile_onset", 50), ("talking_man_strong", 64), ("talking_woman_strong", 44), ("talking_woman_mild", 60)],
)
def test_a_bare_face_is_free_whatever_it_does(scene, name: str, index: int):
    assert SkinCues().process(*scene(name, index)).covered.max() < 0.5


@pytest.mark.parametrize("colour", [(12, 12, 12), (235, 235, 235), (40, 60, 150), None])
@pytest.mark.parametrize(("region", "point"), [("mouth", 13), ("eye_left", 386)])
def test_what_lies_over_a_region_is_noticed_there(scene, region: str, point: int, colour: tuple[int, ...] | None):
    frame, faces = scene("talking_woman_mild", 5)
    picture, points = picture_of(frame), faces.faces[0].landmarks[:, :2]
    size = float(np.linalg.norm(points[33] - points[263]))
    skin = picture[int(points[50, 1]), int(points[50, 0])].tolist()  # None is the face's own skin
    at, axes = np.rint(points[point]).astype(int).tolist(), (int(0.5 * size), int(0.35 * size))
    covered = (
        SkinCues()
        .process(drawn(frame, cv2.ellipse(picture, at, axes, 0, 0, 360, colour or skin, -1)), faces)
        .covered[0]
    )
    assert covered[REGIONS.index(region)] > 0.5
    assert covered[REGIONS.index("eye_right")] < 0.5


def test_a_real_hand_over_nose_and_mouth_is_noticed(scene):
    covered = SkinCues().process(*scene("arc_cry_laugh", 104)).covered[0]
    assert min(covered[REGIONS.index(name)] for name in ("nose", "mouth", "cheek_right")) > 0.5
    assert max(covered[REGIONS.index(name)] for name in ("cheek_left", "eye_left", "forehead")) < 0.5


def test_regions_mirror_each_other():
    masks = dict(zip(REGIONS, occlusion.regions(), strict=True))
    for name, other in zip(REGIONS, occlusion.MIRRORED, strict=True):
        flipped = masks[REGIONS[other]][:, ::-1]
        assert (masks[name] & flipped).sum() > 0.93 * masks[name].sum()


def test_blur_and_coarse_pixels_are_not_sharp_and_noise_does_not_hide_it(scene):
    frame, faces = scene("talking_woman_mild", 5)
    picture = picture_of(frame)
    blurred = cv2.GaussianBlur(picture, (0, 0), 6)
    noisy = blurred + np.random.default_rng(1).normal(0, 8, picture.shape)
    own, soft, both = (SkinCues().process(drawn(frame, one), faces) for one in (picture, blurred, noisy))
    assert own.sharpness[0] > 0.9
    assert soft.sharpness[0] < 0.2
    assert both.sharpness[0] < 0.6


def test_a_small_sharp_face_is_sharp_and_one_blown_up_is_less_so(scene):
    frame, faces = scene("talking_woman_mild", 5)
    small = cv2.resize(picture_of(frame), None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    blown = cv2.resize(cv2.resize(small, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), (1280, 720))
    assert SkinCues().process(drawn(frame, small), moved(faces, 0.25)).sharpness[0] > 0.9
    assert SkinCues().process(drawn(frame, blown), faces).sharpness[0] < 0.6


def test_dark_grainy_and_clipped_pictures_are_badly_lit(scene):
    frame, faces = scene("smile_onset", 5)
    picture = picture_of(frame)
    grain = np.random.default_rng(2).normal(0, 5, picture.shape)
    assert SkinCues().process(frame, faces).light[0] > 0.9
    assert SkinCues().process(drawn(frame, picture * 0.15 + grain), faces).light[0] < 0.3
    assert SkinCues().process(drawn(frame, picture * 2.2), faces).light[0] < 0.5


@pytest.mark.parametrize("shift", [-2000.0, -150.0, 300.0])
def test_a_face_partly_or_wholly_outside_the_picture_is_measured_all_the_same(scene, shift: float):
    frame, faces = scene("smile_onset", 5)
    cues = SkinCues().process(frame, moved(faces, 1.0, shift))
    assert np.isfinite(cues.folds).all()
    assert np.isfinite(cues.covered).all()
    assert np.isfinite([*cues.sharpness, *cues.light]).all()


def test_ten_bit_and_eight_bit_pictures_show_the_same(scene):
    frame, faces = scene("smile_onset", 50)
    deep = replace(frame, native=frame.native.reformat(format="yuv420p10le"))
    one, two = SkinCues().process(frame, faces), SkinCues().process(deep, faces)
    np.testing.assert_allclose(two.folds, one.folds, atol=0.004)
    np.testing.assert_allclose(two.covered, one.covered, atol=0.05)


def test_folds_are_named_once_and_in_order():
    assert len(set(FOLDS)) == len(FOLDS) == len(folds.measure(blank()))


def blank() -> chart.Chart:
    flat = np.full((chart.SIZE, chart.SIZE), 100, np.float32)
    colour = np.full((chart.SIZE // chart.COARSE,) * 2 + (3,), 100, np.float32)
    return chart.Chart(flat, colour, np.ones(898, np.float32), flat, chart.places())


def test_flat_skin_has_no_folds():
    np.testing.assert_allclose(folds.measure(blank()), 0, atol=1e-4)


def test_live_cues_are_taken_on_some_frames_and_at_once_for_a_new_face() -> None:
    native = av.VideoFrame.from_ndarray(np.full((240, 320, 3), 120, np.uint8), format="rgb24").reformat(
        format="yuv420p"
    )
    face = np.zeros((478, 3), np.float32)
    face[:468, :2] = layouts.CANONICAL[:, :2] * (8, -8) + (160, 120)
    live, looked = SkinCuesLive(every=3), []
    state = live.begin(cast(Job, None))
    for index in range(8):
        at = Stamp("clip", index, index, Fraction(1, 25))
        tracks = (0,) if index < 5 else (0, 1)
        faces = Faces(at, tuple(Face(track, np.array([0, 0, 9, 9], np.float32), face, 1.0) for track in tracks))
        frame = Frame(at, native, Colour(full_range=True))
        made = live.process(state, frame, faces)
        assert (made.at, made.tracks) == (at, tracks)
        looked.append(state.frame)
        np.testing.assert_array_equal(made.relief, SkinCues().process(frame, faces).relief)
    assert looked == [0, 0, 0, 3, 3, 5, 5, 5]
    with pytest.raises(ConfigError, match=r"cues\.every must be 1\.\.12"):
        SkinCuesLive(every=0)
