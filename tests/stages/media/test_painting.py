from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from stages.media import painting
from stages.media.pixels import components, layout
from stages.media.planes import after, align, draw, paste
from stages.packets import Moved, Painted
from tests.stages.media.synthetic_clips import frame_of
from tests.stages.media.test_moving import FORMATS, NOWHERE, moved

SIDE = 40


def texture(seed: int = 1) -> np.ndarray:
    return cv2.GaussianBlur(np.random.default_rng(seed).random((SIDE, SIDE, 3), np.float32), (0, 0), 1)


def painted(under: Moved, box: tuple[int, int, int, int]) -> Painted:
    """A texture turned a little, brighter to the right, that fades within its box."""
    x0, y0, x1, y1 = align(box, under.frame)
    height, width = -(-(y1 - y0) // 2), -(-(x1 - x0) // 2)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    turned = 2 + 1.1 * x + 0.2 * y, 3 - 0.1 * x + 1.2 * y
    places = [np.clip(one, 0, SIDE - 1.001) for one in turned]
    light = [1 + x / width, 0.8 + 0 * x, 1.1 - y / height / 2]
    share = np.clip(4 - np.hypot(x - width / 2, y - height / 2) / 2, 0, 1)
    samples = np.stack([*places, *light, share]).astype(np.float32)
    mask = np.clip(x / 8 - 0.3, 0, 1).astype(np.float32)
    packed = painting.packed(texture())
    return Painted(under.track, (x0, y0, x1, y1), under, samples, mask, packed, NOWHERE, NOWHERE)


def test_a_texture_is_looked_up_as_finely_as_it_is_packed() -> None:
    """At places between texels too, as cv2 interpolates, but for 12 bits of a texel and 9 of its weight."""
    picture, rng = texture(), np.random.default_rng(2)
    rows, columns = 21, 33
    y, x = np.mgrid[:rows, :columns].astype(np.float32)
    column, row = 1.5 + 1.03 * x, 2.25 + 1.57 * y
    factors = [np.full_like(x, value) for value in (1.0, 0.5, 1.5)]
    samples = np.stack([column, row, *factors, np.ones_like(x)])
    under = rng.random((2 * rows, 2 * columns, 3), np.float32)
    got, mask = painting.pictured(samples, np.ones_like(x), painting.packed(picture), under)
    fine = [cv2.resize(one, None, fx=2, fy=2) for one in (column, row)]
    wanted = cv2.remap(picture, *fine, cv2.INTER_LINEAR) * np.array([1, 0.5, 1.5], np.float32)
    assert (mask == 1).all()
    np.testing.assert_allclose(got, wanted, atol=0.012)  # cv2 rounds places to 1/32 pixel
    np.testing.assert_allclose(got.mean((0, 1)), wanted.mean((0, 1)), atol=5e-4)


def test_a_texture_is_packed_to_twelve_bits() -> None:
    picture = texture() * np.float32(1.2) - np.float32(0.1)
    np.testing.assert_allclose(painting.unpacked(painting.packed(picture)), np.clip(picture, 0, 1), atol=0.51 / 4095)


@pytest.mark.parametrize("pixel_format", FORMATS)
def test_codes_that_are_painted_are_those_of_the_picture_that_is_painted(pixel_format: str) -> None:
    under = moved(pixel_format, (4, 2, 61, 47))
    over = painted(under, (8, 6, 57, 41))
    drawn = draw(over)
    direct, added = (paste(under.frame, (replace(under, painted=one),)).native for one in (over, drawn))
    bare = paste(under.frame, (under,)).native
    many = 0
    for one, other, before in zip(components(direct), components(added), components(bare), strict=True):
        codes = [(plane >> layout(pixel_format).shift).astype(int) for plane in (one, other, before)]
        assert np.abs(codes[0] - codes[1]).max() <= 1
        many += int((np.abs(codes[1] - codes[2]) > 2).sum())
    assert many > 200, "something is painted"


def test_what_is_not_painted_keeps_its_codes() -> None:
    under = moved("yuv420p", (4, 2, 61, 47))
    over = painted(under, (8, 6, 57, 41))
    nothing = replace(over, mask=np.zeros_like(over.mask)), replace(over, samples=over.samples * np.float32(0))
    bare = paste(under.frame, (under,)).native
    for one in nothing:
        same = paste(under.frame, (replace(under, painted=one),)).native
        assert all(np.array_equal(a, b) for a, b in zip(components(same), components(bare), strict=True))


def test_a_drawn_painting_lies_on_what_has_moved() -> None:
    under = moved("yuv444p12le", (4, 2, 61, 47))
    over = painted(under, (8, 6, 57, 41))
    drawn = draw(over)
    np.testing.assert_array_equal(drawn.before, after(under, over.box))
    free = drawn.after == drawn.before
    assert 0.1 < free.mean() < 0.9


def test_a_painting_beyond_what_lies_under_it_is_refused() -> None:
    under = moved("yuv420p", (20, 20, 40, 40))
    with pytest.raises(ValueError, match="a face was painted over"):
        painted(under, (8, 6, 57, 41))


def test_frames_of_other_sizes_are_painted_to_their_last_sample() -> None:
    frame = frame_of("yuv420p", size=(61, 47))
    shape = 24, 31
    still = Moved(
        0, (0, 0, 61, 47), frame, np.zeros((2, *shape), np.float32), np.zeros(shape, np.float32), NOWHERE, NOWHERE
    )
    over = painted(still, (0, 0, 61, 47))
    over.samples[5] = 1
    whole = replace(over, mask=np.ones(shape, np.float32))
    direct, added = (paste(frame, (replace(still, painted=one),)).native for one in (whole, draw(whole)))
    for one, other in zip(components(direct), components(added), strict=True):
        assert np.abs(one.astype(int) - other).max() <= 1
