from __future__ import annotations

import struct
from fractions import Fraction

import av
import numpy as np
import pytest

from stages.errors import ClipError, ConfigError
from stages.media.decode import Decode, frames, probe
from stages.media.pixels import components

VFR = (0, 1001, 2002, 4004, 4504, 9009, 9999, 12012)


def test_describes_a_clip_before_its_first_frame(make):
    clip = probe(make("a.mkv", pixel_format="yuv422p10le", audio=("aac", "flac"), tags={"colorspace": 9}))
    assert (clip.width, clip.height, clip.pixel_format, clip.codec, clip.kind) == (
        96,
        64,
        "yuv422p10le",
        "ffv1",
        "video",
    )
    assert (clip.name, clip.audio_streams, clip.rate) == ("a.mkv", 2, 25)
    assert clip.colour.matrix == 9


def test_keeps_variable_frame_times_as_integers(make):
    clip = probe(make("vfr.mp4", pts=VFR, time_base=Fraction(1, 30000)))
    stamps = [frame.at for frame in frames(clip)]
    assert tuple(at.pts for at in stamps) == VFR
    assert [at.index for at in stamps] == list(range(8))
    assert {at.time_base for at in stamps} == {Fraction(1, 30000)}


def test_gives_the_frames_pyav_gives_for_b_frames_and_a_late_start(make):
    path = make("b.mov", codec="libx264", pts=[p + 4000 for p in VFR], time_base=Fraction(1, 30000), audio=("aac",))
    with av.open(str(path)) as container:
        wanted = [(f.pts, f.to_ndarray()) for f in container.decode(video=0)]
    got = list(frames(probe(path)))
    assert [f.at.pts for f in got] == [pts for pts, _ in wanted]
    assert all(np.array_equal(f.native.to_ndarray(), array) for f, (_, array) in zip(got, wanted, strict=True))


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("a.mkv", "ffv1", {}),
        ("a.mp4", "libx264", {"g": "6", "bf": "2"}),
        ("open.mkv", "libx264", {"g": "6", "bf": "2", "x264-params": "open-gop=1"}),
        ("a.mov", "libx265", {"x265-params": "log-level=none:keyint=6:min-keyint=6"}),
        ("a.h264", "libx264", {"g": "6", "bf": "2"}),
    ],
)
def test_a_range_holds_the_same_frames_as_the_whole(make, name, codec, options):
    clip = probe(make(name, codec=codec, options=options, pts=range(40)))
    every = list(frames(clip))
    assert len(every) == 40
    for start, stop in ((1, 3), (17, 25), (30, 31), (39, None), (40, None), (8, 8)):
        some = list(frames(clip, start=start, stop=stop))
        assert [f.at for f in some] == [f.at for f in every[start:stop]]
        for got, wanted in zip(some, every[start:stop], strict=True):
            assert all(map(np.array_equal, components(got.native), components(wanted.native)))


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv422p10le", "yuv444p12le", "gbrp12le", "gray"])
def test_never_converts(make, pixel_format):
    clip = probe(make("a.mkv", pixel_format=pixel_format))
    assert {f.pixel_format for f in frames(clip)} == {clip.pixel_format} == {pixel_format}


def test_counts_time_for_a_stream_without_timestamps(make):
    path = make("a.h264", codec="libx264", options={"bf": "0"})
    clip = probe(path)
    step = 1 / (clip.rate * clip.time_base)
    assert [f.at.pts for f in frames(clip)] == [round(i * step) for i in range(8)]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("missing.mp4", None, "no such clip"),
        ("empty.mp4", b"", "empty"),
        ("text.mp4", b"this is no video at all\n" * 50, "not a readable video"),
        ("picture.png", b"\x89PNG\r\n\x1a\n", "not a readable picture"),
    ],
)
def test_says_in_one_line_what_is_wrong_with_a_file(tmp_path, name, content, says):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ClipError, match=says) as error:
        probe(path)
    assert name in str(error.value)
    assert "\n" not in str(error.value)


def test_refuses_a_folder_without_images(tmp_path):
    with pytest.raises(ClipError, match="folder without images"):
        probe(tmp_path)


