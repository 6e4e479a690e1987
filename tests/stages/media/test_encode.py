from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from stages.errors import ClipError, ConfigError, DeliveryError
from stages.media.bare import bare_loop
from stages.media.containers import pixel_format
from stages.media.decode import frames, probe
from stages.media.encode import Encode
from stages.media.pixels import components
from stages.packets import Job

VFR = (0, 1001, 2002, 4004, 4504, 9009, 9999, 12012)
FFV1 = {"codec": "ffv1", "options": {"level": 3, "slices": 4}}


def deliver(path: Path, folder: Path, **settings):
    """Pass every frame through; the written file and its warnings."""
    folder.mkdir(exist_ok=True)
    encode, clip = Encode(**settings), probe(path)
    encode.check(clip)
    state = encode.begin(Job(clip, folder))
    for frame in frames(clip):
        encode.process(state, frame)
    encode.finish(state)
    return state.path, state.warnings


def packets(path: Path, kind: str) -> list[list[tuple[Fraction, bytes]]]:
    with av.open(str(path)) as container:
        streams = [s for s in container.streams if s.type == kind]
        found = {s.index: [] for s in streams}
        for packet in container.demux(*streams) if streams else ():
            if packet.size:
                found[packet.stream_index].append((packet.pts * packet.time_base, bytes(packet)))
    return list(found.values())


@pytest.mark.parametrize(
    "pixel_format",
    ["yuv420p", "yuv422p10le", "yuv444p", "yuv444p12le", "yuv420p16le", "gbrp12le", "yuva444p10le", "gray"],
)
@pytest.mark.parametrize("container", ["mkv", "mp4"])
def test_unity_is_bit_identical(make, tmp_path, pixel_format, container):
    source = make(f"a.{container}", pixel_format=pixel_format)
    path, warnings = deliver(source, tmp_path / "out", **FFV1)
    assert warnings == []
    assert path.suffix == f".{container}"
    pairs = list(zip(frames(probe(source)), frames(probe(path)), strict=True))
    assert len(pairs) == 8
    for before, after in pairs:
        assert after.pixel_format == before.pixel_format
        assert after.at.pts * after.at.time_base == before.at.pts * before.at.time_base
        assert all(map(np.array_equal, components(before.native), components(after.native)))


@pytest.mark.parametrize("settings", [FFV1, {}, {"codec": "libx264", "options": {"bf": 3}}, {"codec": "libsvtav1"}])
@pytest.mark.parametrize(("name", "late"), [("a.mp4", 0), ("a.mov", 0), ("a.mp4", 4000)])
def test_variable_frame_times_stay_the_same_integers(make, tmp_path, settings, name, late):
    codec = "ffv1" if name == "a.mp4" else "libx264"
    source = make(name, codec=codec, pts=[late + pts for pts in VFR], time_base=Fraction(1, 30000))
    wanted = [f.at.pts for f in frames(probe(source))]
    assert wanted[-1] - wanted[0] == VFR[-1]
    assert (wanted[0] > 0) == (late > 0)
    path, _ = deliver(source, tmp_path / "out", **settings)
    clip = probe(path)
    assert clip.time_base == Fraction(1, 30000)
    assert [f.at.pts for f in frames(clip)] == wanted


@pytest.mark.parametrize(
    ("name", "time_base"), [("a.mp4", Fraction(1, 24)), ("a.mov", Fraction(1, 600)), ("a.mkv", Fraction(1, 1000))]
)
def test_small_timescales_stay(make, tmp_path, name, time_base):
    source = make(name, codec="libx264", time_base=time_base, pts=range(0, 80, 10))
    path, warnings = deliver(source, tmp_path / "out")
    assert (path.suffix, warnings) == (source.suffix, [])
    assert probe(path).time_base == time_base
    assert [f.at.pts for f in frames(probe(path))] == list(range(0, 80, 10))


@pytest.mark.parametrize(
    ("name", "audio"), [("a.mp4", ("aac", "ac3")), ("a.mov", ("pcm_s16le", "pcm_s24le")), ("a.mkv", ("flac", "aac"))]
)
def test_every_sound_packet_arrives_byte_by_byte_and_on_time(make, tmp_path, name, audio):
    source = make(name, codec="libx264", audio=audio, pts=range(20))
    path, warnings = deliver(source, tmp_path / "out")
    assert warnings == []
    before, after = packets(source, "audio"), packets(path, "audio")
    assert len(before) == 2
    assert all(len(stream) >= 4 for stream in before)
    assert after == before


def test_sound_is_interleaved_with_the_picture(make, tmp_path):
    source = make("a.mp4", codec="libx264", audio=("aac",), pts=range(50), options={"g": "5"})
    path, _ = deliver(source, tmp_path / "out", options={"bf": 0, "tune": "zerolatency"})
    with av.open(str(path)) as container:
        order = sorted((p.pos, p.stream.type) for p in container.demux() if p.size)
    kinds = [kind for _, kind in order]
    last_sound = len(kinds) - 1 - kinds[::-1].index("audio")
    assert kinds.index("audio") < 5
    assert "video" in kinds[last_sound:]


