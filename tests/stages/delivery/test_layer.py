from __future__ import annotations

from dataclasses import replace

import av
import numpy as np
import pytest

from stages.delivery.layer import Layer
from stages.errors import ConfigError
from stages.media.light import light_of
from stages.media.pixels import alpha
from stages.media.planes import crop, paste
from stages.packets import Edit, Edits, Frame
from stages.render.spaces import coded
from tests.stages.media.synthetic_clips import frame_of

BOX = (16, 8, 80, 56)


def edited(frame: Frame) -> tuple[Frame, Edits]:
    """The frame with a smooth change under a soft mask."""
    before = crop(frame, BOX)
    rows, columns = np.mgrid[-1:1:48j, -1:1:64j]
    mask = np.clip(1.6 - 2 * np.hypot(rows, columns), 0, 1).astype(np.float32)
    after = np.clip(before[::-1] * 0.8 + 0.1, 0, 1).astype(np.float32)
    edits = Edits(frame.at, (Edit(1, BOX, before, after, mask),))
    return paste(frame, edits.edits), edits


def whole(frame: Frame) -> np.ndarray:
    return crop(frame, (0, 0, frame.width, frame.height)).astype(float)


def straight(native: av.VideoFrame) -> tuple[np.ndarray, np.ndarray]:
    pixels = np.frombuffer(native.planes[0], np.uint16).reshape(native.height, -1)[:, : native.width * 4]
    pixels = pixels.reshape(native.height, native.width, 4) / 65535
    return pixels[..., :3], pixels[..., 3:]


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv422p10le", "yuv444p12le", "gbrp12le"])
def test_plate_and_straight_layer_are_the_full_render(pixel_format):
    frame = frame_of(pixel_format, full=pixel_format.startswith("gbr"))
    render, edits = edited(frame)
    colour, matte = straight(Layer(what="face").process(frame, render, edits).native)
    plate, wanted = (np.clip(whole(f), 0, 1) for f in (frame, render))
    assert np.abs(wanted - plate).max() > 0.05
    assert np.abs(colour * matte + plate * (1 - matte) - wanted).max() < 0.1 / 4095
    assert matte[:, :8].max() == 0
    assert matte[30, 45] == 1


@pytest.mark.parametrize("transfer", [1, 13, 16, 18])
def test_plate_and_layer_are_the_full_render_in_light(transfer):
    frame = frame_of("yuv444p12le", matrix=9)
    frame = replace(frame, colour=replace(frame.colour, transfer=transfer))
    render, edits = edited(frame)
    native = Layer(what="face", codec="exr", light="linear").process(frame, render, edits).native
    planes = [np.frombuffer(p, np.float32).reshape(p.height, -1)[:, : p.width] for p in native.planes]
    colour, matte = np.dstack([planes[i] for i in (2, 0, 1)]).astype(np.float16), planes[3][..., None]
    plate = light_of(whole(frame), transfer)
    together = (colour + plate * (1 - matte)) / light_of(np.ones(1, np.float32), transfer)
    wanted = whole(render)
    seen = wanted > 0.02
    assert np.abs(coded(together, transfer) - wanted)[seen].max() < 1 / 4095


def test_without_a_face_the_layer_is_clear_and_without_a_layer_the_frame_is_the_same():
    frame = frame_of("yuv420p")
    assert Layer().process(frame, frame, None) is frame
    clear = Layer(what="face").process(frame, frame, None)
    assert alpha(clear.native).max() == 0
    assert (clear.native.pts, clear.native.color_trc) == (frame.native.pts, frame.native.color_trc)


def test_refuses_other_layers():
    with pytest.raises(ConfigError, match=r"^encode\.layer must be 'none' or 'face'"):
        Layer(what="hair")