def test_refuses_sound_without_a_picture(tmp_path):
    with av.open(str(tmp_path / "a.m4a"), "w", format="mp4") as output:
        stream = output.add_stream("aac", rate=48000)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 2048), np.int16), "s16", "stereo")
        sound.sample_rate = 48000
        output.mux(stream.encode(sound))
        output.mux(stream.encode(None))
    with pytest.raises(ClipError, match="only sound"):
        probe(tmp_path / "a.m4a")


def test_refuses_a_file_without_its_index(make):
    path = _cut(make, "a.mp4", 0.5, codec="libx264")
    with pytest.raises(ClipError, match="truncated"):
        probe(path)


def _cut(make, name, share, **recipe):
    path = make(name, **recipe)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    return path


def _faststart(make):
    """An MP4 with its index in front and the second half of its pictures missing."""
    path = make("full.mp4", codec="libx264", options={"g": "1"})
    short = path.with_name("short.mp4")
    with av.open(str(path)) as source, av.open(str(short), "w", options={"movflags": "faststart"}) as output:
        stream = output.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = stream
                output.mux(packet)
    content = short.read_bytes()
    short.write_bytes(content[: len(content) * 6 // 10])
    return short


def test_stops_with_an_error_where_a_clip_is_truncated(make):
    with pytest.raises(ClipError, match=r"short.mp4 frame \d \(0\.\d+s\): .*on_corrupt=stop"):
        list(frames(probe(_faststart(make))))


def test_delivers_the_readable_part_when_asked_to(make, caplog):
    clip = probe(_faststart(make))
    got = list(Decode(on_corrupt="stop").frames(clip))
    assert 1 <= len(got) < 8
    assert "the clip ends here" in caplog.text


@pytest.mark.parametrize(("name", "codec"), [("a.mov", "libx264"), ("b.mp4", "ffv1")])
def test_a_clip_trimmed_by_its_edit_list_is_whole(make, name, codec):
    path = make(name, codec=codec, pts=range(40), options={"g": "5"})
    content = bytearray(path.read_bytes())
    entry = content.find(b"elst") + 12
    duration, start = struct.unpack(">Ii", content[entry : entry + 8])
    content[entry : entry + 8] = struct.pack(">Ii", duration // 3, start + 7)
    path.write_bytes(bytes(content))
    with av.open(str(path)) as container:
        wanted = [frame.pts for frame in container.decode(video=0)]
    assert 5 < len(wanted) < 20
    assert [frame.at.pts for frame in frames(probe(path))] == wanted
    assert [frame.at.pts for frame in frames(probe(path), start=6)] == wanted[6:]


@pytest.mark.parametrize("name", ["a.mkv", "a.avi"])
def test_notices_the_missing_end_without_an_index(make, name):
    path = _cut(make, name, 0.5, pts=range(60))
    with pytest.raises(ClipError, match="truncated"):
        list(frames(probe(path)))


@pytest.mark.parametrize(("name", "codec"), [("a.mkv", "ffv1"), ("a.webm", "libvpx-vp9"), ("a.avi", "ffv1")])
def test_notices_a_tenth_of_a_second_that_is_missing(make, caplog, name, codec):
    clip = probe(_cut(make, name, 0.92, codec=codec, pts=range(40)))
    with pytest.raises(ClipError, match=r"frame 3\d \(1\.\d+s\): .*truncated.*on_corrupt=stop"):
        list(frames(clip))
    got = list(Decode(on_corrupt="stop").frames(clip))
    assert 30 < len(got) < 40
    assert "the clip ends here" in caplog.text


def test_names_frame_and_time_of_damage(make):
    path = make("a.mp4", codec="libx264", options={"g": "1", "slices": "1"}, pts=range(8))
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 200] = bytes(200)
    path.write_bytes(bytes(content))
    with pytest.raises(ClipError, match=r"a.mp4 frame [1-9] \(0\.\d\d\ds\)"):
        list(frames(probe(path)))


@pytest.mark.parametrize(
    ("field", "value"), [("threads", -1), ("on_corrupt", "ignore"), ("image_rate", 0), ("image_rate", "a/b")]
)
def test_refuses_settings_that_make_no_sense(field, value):
    with pytest.raises(ConfigError, match=f"decode.{field}"):
        Decode(**{field: value})
