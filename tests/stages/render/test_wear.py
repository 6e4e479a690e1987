"""A painted face: where it is, what stays the performer's, and that light, wrinkles and covers do what they should."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np
import pytest

from stages import facs
from stages.errors import ConfigError
from stages.expression import basis, chart
from stages.faces import layouts
from stages.identity.likeness import Likeness, Portrait
from stages.media.painting import unpacked
from stages.media.planes import after
from stages.packets import Cover, Covers, Edit, Edits, Face, Plain, Plains, Role, Roles
from stages.render import mesh
from stages.render.uncover import Uncover
from stages.render.warp import Warp
from stages.render.wear import regions
from stages.render.wear.regions import NAMES, Parts
from stages.render.wear.stage import Wear
from stages.render.wear.texture import Wardrobe
from tests.stages.render.conftest import AT

SIDE = 256
NOSE, BROW, CHEEK, CHIN, LIP = 4, 105, 50, 199, 17
STILL = np.zeros((facs.COUNT, 2), np.float32)
ROLES = Roles(AT, (Role(0, np.zeros((478, 3), np.float32)),))


@dataclass(frozen=True)
class Known:
    """An identity at hand."""

    likeness: Likeness


def portrait(name: str, colour: tuple[float, float, float], yaw: float = 0.0) -> Portrait:
    """One colour all over, with a fine pattern that light does not have."""
    y, x = np.mgrid[:SIDE, :SIDE]
    pattern = 1 + 0.15 * np.sin(x / 2) * np.sin(y / 2)
    texture = (np.array(colour) * pattern[..., None]).astype(np.float16)
    units = np.zeros((facs.COUNT, 2), np.float32)
    weight = cv2.resize(regions.inside(), (SIDE, SIDE)).astype(np.float16)
    return Portrait(name, texture, weight, np.array([yaw, 0, 0], np.float32), units, {})


def likeness(*portraits: Portrait) -> Likeness:
    return Likeness("somebody", basis.load().neutral, portraits, portraits[0])


@pytest.fixture
def wear() -> Callable[..., Wear]:
    """wear(parts=..., ...) of an identity as dark and blue as no performer."""
    made = likeness(portrait("blue", (0.1, 0.2, 0.4)))
    return lambda **fields: Wear(identity=Known(made), **fields)


@pytest.fixture
def under(picture, face, measured, only) -> Callable[..., tuple[Edits, Face]]:
    """under(face): the performer's edit, at rest."""

    def make(one: Face | None = None) -> tuple[Edits, Face]:
        one = one or face()
        edits = Warp().process(picture(), only(one), measured(), measured(), roles=ROLES)
        assert edits is not None
        return edits, one

    return make


def at(edit: Edit, point: int) -> tuple[int, int]:
    x, y = edit.places[point] - np.array(edit.box[:2])
    return round(float(y)), round(float(x))


def pattern(edit: Edit) -> np.ndarray:
    """How much of the texture's fine pattern each pixel shows."""
    change = np.abs(edit.after - edit.before).sum(2)
    return cv2.GaussianBlur(change, (0, 0), 3)


def test_whoever_is_replaced_is_edited_even_where_nothing_moves(under):
    edits, _ = under()
    edit = edits.edits[0]
    assert len(edit.places) == mesh.COUNT
    assert np.array_equal(edit.after, edit.before)


def test_who_has_no_role_is_left_alone(under, wear, only, picture, face, measured):
    nobody = Roles(AT, (Role(7, np.zeros((478, 3), np.float32)),))
    assert Warp().process(picture(), only(face()), measured(), measured({"AU12": 2}), roles=nobody) is None
    edits, one = under()
    assert wear().process(edits, only(one), nobody) is None


def test_the_texture_is_painted_inside_the_face_and_nowhere_else(under, wear, only):
    edits, one = under()
    edit = wear().process(edits, only(one), ROLES).edits[0]
    assert all(edit.mask[at(edit, point)] > 0.95 for point in (NOSE, CHEEK, CHIN, BROW))
    ring = edit.places[mesh.FIRST_RING : mesh.FIRST_RING + len(layouts.OVAL)] - np.array(edit.box[:2], np.float32)
    x, y = np.rint(ring.T).astype(int)
    inside = (x >= 0) & (y >= 0) & (x < edit.mask.shape[1]) & (y < edit.mask.shape[0])
    assert (edit.mask[y[inside], x[inside]] == 0).all()
    assert not any(border.any() for border in (edit.mask[:8], edit.mask[-8:], edit.mask[:, :8], edit.mask[:, -8:]))
    assert all(pattern(edit)[at(edit, point)] > 0.03 for point in (NOSE, CHEEK, CHIN, BROW))
    assert np.array_equal(edit.before, after(edits.edits[0], edit.box))


def test_eyes_and_what_is_between_the_lips_stay_the_performers(under, wear, only, face):
    edits, one = under(face(shown={"AU25": 3.0, "AU26": 3.0}))
    edit = wear().process(edits, only(one), ROLES).edits[0]
    for opening in mesh.OPENINGS:
        middle = edit.places[opening.inner].mean(0) - np.array(edit.box[:2])
        y, x = np.rint(middle[::-1]).astype(int)
        assert np.array_equal(edit.after[y - 2 : y + 3, x - 2 : x + 3], edit.before[y - 2 : y + 3, x - 2 : x + 3])


