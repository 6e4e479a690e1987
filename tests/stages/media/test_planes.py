from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest

from stages.errors import ClipError, ConfigError
from stages.media.decode import frames, probe
from stages.media.framehash import framehash
from stages.media.pixels import components, layout
from stages.media.planes import WriteBack, align, clone, crop, paste, rgb8
from stages.packets import Colour, Edit, Edits, Frame
from tests.stages.media.h273_reference import WEIGHTS, to_codes, to_rgb
from tests.stages.media.synthetic_clips import frame_of

PLANAR = ["yuv420p", "yuv422p", "yuv444p", "yuv440p", "yuv411p", "yuvj420p"]
DEEP = ["yuv420p10le", "yuv422p10le", "yuv422p12le", "yuv444p12le", "yuv444p16le"]
ALPHA = ["yuva420p", "yuva444p10le", "gbrap", "rgba", "rgba64le"]
RGB = ["gbrp", "gbrp10le", "gbrp16le", "rgb24", "bgr24", "bgra", "bgr0", "rgb48le", "rgb48be"]
OTHER = ["gray", "gray10le", "gray16be", "nv12", "nv16", "p010le", "p016le", "p210le"]
EVERY = PLANAR + DEEP + ALPHA + RGB + OTHER
SUBSAMPLED = [name for name in EVERY if layout(name).chroma != (0, 0)]


def spread(frame):
    """Every component at luma resolution, float64 codes."""
    form = layout(frame.pixel_format)
    sx, sy = form.chroma
    full = []
    for index, view in enumerate(components(frame.native)):
        codes = (view.astype(np.int64) >> form.shift).astype(np.float64)
        if index and form.model == "yuv":
            codes = codes.repeat(1 << sy, 0).repeat(1 << sx, 1)[: frame.height, : frame.width]
        full.append(codes)
    return full, form


def edit_of(frame, box, strength=0.2, seed=1, mask=None):
    noise = np.random.default_rng(seed)
    before = crop(frame, box)
    after = before + noise.normal(0, strength, before.shape).astype(np.float32)
    height, width = before.shape[:2]
    if mask is None:
        mask = noise.random((height, width)) * (noise.random((height, width)) < 0.4)
    return Edit(0, box, before, after, mask.astype(np.float32))


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("matrix", sorted(WEIGHTS))
@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv422p10le", "yuv444p12le", "yuv444p16le", "p010le"])
def test_crop_is_the_colour_that_h273_says(pixel_format, matrix, full):
    frame = frame_of(pixel_format, matrix=matrix, full=full)
    codes, form = spread(frame)
    box = (8, 4, 60, 48)
    wanted = to_rgb(codes, matrix, form.depth, full)[4:48, 8:60]
    assert np.abs(crop(frame, box) - wanted).max() < 2e-6 * 2


@pytest.mark.parametrize("pixel_format", RGB)
def test_crop_of_rgb_is_its_codes_over_the_largest(pixel_format):
    frame = frame_of(pixel_format, full=True)
    planes, form = spread(frame)
    wanted = np.stack(planes, -1)[4:48, 8:60] / (2**form.depth - 1)
    assert np.abs(crop(frame, (8, 4, 60, 48)) - wanted).max() < 1e-6


@pytest.mark.parametrize(("height", "matrix"), [(480, 6), (576, 6), (720, 1)])
def test_an_unspecified_matrix_is_bt601_for_sd_and_bt709_above(height, matrix):
    unspecified = frame_of("yuv420p", size=(32, height), matrix=2)
    tagged = frame_of("yuv420p", size=(32, height), matrix=matrix)
    assert np.array_equal(crop(unspecified, (0, 0, 32, 32)), crop(tagged, (0, 0, 32, 32)))


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("matrix", [1, 6, 9])
@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv422p10le", "yuv444p12le"])
def test_paste_writes_the_difference_in_codes(pixel_format, matrix, full):
    frame = frame_of(pixel_format, matrix=matrix, full=full)
    box, form = (8, 4, 60, 48), layout(pixel_format)
    edit = edit_of(frame, box, strength=0.03)
    step = edit.mask[..., None].astype(np.float64) * (edit.after.astype(np.float64) - edit.before)
    zero = to_codes(np.zeros(3), matrix, form.depth, full)
    steps = [codes - base for codes, base in zip(to_codes(step, matrix, form.depth, full), zero, strict=True)]
    sx, sy = form.chroma
    for index in (1, 2):
        blocks = steps[index].reshape(44 >> sy, 1 << sy, 52 >> sx, 1 << sx)
        steps[index] = blocks.mean((1, 3))
    result = paste(frame, (edit,))
    for index, (old, new) in enumerate(zip(components(frame.native), components(result.native), strict=True)):
        dx, dy = (sx, sy) if index else (0, 0)
        inside = np.s_[4 >> dy : 48 >> dy, 8 >> dx : 60 >> dx]
        change = new[inside].astype(np.float64) - old[inside]
        assert np.abs(change - steps[index]).max() <= 0.502


