from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from stages.media import moving
from stages.media.pixels import components, layout
from stages.media.planes import after, align, crop, draw, drawn, paste
from stages.packets import Edit, Edits, Moved
from tests.stages.media.synthetic_clips import frame_of

FORMATS = [
    "yuv420p",
    "yuv422p10le",
    "yuv444p12le",
    "yuv411p",
    "yuva420p",
    "nv12",
    "p010le",
    "gbrp10le",
    "rgb24",
    "gray",
]
NOWHERE = np.zeros((0, 2), np.float32)


def field(rows: int, columns: int, reach: float = 6) -> tuple[np.ndarray, np.ndarray]:
    """Offsets and mask at half of rows x columns: a soft patch within, a part of which does not move."""
    rng = np.random.default_rng(5)
    shape = -(-rows // 2), -(-columns // 2)
    noise = cv2.GaussianBlur(rng.normal(size=(*shape, 3)).astype(np.float32), (0, 0), 4) * 12
    offsets = np.ascontiguousarray(noise[..., :2].transpose(2, 0, 1)) * np.float32(reach / 6)
    mask = np.ascontiguousarray(np.clip(noise[..., 2], 0, 1))
    mask[:2] = 0
    offsets[:, 8:12, 10:20] = 0
    return offsets, mask


def moved(pixel_format: str, box: tuple[int, int, int, int], reach: float = 6) -> Moved:
    frame = frame_of(pixel_format)
    box = align(box, frame)
    return Moved(3, box, frame, *field(box[3] - box[1], box[2] - box[0], reach), NOWHERE, NOWHERE)


def test_one_walk_over_a_coarse_map_equals_enlarging_it_and_remapping() -> None:
    picture = cv2.GaussianBlur(np.random.default_rng(6).random((61, 90, 3), np.float32), (0, 0), 2)
    offsets, share = field(61, 90)
    got, mask = moving.resampled(picture, offsets, share)
    dx, dy, belongs = (cv2.resize(one, None, fx=2, fy=2)[:61, :90] for one in (*offsets, share))
    x, y = np.arange(90, dtype=np.float32), np.arange(61, dtype=np.float32)[:, None]
    wanted = cv2.remap(picture, dx + x, dy + y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    np.testing.assert_allclose(mask, belongs, atol=1e-6)
    inside = belongs > 0
    assert 0.2 < inside.mean() < 0.9
    np.testing.assert_allclose(got[inside], wanted[inside], atol=2e-3)  # cv2 rounds places to 1/32 pixel
    np.testing.assert_array_equal(got[~inside], picture[~inside])
    np.testing.assert_array_equal(got[18:22, 22:38], picture[18:22, 22:38])


@pytest.mark.parametrize("pixel_format", FORMATS)
def test_codes_that_are_moved_are_those_of_the_picture_that_is_moved(pixel_format: str) -> None:
    """Within a rounded code; chroma, which a picture repeats over a block, is not held to that."""
    edit = moved(pixel_format, (4, 2, 61, 47))
    picture = draw(edit)
    direct, painted = (paste(edit.frame, (one,)).native for one in (edit, picture))
    for index, (one, other) in enumerate(zip(components(direct), components(painted), strict=True)):
        apart = np.abs((one >> layout(pixel_format).shift).astype(int) - (other >> layout(pixel_format).shift))
        if index == 0 or layout(pixel_format).model != "yuv":
            assert apart.max() <= 1
    assert any((a != b).any() for a, b in zip(components(direct), components(edit.frame.native), strict=True))


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv444p12le", "nv12", "gray"])
def test_what_does_not_move_keeps_its_codes(pixel_format: str) -> None:
    still = moved(pixel_format, (0, 0, 64, 48), reach=0)
    for one, other in zip(components(paste(still.frame, (still,)).native), components(still.frame.native), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv422p10le"])
def test_a_whole_shift_takes_codes_from_there(pixel_format: str) -> None:
    frame = frame_of(pixel_format)
    offsets, mask = np.zeros((2, 20, 20), np.float32), np.ones((20, 20), np.float32)
    offsets[0], offsets[1] = 4, -2
    made = paste(frame, (Moved(0, (8, 4, 48, 44), frame, offsets, mask, NOWHERE, NOWHERE),)).native
    for plane, source, span in zip(
        components(made), components(frame.native), ((0, 0), *[layout(pixel_format).chroma] * 2), strict=True
    ):
        rows, columns = slice(10 >> span[1], 40 >> span[1]), slice(8 >> span[0], 40 >> span[0])
        up, right = 2 >> span[1], 4 >> span[0]
        moved_rows = slice(rows.start - up, rows.stop - up)
        moved_columns = slice(columns.start + right, columns.stop + right)
        np.testing.assert_array_equal(plane[rows, columns], source[moved_rows, moved_columns])


def test_a_column_without_a_neighbour_stays_and_what_has_one_moves() -> None:
    frame = frame_of("yuv420p")
    offsets, mask = np.ones((2, 20, 1), np.float32), np.ones((20, 1), np.float32)
    made = paste(frame, (Moved(0, (8, 4, 10, 44), frame, offsets, mask, NOWHERE, NOWHERE),)).native
    luma, *chroma = zip(components(made), components(frame.native), strict=True)
    assert (luma[0] != luma[1]).any()
    for plane, source in chroma:
        np.testing.assert_array_equal(plane, source)


def test_drawing_leaves_what_is_drawn_alone() -> None:
    edit = moved("yuv420p", (4, 2, 60, 46))
    picture = draw(edit)
    assert drawn(Edits(edit.frame.at, (picture, edit)))[0] is picture
    assert drawn(Edits(edit.frame.at, (edit,)))[0].box == edit.box


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv422p10le", "rgb24"])
def test_what_is_painted_on_something_moved_is_written_on_top(pixel_format: str) -> None:
    edit = moved(pixel_format, (4, 2, 61, 47))
    box = align((16, 12, 40, 36), edit.frame)
    under = after(edit, box)
    np.testing.assert_array_equal(under, crop(paste(edit.frame, (edit,)), box))
    mask = np.zeros((24, 24), np.float32)
    mask[4:20, 4:20] = 0.5
    over = Edit(3, box, under, under + np.float32(0.1), mask, NOWHERE, NOWHERE)
    both = replace(edit, painted=over)
    direct, picture, alone = (paste(edit.frame, (one,)).native for one in (both, draw(both), edit))
    shift = layout(pixel_format).shift
    first, second, below = ((components(one)[0] >> shift).astype(int) for one in (direct, picture, alone))
    assert np.abs(first - second).max() <= 1
    raised = (first - below)[box[1] : box[3], box[0] : box[2]][6:18, 6:18]
    assert raised.min() > 0
    with pytest.raises(ValueError, match="painted over"):
        replace(edit, painted=replace(over, box=(0, 0, 24, 24)))
