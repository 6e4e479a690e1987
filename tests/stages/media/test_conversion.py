from __future__ import annotations

import numpy as np
import pytest

from stages.media.conversion import convert
from stages.media.pixels import components
from stages.media.planes import crop
from tests.stages.media.synthetic_clips import frame_of


@pytest.mark.parametrize("height", [64, 720])
@pytest.mark.parametrize("matrix", [1, 2, 6, 9])
@pytest.mark.parametrize("full", [False, True])
def test_rgb_is_made_with_the_frames_own_matrix_and_range(height, matrix, full):
    frame = frame_of("yuv444p", size=(48, height), matrix=matrix, full=full)
    got = convert(frame.native, "rgb24")
    wanted = np.clip(crop(frame, (0, 0, 48, height)) * 255, 0, 255)
    assert np.abs(got.to_ndarray() - wanted).max() <= 1.6
    assert (got.colorspace, got.color_range) == (0, 2)


@pytest.mark.parametrize(("height", "matrix"), [(64, 5), (720, 1)])
def test_rgb_becomes_limited_range_yuv_that_means_the_same_colours(height, matrix):
    source = frame_of("gbrp", size=(48, height), matrix=2, full=True)
    got = convert(source.native, "yuv444p10le")
    assert (got.colorspace, got.color_range) == (matrix, 1)
    back = convert(got, "gbrp")
    for one, two in zip(components(source.native), components(back), strict=True):
        assert np.abs(one.astype(int) - two).max() <= 2


def test_limited_range_gains_bits_exactly():
    frame = frame_of("yuv420p")
    got = convert(frame.native, "yuv420p10le")
    assert all(
        np.array_equal(b, a.astype(int) * 4) for a, b in zip(components(frame.native), components(got), strict=True)
    )


def test_the_same_format_is_the_same_object():
    frame = frame_of("yuv420p")
    assert convert(frame.native, "yuv420p") is frame.native


def test_a_new_name_for_full_range_keeps_every_sample():
    frame = frame_of("yuvj420p", full=True)
    got = convert(frame.native, "yuv420p")
    assert (got.format.name, got.color_range, got.pts) == ("yuv420p", 2, 5)
    assert all(map(np.array_equal, components(frame.native), components(got)))