@pytest.mark.parametrize("pixel_format", EVERY)
def test_nothing_outside_the_mask_changes(pixel_format):
    frame = frame_of(pixel_format, full=layout(pixel_format).model == "rgb")
    before = [np.array(p, copy=True) for p in map(memoryview, frame.native.planes)]
    box = align((9, 5, 59, 47), frame)
    edit = edit_of(frame, box)
    result = paste(frame, (edit,))
    form, touched = layout(pixel_format), np.zeros((frame.height, frame.width), bool)
    touched[box[1] : box[3], box[0] : box[2]] = edit.mask > 0
    for index, (old, new) in enumerate(zip(components(frame.native), components(result.native), strict=True)):
        sx, sy = form.chroma if index and form.model == "yuv" else (0, 0)
        padded = np.pad(touched, ((0, -frame.height % (1 << sy)), (0, -frame.width % (1 << sx))))
        may = padded.reshape(padded.shape[0] >> sy, 1 << sy, padded.shape[1] >> sx, 1 << sx).any((1, 3))
        assert np.array_equal(old[~may], new[~may])
        assert (old[may] != new[may]).mean() > 0.5
    assert all(np.array_equal(a, np.asarray(memoryview(p))) for a, p in zip(before, frame.native.planes, strict=True))


@pytest.mark.parametrize("pixel_format", EVERY)
def test_an_edit_that_changes_nothing_is_bit_identical_everywhere(pixel_format):
    frame = frame_of(pixel_format)
    views = components(frame.native)
    views[0][:2], views[0][2:4] = 0, np.iinfo(views[0].dtype).max  # beyond what may be written, but not touched
    box = (0, 0, frame.width, frame.height)
    before = crop(frame, box)
    result = paste(frame, (Edit(0, box, before, before.copy(), np.ones(before.shape[:2], np.float32)),))
    assert all(map(np.array_equal, components(frame.native), components(result.native)))


@pytest.mark.parametrize("pixel_format", ["yuva420p", "gbrap", "rgba", "rgba64le"])
def test_alpha_stays(pixel_format):
    frame = frame_of(pixel_format)
    native = frame.native
    bytes_each = 2 if "64" in pixel_format else 1
    alpha = np.frombuffer(memoryview(native.planes[-1]), f"u{bytes_each}").reshape(native.height, -1)
    column = np.s_[:, 3:384:4] if len(native.planes) == 1 else np.s_[:, :96]
    alpha[column] = np.arange(alpha[column].size).reshape(alpha[column].shape) % 251
    result = paste(frame, (edit_of(frame, (8, 4, 60, 48)),))
    after = np.frombuffer(memoryview(result.native.planes[-1]), f"u{bytes_each}").reshape(native.height, -1)
    assert np.array_equal(after[column], alpha[column])


def test_clips_to_the_codes_a_limited_signal_may_carry():
    frame = frame_of("yuv422p10le", matrix=1)
    box = (8, 4, 60, 48)
    edit = edit_of(frame, box, mask=np.ones((44, 52)))
    bright = Edit(0, box, edit.before, edit.before + np.float32(3), edit.mask)
    dark = Edit(0, box, edit.before, edit.before - np.float32(3), edit.mask)
    assert components(paste(frame, (bright,)).native)[0][4:48, 8:60].max() == 1019
    assert components(paste(frame, (dark,)).native)[0][4:48, 8:60].min() == 4


def test_edges_of_odd_frames_can_be_edited():
    frame = frame_of("yuv420p", size=(95, 63))
    box = align((80, 50, 95, 63), frame)
    assert box == (80, 50, 95, 63)
    edit = edit_of(frame, box, mask=np.ones((13, 15)))
    change = Edit(0, box, edit.before, edit.before + np.float32([0.1, 0, 0]), edit.mask)
    result = paste(frame, (change,))
    red = components(result.native)[2][25:, 40:].astype(int) - components(frame.native)[2][25:, 40:]
    assert red.shape == (7, 8)
    assert (red == red[0, 0]).all()
    assert red[0, 0] > 0


def test_keeps_time_and_tags():
    frame = frame_of("yuv420p10le", matrix=9)
    frame.native.color_primaries, frame.native.color_trc, frame.native.duration = 9, 16, 3
    result = paste(frame, (edit_of(frame, (8, 4, 60, 48)),)).native
    assert (result.pts, result.time_base, result.duration) == (5, Fraction(1, 25), 3)
    assert (result.colorspace, result.color_range, result.color_primaries, result.color_trc) == (9, 1, 9, 16)


def test_a_clone_has_the_same_samples_in_a_place_of_their_own():
    frame = frame_of("yuv420p")
    copy = clone(frame.native)
    assert framehash(copy) == framehash(frame.native)
    components(copy)[0][:] ^= 1
    assert framehash(copy) != framehash(frame.native)


