"""Detail is added where it is missing, inside the mask, and never at the cost of what was there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np
import pytest

from stages.errors import ConfigError
from stages.packets import Edit, Edits, Face, Faces, Floats, Frame, Restraints
from stages.render.enhance import Enhance, Off, adding, needed, restored
from stages.render.restorers import Box, Restorer

BOX = (200, 120, 440, 400)


@dataclass(frozen=True, kw_only=True)
class Sharpen(Restorer):
    """A restorer without a network: unsharp masking, and a flat tint that must not come through."""

    amount: float = 2.0
    tint: float = 0.2
    margin: int = 0

    def prepare(self) -> None: ...

    def reach(self, points: Floats, box: Box) -> Box:
        m = self.margin
        return box[0] - m, box[1] - m, box[2] + m, box[3] + m

    def added(self, picture: Floats, points: Floats) -> Floats:
        assert 0 <= points[1, 0] < picture.shape[1]
        return self.amount * (picture - cv2.GaussianBlur(picture, (0, 0), 3)) + np.float32(self.tint)


@pytest.fixture
def scene(picture: Callable[..., Frame], face: Callable[..., Face]) -> tuple[Frame, Faces, Edits]:
    """A face, and an edit of it that is softer than the plate on its left half."""
    frame, one = picture(), face()
    y, x = np.mgrid[BOX[1] : BOX[3], BOX[0] : BOX[2]]
    wave = 0.5 + 0.2 * np.sin(x / 2) * np.sin(y / 2)
    before = np.repeat(wave[..., None], 3, 2).astype(np.float32)
    after = before.copy()
    after[:, :120] = cv2.GaussianBlur(after, (0, 0), 2)[:, :120]
    mask = np.zeros(before.shape[:2], np.float32)
    mask[20:-20, 20:-20] = 1
    return frame, Faces(frame.at, (one,)), Edits(frame.at, (Edit(0, BOX, before, after, mask),))


def change(edits: Edits, made: Edits) -> Floats:
    return np.abs(made.edits[0].after - edits.edits[0].after).max(2)


def test_off_hands_on_the_very_same_packet(scene: tuple[Frame, Faces, Edits]) -> None:
    assert Off().process(scene[2]) is scene[2]


def test_only_what_is_softer_than_the_plate_changes(scene: tuple[Frame, Faces, Edits]) -> None:
    frame, faces, edits = scene
    moved = change(edits, Enhance(restorer=Sharpen(), weight=1).process(frame, edits, faces))
    assert moved[60:-60, 40:90].mean() > 0.02
    assert moved[:, 170:].max() < 1e-4
    everywhere = change(edits, Enhance(restorer=Sharpen(), weight=1, where="all").process(frame, edits, faces))
    assert everywhere[60:-60, 170:210].mean() > 0.02


def test_nothing_changes_where_the_mask_is_zero_and_half_the_weight_is_half_the_detail(
    scene: tuple[Frame, Faces, Edits],
) -> None:
    frame, faces, edits = scene
    whole, half = (
        change(edits, Enhance(restorer=Sharpen(), weight=weight).process(frame, edits, faces)) for weight in (1, 0.5)
    )
    assert not whole[edits.edits[0].mask == 0].any()
    np.testing.assert_allclose(half, whole / 2, atol=1e-6)


def test_tones_stay_those_of_the_edit(scene: tuple[Frame, Faces, Edits]) -> None:
    frame, faces, edits = scene
    made = Enhance(restorer=Sharpen(tint=0.3), weight=1, where="all").process(frame, edits, faces)
    drift = (made.edits[0].after - edits.edits[0].after)[60:-60, 40:-40].mean()
    assert abs(drift) < 0.01


def test_detail_that_is_there_is_never_smoothed_away(scene: tuple[Frame, Faces, Edits]) -> None:
    frame, faces, edits = scene
    made = Enhance(restorer=Sharpen(amount=-1.0, tint=0), weight=1, where="all").process(frame, edits, faces)
    assert change(edits, made)[60:-60, 160:-20].max() < 1e-3


def test_a_restorer_may_look_beyond_the_edit(scene: tuple[Frame, Faces, Edits]) -> None:
    frame, faces, edits = scene
    made = Enhance(restorer=Sharpen(margin=60), weight=1).process(frame, edits, faces)
    assert made.edits[0].box == BOX
    assert change(edits, made).max() > 0.02


def test_small_faces_no_weight_and_held_tracks_are_the_very_same(
    scene: tuple[Frame, Faces, Edits], face: Callable[..., Face]
) -> None:
    frame, faces, edits = scene
    enhance = Enhance(restorer=Sharpen())
    assert enhance.process(frame, edits, Faces(frame.at, (face(unit=40.0),))) is edits
    assert replace(enhance, weight=0).process(frame, edits, faces) is edits
    assert enhance.process(frame, edits, faces, Restraints(frame.at, (0,), (0.0,))) is edits
    assert enhance.process(frame, edits, faces, Restraints(frame.at, (7,), (0.0,))) is not edits


def test_a_restraint_is_a_factor_on_the_weight(scene: tuple[Frame, Faces, Edits]) -> None:
    frame, faces, edits = scene
    one = Enhance(restorer=Sharpen(), weight=0.8).process(frame, edits, faces, Restraints(frame.at, (0,), (0.25,)))
    other = Enhance(restorer=Sharpen(), weight=0.2).process(frame, edits, faces)
    np.testing.assert_allclose(one.edits[0].after, other.edits[0].after, atol=1e-6)


def test_need_and_gain_are_between_zero_and_one(scene: tuple[Frame, Faces, Edits]) -> None:
    edit = scene[2].edits[0]
    need, gain = needed(edit, 150), adding(edit.after, edit.before - edit.after, 150)
    for share in (need, gain):
        assert share.dtype == np.float32
        assert 0 <= share.min() <= share.max() <= 1
    assert need[100:180, 40:80].min() > 0.9
    assert need[100:180, 190:].max() < 0.05


def test_a_photo_becomes_crisper_and_keeps_its_tones(face: Callable[..., Face]) -> None:
    y, x = np.mgrid[:480, :640]
    photo = np.repeat((0.5 + 0.1 * np.sin(x / 3) * np.sin(y / 3))[..., None], 3, 2).astype(np.float32)
    made = restored(photo, face().landmarks, Sharpen(), weight=1)
    assert made[100:-100, 100:-100].std() > 1.5 * photo[100:-100, 100:-100].std()
    assert abs(float((made - photo).mean())) < 0.01


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"weight": 1.2}, r"enhance\.weight must be 0\.\.1"),
        ({"least_face": 60}, r"enhance\.least_face must be 90 pixels or more"),
        ({"where": "here"}, r"enhance\.where must be all or soft"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        Enhance(restorer=Sharpen(), **settings)
