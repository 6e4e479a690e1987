"""Frames that are stored sideways, as phones do, are read and written as a viewer sees them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from stages.delivery.layer import Layer
from stages.media.decode import frames, probe
from stages.media.light import float_frame
from stages.media.pixels import components
from stages.media.planes import align, crop, paste, rgb8
from stages.packets import Edit, Edits
from tests.stages.media.synthetic_clips import frame_of

FORMATS = ["yuv420p", "yuv422p10le", "nv12", "p010le", "rgb24", "gbrp12le", "gray"]
TURNS = [1, 2, 3]


def sideways(pixel_format, turns):
    return replace(frame_of(pixel_format), turns=turns)


def whole(frame):
    return crop(frame, (0, 0, frame.width, frame.height))


def edit_of(frame, box):
    before = crop(frame, box)
    mask = np.zeros(before.shape[:2], np.float32)
    mask[4:-4, 4:-4] = 1
    return Edit(0, box, before, np.clip(before[::-1] * np.float32(0.8) + np.float32(0.1), 0, 1), mask)


@pytest.mark.parametrize("turns", TURNS)
@pytest.mark.parametrize("pixel_format", FORMATS)
def test_every_picture_is_the_stored_one_turned(pixel_format, turns):
    stored, shown = frame_of(pixel_format), sideways(pixel_format, turns)
    assert (shown.width, shown.height) == ((64, 96) if turns % 2 else (96, 64))
    assert np.array_equal(whole(shown), np.rot90(whole(stored), turns))
    assert np.array_equal(rgb8(shown), np.rot90(rgb8(stored), turns))
    box = align((9, 13, 41, 50), shown)
    assert np.array_equal(crop(shown, box), whole(shown)[box[1] : box[3], box[0] : box[2]])


@pytest.mark.parametrize("turns", TURNS)
@pytest.mark.parametrize("pixel_format", FORMATS)
def test_an_edit_lands_where_it_was_seen(pixel_format, turns):
    frame = sideways(pixel_format, turns)
    box = align((8, 12, 44, 52), frame)
    pasted = paste(frame, (edit_of(frame, box),))
    changed = np.abs(whole(pasted) - whole(frame)).max(-1) > 0
    rows, columns = np.nonzero(changed)
    assert changed.any()
    assert box[0] + 4 - 3 <= columns.min() <= columns.max() < box[2] - 4 + 3  # chroma spreads over its block
    assert box[1] + 4 - 3 <= rows.min() <= rows.max() < box[3] - 4 + 3
    upright = replace(frame, turns=0)
    assert np.array_equal(np.rot90(whole(replace(pasted, turns=0)), turns), whole(pasted))
    assert (upright.width, upright.height) == (pasted.native.width, pasted.native.height)


@pytest.mark.parametrize("turns", TURNS)
def test_what_is_not_edited_keeps_its_codes(turns):
    frame = sideways("yuv420p", turns)
    box = align((8, 12, 44, 52), frame)
    edit = edit_of(frame, box)
    pasted = paste(frame, (replace(edit, after=edit.before),))
    pairs = zip(components(frame.native), components(pasted.native), strict=True)
    assert all(np.array_equal(old, new) for old, new in pairs)


@pytest.mark.parametrize("turns", TURNS)
def test_plate_and_layer_lie_as_the_plate_is_stored(turns):
    frame = sideways("yuv444p12le", turns)
    box = align((8, 12, 44, 52), frame)
    edits = Edits(frame.at, (edit_of(frame, box),))
    render = paste(frame, edits.edits)
    native = Layer(what="face").process(frame, render, edits).native
    pixels = np.frombuffer(native.planes[0], np.uint16).reshape(64, -1)[:, : 96 * 4].reshape(64, 96, 4) / 65535
    plate, wanted = (np.clip(whole(replace(one, turns=0)), 0, 1) for one in (frame, render))
    assert np.abs(pixels[..., :3] * pixels[..., 3:] + plate * (1 - pixels[..., 3:]) - wanted).max() < 0.1 / 4095


def test_pictures_of_light_lie_as_they_were_stored():
    stored, shown = frame_of("yuv420p"), sideways("yuv420p", 1)
    one, two = (float_frame(frame, "code") for frame in (stored, shown))
    assert all(bytes(a) == bytes(b) for a, b in zip(one.planes, two.planes, strict=True))


@pytest.mark.parametrize(("rotation", "shown"), [(0, (96, 64)), (90, (64, 96)), (180, (96, 64)), (-90, (64, 96))])
def test_a_clip_says_how_it_is_shown(make, rotation, shown):
    clip = probe(make("a.mp4", codec="libx264", rotation=rotation))
    assert ((clip.width, clip.height), clip.shown) == ((96, 64), shown)
    assert {frame.turns for frame in frames(clip)} == {round(rotation / 90) % 4}