def test_sound_can_be_left_out_and_that_is_said(make, tmp_path):
    path, warnings = deliver(make("a.mp4", codec="libx264", audio=("aac",)), tmp_path / "out", audio="none")
    assert packets(path, "audio") == []
    assert "left out" in warnings[0]


@pytest.mark.parametrize("settings", [{}, {"codec": "libx265"}, {"codec": "prores_ks"}, {"codec": "libvpx-vp9"}])
def test_colour_tags_stay(make, tmp_path, settings):
    tags = {"colorspace": 9, "color_primaries": 9, "color_trc": 16, "color_range": 1}
    source = make("a.mov", codec="libx264", pixel_format="yuv420p10le", tags=tags)
    if settings.get("codec") == "libx265":
        settings = {**settings, "options": {"x265-params": "log-level=none"}}
    path, _ = deliver(source, tmp_path / "out", **settings)
    assert probe(path).colour == probe(source).colour


def test_full_range_stays_full_range(make, tmp_path):
    tags = {"color_range": 2, "colorspace": 5, "color_primaries": 5, "color_trc": 6}
    source = make("a.mp4", codec="libx264", pixel_format="yuvj420p", tags=tags, options={"qp": "0"})
    for settings in ({"crf": 0}, FFV1):
        path, warnings = deliver(source, tmp_path / "out", **settings)
        assert warnings == []
        assert probe(path).colour.full_range
        for before, after in zip(frames(probe(source)), frames(probe(path)), strict=True):
            assert all(map(np.array_equal, components(before.native), components(after.native)))


def test_a_lost_tag_is_said(make, tmp_path):
    source = make("a.mkv", pixel_format="yuv420p", tags={"color_range": 2})
    _, warnings = deliver(source, tmp_path / "out", container="mp4", **FFV1)
    assert any("full range" in warning for warning in warnings)


def test_timecode_metadata_rotation_and_aspect_stay(make, tmp_path):
    metadata = {"timecode": "01:02:03:04", "language": "nld"}
    source = make(
        "a.mov", codec="libx264", metadata=metadata, rotation=90, aspect=Fraction(4, 3), time_base=Fraction(1, 25)
    )
    path, warnings = deliver(source, tmp_path / "out")
    assert warnings == []
    with av.open(str(source)) as before, av.open(str(path)) as after:
        one, two = before.streams.video[0], after.streams.video[0]
        assert two.metadata["timecode"] == one.metadata["timecode"] == "01:02:03:04"
        assert two.metadata.get("language") == one.metadata.get("language")
        assert two.sample_aspect_ratio == Fraction(4, 3)
        assert [s.type for s in after.streams] == [s.type for s in before.streams]
        assert next(after.decode(video=0)).rotation == next(before.decode(video=0)).rotation != 0


@pytest.mark.parametrize("settings", [{}, {"codec": "prores_ks"}])
def test_interlaced_pictures_stay_interlaced(make, tmp_path, settings):
    options = {"flags": "+ildct+ilme", "x264-params": "tff=1"}
    source = make("a.mov", codec="libx264", size=(96, 64), options=options)
    path, _ = deliver(source, tmp_path / "out", **settings)
    assert all(f.native.interlaced_frame for f in frames(probe(source)))
    assert all(f.native.interlaced_frame for f in frames(probe(path)))
    with av.open(str(source)) as before, av.open(str(path)) as after:
        orders = [c.streams.video[0].codec_context.field_order for c in (before, after)]
    assert orders[0] == orders[1] != 0


def test_keeps_the_sources_container_where_it_can_hold_everything(make):
    encode = Encode(codec="libx264")
    assert encode.suffix(probe(make("a.mov", codec="libx264", audio=("pcm_s16le",)))) == ".mov"
    assert encode.suffix(probe(make("a.mkv", audio=("flac",)))) == ".mkv"
    assert encode.suffix(probe(make("a.avi"))) == ".mp4"
    assert Encode(codec="prores_ks").suffix(probe(make("b.mp4"))) == ".mov"
    assert Encode(codec="ffv1").suffix(probe(make("c.mp4", time_base=Fraction(1, 24)))) == ".mp4"


def test_says_before_the_first_frame_which_container_could_hold_the_sound(make):
    clip = probe(make("a.mkv", audio=("pcm_s16le",)))
    with pytest.raises(DeliveryError, match=r"\.webm file cannot hold libvpx-vp9 and pcm_s16le; use .*\.mkv"):
        Encode(codec="libvpx-vp9", container="webm").check(clip)
    with pytest.raises(DeliveryError, match=r"\.mp4 file cannot hold prores_ks and pcm_s16le; use \.mov or \.mkv"):
        Encode(codec="prores_ks").check(clip, ".mp4")


def test_rounded_time_is_said(make, tmp_path):
    source = make("a.mp4", time_base=Fraction(1, 30000), pts=VFR)
    _, warnings = deliver(source, tmp_path / "out", container="mkv", **FFV1)
    assert "1 ms" in warnings[0]


