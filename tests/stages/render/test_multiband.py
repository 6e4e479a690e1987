from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from stages.errors import ConfigError
from stages.packets import Edit, Edits, Face, Faces, Floats, Frame, Units
from stages.render.multiband import Multiband, continued, depth, multiband, raised
from stages.render.warp import Warp
from tests.stages.render.conftest import AT


def _edit(shift: float, size: int = 200) -> Edit:
    """The same texture in another tone, in a disc."""
    rng = np.random.default_rng(0)
    before = (0.5 + 0.05 * rng.normal(size=(size, size, 3))).astype(np.float32)
    mask = np.zeros((size, size), np.float32)
    cv2.circle(mask, (size // 2, size // 2), 80, 1, -1)
    return Edit(0, (0, 0, size, size), before, before + np.float32(shift), mask)


def _written(edit: Edit) -> Floats:
    return edit.before + edit.mask[..., None] * (edit.after - edit.before)


def test_nothing_outside_the_mask_changes() -> None:
    edit = _edit(0.2)
    outside = edit.mask == 0
    edit.after[outside] = 7
    written = _written(multiband(edit, 40))
    assert np.array_equal(written[outside], edit.before[outside])
    assert written.max() < 1


def test_what_lies_outside_the_mask_takes_no_part() -> None:
    edit, other = _edit(0.2), _edit(0.2)
    other.after[other.mask == 0] = -3
    assert np.array_equal(_written(multiband(edit, 40)), _written(multiband(other, 40)))


def test_the_middle_is_the_edit_and_the_way_there_has_no_step() -> None:
    edit = _edit(0.2)
    change = (_written(multiband(edit, 40)) - edit.before)[100, :, 0]
    assert change[90:110] == pytest.approx(0.2, abs=0.01)
    assert np.abs(np.diff(change)).max() < 0.02
    assert change[:20] == pytest.approx(0)


def test_detail_changes_over_faster_than_tone() -> None:
    edit = _edit(0.2)
    y, x = np.mgrid[:200, :200]
    checks = (0.1 * (-1.0) ** (x + y)).astype(np.float32)[..., None]
    fine = Edit(0, edit.box, edit.before, edit.before + checks, edit.mask)
    detail = np.abs((_written(multiband(fine, 60)) - fine.before)[100, :100, 0])
    tone = (_written(multiband(edit, 60)) - edit.before)[100, :100, 0]

    def width(curve: Floats) -> int:
        share = curve / curve[95:].max()
        return int(((share > 0.1) & (share < 0.9)).sum())

    assert width(detail) <= 6
    assert width(tone) >= 3 * width(detail)


@pytest.mark.parametrize("shape", [(3, 3), (5, 40), (37, 64)])
def test_any_size_of_mask_is_blended(shape: tuple[int, int]) -> None:
    edit = _edit(0.1, 80)
    mask = np.zeros((80, 80), np.float32)
    mask[20 : 20 + shape[0], 10 : 10 + shape[1]] = 1
    made = multiband(Edit(0, edit.box, edit.before, edit.after, mask), 12)
    assert np.isfinite(made.after).all()
    assert (made.mask <= mask).all()


def test_a_picture_is_continued_by_what_is_near() -> None:
    inside = np.zeros((60, 60), bool)
    inside[20:40, 20:40] = True
    picture = inside[..., None] * np.array([0.3, 0.3, 0.3, 1], np.float32)
    assert continued(picture) == pytest.approx(0.3, abs=1e-5)


@pytest.mark.parametrize("shape", [(7, 9), (8, 12), (2, 3)])
def test_enlarging_is_that_of_pyramids(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(2)
    fine, weight = rng.random((*shape, 4), np.float32), rng.random(shape, np.float32)
    half = -(-shape[0] // 2), -(-shape[1] // 2), 3
    total, coarse = rng.random(half, np.float32), rng.random(half, np.float32)
    size = shape[::-1]
    detail = (fine[..., :3] - cv2.pyrUp(coarse, dstsize=size)) * weight[..., None]
    assert raised(total, coarse, fine, weight) == pytest.approx(cv2.pyrUp(total, dstsize=size) + detail, abs=1e-5)


def test_larger_faces_have_more_bands() -> None:
    assert [depth(reach, (999, 999)) for reach in (3.0, 12.0, 24.0, 48.0, 96.0)] == [1, 2, 3, 4, 5]


def test_a_face_cut_by_the_frame_is_edited_up_to_the_frame() -> None:
    edit = _edit(0.2)
    made = multiband(Edit(0, edit.box, edit.before, edit.after, np.ones_like(edit.mask)), 40)
    assert (_written(made) - edit.before) == pytest.approx(0.2, abs=0.01)


def test_a_warp_keeps_its_motion(
    picture: Callable[..., Frame],
    face: Callable[..., Face],
    only: Callable[[Face], Faces],
    measured: Callable[..., Units],
) -> None:
    faces = only(face())
    edits = Warp().process(picture(), faces, measured(), measured({"AU12": 3.0}))
    assert edits is not None
    made, old = Multiband().process(edits, faces).edits[0], edits.edits[0]
    lost = np.abs(_written(made) - _written(old))[..., :2].max(2) * 2048
    assert np.percentile(lost[old.mask > 0], 99) < 0.5


def test_alike_pictures_stay_as_they_are(face: Callable[..., Face], only: Callable[[Face], Faces]) -> None:
    edit = _edit(0.0)
    assert Multiband().process(Edits(AT, (edit,)), only(face())).edits[0] is edit


def test_a_wrong_value_is_refused_by_its_name() -> None:
    with pytest.raises(ConfigError, match=r"^width"):
        Multiband(width=0.9)