def test_two_edits_of_one_frame_both_arrive():
    frame = frame_of("yuv444p")
    edits = tuple(edit_of(frame, box, mask=np.ones((16, 16))) for box in ((0, 0, 16, 16), (32, 16, 48, 32)))
    both = components(paste(frame, edits).native)[0]
    for edit, (x0, y0, x1, y1) in ((e, e.box) for e in edits):
        alone = components(paste(frame, (edit,)).native)[0]
        assert np.array_equal(both[y0:y1, x0:x1], alone[y0:y1, x0:x1])


@pytest.mark.parametrize("edits", [None, Edits(frame_of("yuv420p").at, ())])
def test_write_back_without_edits_is_the_very_same_frame(edits):
    frame = frame_of("yuv420p")
    assert WriteBack().process(frame, edits) is frame


@pytest.mark.parametrize("box", [(-2, 0, 10, 10), (0, 0, 98, 10), (10, 10, 10, 20)])
def test_refuses_a_box_outside_the_frame(box):
    with pytest.raises(ValueError, match="not inside"):
        crop(frame_of("yuv420p"), box)


@pytest.mark.parametrize("pixel_format", SUBSAMPLED)
def test_align_grows_to_whole_chroma_blocks(pixel_format):
    frame, (sx, sy) = frame_of(pixel_format), layout(pixel_format).chroma
    x0, y0, x1, y1 = align((9.5, 5.5, 58.5, 46.5), frame)
    assert (x0 <= 9, y0 <= 5, x1 >= 59, y1 >= 47) == (True,) * 4
    assert all(v % (1 << s) == 0 for v, s in ((x0, sx), (x1, sx), (y0, sy), (y1, sy)))
    assert align((-7, -7, 500, 500), frame) == (0, 0, 96, 64)


@pytest.mark.parametrize(("pixel_format", "matrix"), [("gbrpf32le", 2), ("pal8", 2), ("yuv420p", 8), ("yuv420p", 10)])
def test_says_what_cannot_be_edited(pixel_format, matrix):
    native = av.VideoFrame(96, 64, pixel_format)
    frame = Frame(frame_of("gray").at, native, Colour(matrix=matrix))
    with pytest.raises(ClipError, match="cannot be edited"):
        crop(frame, (0, 0, 8, 8))


@pytest.mark.parametrize("pixel_format", EVERY)
def test_rgb8_is_the_crop_rounded(pixel_format):
    frame = frame_of(pixel_format)
    whole = crop(frame, (0, 0, 96, 64))
    assert np.abs(rgb8(frame).astype(float) - np.clip(whole * 255, 0, 255)).max() <= 0.51
    assert np.array_equal(rgb8(frame, (9, 5, 59, 47)), rgb8(frame)[5:47, 9:59])


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv422p10le", "rgb24", "p010le"])
@pytest.mark.parametrize("size", [(16, 12), (47, 31), (120, 80), (96, 64)])
def test_rgb8_resizes_to_about_the_same_picture(pixel_format, size):
    import cv2

    frame = frame_of(pixel_format)
    wanted = cv2.resize(rgb8(frame), size, interpolation=cv2.INTER_AREA)
    got = rgb8(frame, None, size)
    assert got.shape == (size[1], size[0], 3)
    assert np.abs(got.astype(float) - wanted).mean() < 6


def test_rgb8_beyond_the_frame_repeats_the_edge_or_is_black():
    frame = frame_of("yuv420p")
    whole = rgb8(frame)
    edge, black = (rgb8(frame, (-10, -6, 106, 70), fill=fill) for fill in ("edge", "black"))
    assert edge.shape == black.shape == (76, 116, 3)
    assert np.array_equal(edge[6:70, 10:106], whole)
    assert np.array_equal(edge[0, 10:106], whole[0])
    assert not black[:6].any()
    assert np.array_equal(black[6:70, 10:106], whole)
    assert rgb8(frame, (-300, -300, -200, -200), (32, 32)).shape == (32, 32, 3)
    assert rgb8(frame, (-40, -30, 56, 34), (48, 32)).shape == (32, 48, 3)


def test_fields_of_two_moments_are_refused_in_words(make):
    options = {"flags": "+ildct+ilme", "x264-params": "tff=1"}
    clip = probe(make("a.mov", codec="libx264", options=options))
    frame = next(frames(clip))
    box = (16, 16, 48, 48)
    before = crop(frame, box)
    edits = Edits(frame.at, (Edit(1, box, before, before + np.float32(0.1), np.ones((32, 32), np.float32)),))
    assert clip.interlaced
    with pytest.raises(ClipError, match=r"^a\.mov: interlaced; .*write\.interlaced=progressive"):
        WriteBack().check(clip)
    with pytest.raises(ClipError, match=r"^a\.mov frame 0 .*: interlaced; "):
        WriteBack().process(frame, edits)
    assert WriteBack().process(frame, None) is frame
    written = WriteBack(interlaced="progressive")
    written.check(clip)
    assert written.process(frame, edits).native.interlaced_frame
    with pytest.raises(ConfigError, match=r"^write\.interlaced"):
        WriteBack(interlaced="bob")