@pytest.mark.parametrize(
    ("codec", "source", "target"),
    [
        ("libx264", "yuv444p12le", "yuv444p10le"),
        ("libx264", "yuva444p", "yuv444p"),
        ("prores_ks", "yuv420p", "yuv422p10le"),
        ("prores_ks", "yuv444p12le", "yuv444p10le"),
        ("libsvtav1", "yuv422p10le", "yuv420p10le"),
    ],
)
def test_converts_to_what_loses_least_and_says_so(make, tmp_path, codec, source, target):
    path, warnings = deliver(make("a.mkv", pixel_format=source), tmp_path / "out", codec=codec)
    decoded = probe(path).pixel_format
    assert decoded == target or (codec, decoded) == ("prores_ks", "yuv444p12le")  # 4444 is always decoded to 12 bit
    assert f"pixels converted from {source} to {target}" in warnings


@pytest.mark.parametrize(("source", "kept"), [("yuva444p10le", True), ("yuv422p10le", False)])
def test_the_nearest_of_several_formats_is_taken(make, source, kept):
    clip = probe(make("a.mkv", pixel_format=source))
    formats = ["yuv444p10le", "yuva444p10le"]
    assert pixel_format("prores_ks", clip.pixel_format, formats) == formats[kept]


def test_repacking_rgb_loses_nothing(make, tmp_path):
    source = make("a.avi", codec="utvideo", pixel_format="gbrp")
    path, warnings = deliver(source, tmp_path / "out", **FFV1)
    assert "pixels converted from gbrp to bgr0" in warnings
    for before, after in zip(frames(probe(source)), frames(probe(path)), strict=True):
        assert all(map(np.array_equal, components(before.native), components(after.native)))


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"codec": "h999"}, "encode.codec"),
        ({"container": "exe"}, "encode.container"),
        ({"pixel_format": "yuv410p"}, "encode.pixel_format"),
        ({"audio": "some"}, "encode.audio"),
        ({"threads": -2}, "encode.threads"),
    ],
)
def test_refuses_settings_that_cannot_work(settings, says):
    with pytest.raises(ConfigError, match=says):
        Encode(**settings)


def test_names_an_option_the_encoder_does_not_know(make, tmp_path):
    with pytest.raises(ConfigError, match=r"encode\.options\.colour: unknown to libx264"):
        deliver(make("a.mkv"), tmp_path / "out", options={"colour": "red"})


def test_a_missing_folder_is_one_line(make, tmp_path):
    clip = probe(make("a.mkv"))
    with pytest.raises(DeliveryError, match="folder is gone"):
        Encode().begin(Job(clip, tmp_path / "nowhere"))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_one_line_and_leaves_nothing(make, tmp_path):
    clip = probe(make("a.mkv", size=(320, 240), pts=range(40)))
    (tmp_path / "delivery.mkv").symlink_to("/dev/full")
    encode = Encode(**FFV1)

    def run():
        state = encode.begin(Job(clip, tmp_path))
        try:
            for frame in frames(clip):
                encode.process(state, frame)
            encode.finish(state)
        except DeliveryError:
            encode.abort(state)
            raise

    with pytest.raises(DeliveryError, match="free space on the disk") as error:
        run()
    assert "\n" not in str(error.value)
    assert not (tmp_path / "delivery.mkv").is_symlink()


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_one_line(make, tmp_path):
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o500)
    with pytest.raises(DeliveryError, match="permissions"):
        Encode().begin(Job(probe(make("a.mkv")), folder))


def test_abort_leaves_nothing(make, tmp_path):
    clip, encode = probe(make("a.mp4", codec="libx264", audio=("aac",))), Encode()
    state = encode.begin(Job(clip, tmp_path))
    encode.process(state, next(iter(frames(clip))))
    encode.abort(state)
    assert not state.path.exists()


def test_a_clip_that_vanished_is_named(make, tmp_path):
    source = make("a.mp4", codec="libx264")
    clip = probe(source)
    source.unlink()
    with pytest.raises(ClipError, match=r"a\.mp4"):
        Encode().begin(Job(clip, tmp_path))


def test_the_source_frames_stay_as_they_were(make, tmp_path):
    clip, encode = probe(make("a.mp4", codec="libx264", pixel_format="yuv444p")), Encode(codec="prores_ks")
    state = encode.begin(Job(clip, tmp_path))
    for frame in frames(clip):
        before = [bytes(p) for p in frame.native.planes]
        encode.process(state, frame)
        assert [bytes(p) for p in frame.native.planes] == before
        assert (frame.native.pts, frame.native.time_base) == (frame.at.pts, frame.at.time_base)
    encode.finish(state)


def test_the_bare_loop_writes_every_frame(make, tmp_path):
    clip = probe(make("a.mp4", codec="libx264"))
    count, seconds = bare_loop(clip, tmp_path, Encode())
    assert count == 8
    assert seconds > 0
    assert len(list(frames(probe(tmp_path / "delivery.mp4")))) == 8