def test_low_frequencies_become_the_frames_own(under, wear, only):
    edits, one = under()
    edit = wear().process(edits, only(one), ROLES).edits[0]
    for point in (NOSE, CHEEK):
        y, x = at(edit, point)
        here = np.s_[y - 12 : y + 13, x - 12 : x + 13]
        before, after = edit.before[here].mean((0, 1)), edit.after[here].mean((0, 1))
        assert after[:2] == pytest.approx(before[:2], rel=0.35), "texture blue, frame red and green"


@pytest.mark.parametrize("name", NAMES)
def test_a_part_that_is_switched_off_stays_the_performers(name):
    without = Parts(**{name: False}).mask()
    whole, alone = Parts().mask(), Parts(**{other: other == name for other in NAMES}).mask()
    assert (without <= whole + 1e-6).all()
    assert without + alone == pytest.approx(whole, abs=1e-5)
    spot = {"brows": 105, "eyes": 133, "nose": 4, "mouth": 0, "cheeks": 50, "jaw": 199}[name]
    x, y = np.rint(chart.places()[spot]).astype(int)
    assert without[y, x] < 0.25
    assert alone[y, x] > 0.75


def test_a_share_of_a_part_is_that_share_of_its_mask():
    x, y = np.rint(chart.places()[NOSE]).astype(int)
    assert Parts(nose=0.5).mask()[y, x] == pytest.approx(0.5 * Parts().mask()[y, x], abs=0.02)


def test_what_covers_the_face_keeps_its_pixels(under, wear, only):
    edits, one = under()
    hidden = np.zeros((96, 96), np.uint8)
    hidden[48:] = 255
    covers = Covers(AT, (Cover(0, hidden),))
    painted = wear().process(edits, only(one), ROLES, covers=covers)
    edit = Uncover().process(painted, only(one), covers).edits[0]
    assert edit.mask[at(edit, CHIN)] == 0
    assert edit.mask[at(edit, BROW)] > 0.95


def test_it_fades_as_the_head_turns_and_as_confidence_falls(under, wear, only, face):
    masks = []
    for angles in ((0.0, 0, 0), (33.0, 0, 0), (41.0, 0, 0)):
        edits, one = under(face(angles=angles))
        masks.append(wear().process(edits, only(one), ROLES).edits[0].mask.max())
    assert masks[0] > masks[1] > masks[2] > 0
    edits, one = under(face(angles=(44.0, 0, 0)))
    assert wear().process(edits, only(one), ROLES) is None
    edits, one = under()
    assert wear().process(edits, only(replace(one, presence=0.2)), ROLES) is None
    unsure = wear().process(edits, only(replace(one, presence=0.45)), ROLES).edits[0]
    assert 0.2 < unsure.mask.max() < 0.8


def test_a_wrinkle_that_the_performer_has_and_did_not_have_at_rest_is_carried(under, wear, only):
    edits, one = under()
    flat = np.zeros((chart.SIZE, chart.SIZE), np.float32)
    x, y = np.rint(chart.places()[CHEEK]).astype(int)
    line = flat.copy()
    line[y - 1 : y + 2, x - 12 : x + 13] = 0.4
    level = wear(wrinkles=0.0).process(edits, only(one), ROLES).edits[0]
    plains = [
        Plains(AT, (Plain(0, detail.astype(np.float16), np.ones_like(flat, np.float16)),)) for detail in (flat, line)
    ]
    at_rest, folded = (wear().process(edits, only(one), ROLES, plains=plain).edits[0] for plain in plains)
    row, column = at(level, CHEEK)
    here = np.s_[row - 2 : row + 3, column - 4 : column + 5]
    assert folded.after[here].mean() < 0.9 * at_rest.after[here].mean(), "the line of light at rest is gone now"


def test_photos_are_chosen_by_pose_and_change_smoothly():
    left, right = portrait("left", (0.6, 0.2, 0.2), -20.0), portrait("right", (0.2, 0.2, 0.6), 20.0)
    wardrobe = Wardrobe(likeness(left, right), 4)
    reds = [
        float(unpacked(wardrobe.worn(np.array([yaw, 0, 0], np.float32), 200.0, STILL).picture)[..., 0].mean())
        for yaw in np.arange(-20, 20.5, 1.0)
    ]
    assert reds[0] > 0.5
    assert reds[-1] < 0.3
    assert np.abs(np.diff(reds)).max() < 0.05


def test_a_texture_is_as_fine_as_the_picture_needs():
    wardrobe = Wardrobe(likeness(portrait("one", (0.5, 0.5, 0.5))), 4)
    straight = np.zeros(3, np.float32)
    sides = [len(wardrobe.worn(straight, pixels, STILL).picture) for pixels in (40.0, 120.0, 900.0)]
    assert sides == sorted(sides)
    assert sides[0] < 130
    assert sides[-1] == SIDE


def test_rims_of_eyes_and_mouth_are_the_performers_on_the_chart():
    painted = regions.painted()
    for ring in (layouts.LEFT_EYE, layouts.RIGHT_EYE, layouts.LIPS_INNER):
        x, y = np.rint(chart.places()[ring].mean(0)).astype(int)
        assert painted[y, x] == 0


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"photos": 0}, "wear.photos"),
        ({"wrinkles": 2.0}, "wear.wrinkles"),
        ({"full_yaw": 50.0}, "wear.full_yaw"),
        ({"no_presence": 0.7}, "wear.no_presence"),
    ],
)
def test_settings_out_of_range_are_refused(wear, fields, said):
    with pytest.raises(ConfigError, match=f"^{said}"):
        wear(**fields)


def test_parts_out_of_range_are_refused():
    with pytest.raises(ConfigError, match=r"^parts\.nose"):
        Parts(nose=1.5)
