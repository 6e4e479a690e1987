from __future__ import annotations

import struct

import pytest

from stages.media import hdr
from stages.media.decode import frames, probe
from stages.media.encode import Encode
from stages.packets import Job

SOURCE = (
    "log-level=none:hdr10=1:max-cll=1000,400:"
    "master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)"
)
TAGS = {"colorspace": 9, "color_primaries": 9, "color_trc": 16, "color_range": 1}


def static(path):
    found = {}
    for data in next(iter(frames(probe(path)))).native.side_data:
        if data.type.name == "MASTERING_DISPLAY_METADATA":
            numbers = struct.unpack("20i", bytes(data)[:80])
            found["display"] = [round(n / d, 4) for n, d in zip(numbers[::2], numbers[1::2], strict=True)]
        elif data.type.name == "CONTENT_LIGHT_LEVEL":
            found["light"] = struct.unpack("2I", bytes(data)[:8])
    return found


@pytest.fixture
def source(make):
    return make("hdr.mp4", codec="libx265", pixel_format="yuv420p10le", tags=TAGS, options={"x265-params": SOURCE})


def deliver(source, folder, **settings):
    stage, clip = Encode(**settings), probe(source)
    state = stage.begin(Job(clip, folder))
    for frame in frames(clip):
        stage.process(state, frame)
    stage.finish(state)
    return state


@pytest.mark.parametrize(
    "settings",
    [{"codec": "libx264"}, {"codec": "libx265", "options": {"x265-params": "log-level=none"}}, {"codec": "libsvtav1"}],
)
def test_mastering_display_and_light_levels_stay(source, tmp_path, settings):
    wanted = static(source)
    assert wanted["light"] == (1000, 400)
    assert wanted["display"][-2:] == [0.005, 1000]
    state = deliver(source, tmp_path, **settings)
    assert state.warnings == []
    assert static(state.path) == wanted


def test_an_encoder_that_cannot_take_it_is_named_in_a_warning(source, tmp_path):
    state = deliver(source, tmp_path, codec="ffv1")
    assert [w for w in state.warnings if "HDR" in w] == [
        "HDR metadata not carried over: mastering display metadata",
        "HDR metadata not carried over: content light level",
    ]


def test_what_the_user_gave_wins(source):
    (frame, *_) = frames(probe(source))
    options, lost = hdr.carried("libx265", frame.native.side_data, {"x265-params": "max-cll=7,7:aq-mode=2"})
    assert lost == []
    assert "max-cll=7,7" in options["x265-params"]
    assert "max-cll=1000,400" not in options["x265-params"]
    assert "aq-mode=2" in options["x265-params"]
