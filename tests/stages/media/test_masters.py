"""Every master format from 8-, 10- and 12-bit sources, read back by PyAV and by ffprobe (of another FFmpeg)."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from stages.media.decode import frames, probe
from stages.media.light import light_of
from stages.media.pixels import alpha, components, layout, visible
from stages.media.planes import crop, paste
from stages.packets import Edit, Job
from stages.render.spaces import coded
from tests.stages.media.test_conf import load

SIZE = (256, 128)  # DNxHR takes nothing smaller
BT709 = {"colorspace": 1, "color_primaries": 1, "color_trc": 1, "color_range": 1}
HDR10 = {"colorspace": 9, "color_primaries": 9, "color_trc": 16, "color_range": 1}
HLG = {"colorspace": 9, "color_primaries": 9, "color_trc": 18, "color_range": 1}
NAMES = {9: "bt2020nc", 1: "bt709"}, {9: "bt2020", 1: "bt709"}, {16: "smpte2084", 18: "arib-std-b67", 1: "bt709"}
# file of conf/encode: codec, profile by ffprobe, the format written for 8-, 10- and 12-bit 4:2:2, container,
# mean error in 8-bit codes on pictures of which a standard deviation of 6 is noise
MASTERS = {
    "h264": ("h264", "High 4:2:2", ("yuv422p", "yuv422p10le", "yuv422p10le"), "mov", 4.0),
    "h265": ("hevc", "Rext", ("yuv422p", "yuv422p10le", "yuv422p12le"), "mov", 4.0),
    "h265_10": ("hevc", "Main 10", ("yuv420p10le",) * 3, "mov", 4.0),
    "prores_422hq": ("prores", "HQ", ("yuv422p10le",) * 3, "mov", 2.0),
    "prores_4444": ("prores", "4444", ("yuv444p12le",) * 3, "mov", 2.0),
    "dnxhr_hqx": ("dnxhd", "DNXHR HQX", ("yuv422p10le",) * 3, "mov", 3.5),
    "av1": ("av1", "Main", ("yuv420p", "yuv420p10le", "yuv420p10le"), "mp4", 6.0),
    "ffv1": ("ffv1", None, ("yuv422p", "yuv422p10le", "yuv422p12le"), "mp4", 0.0),
}
BOX = (64, 32, 128, 96)
WHOLE = (0, 0, *SIZE)
SOURCES = ("yuv422p", "yuv422p10le", "yuv422p12le")


def deliver(source: Path, folder: Path, name: str, **changes: object):
    """The master that a file of conf/encode makes of an untouched clip, and what is warned of."""
    stage, clip = replace(load("encode", name), **changes), probe(source)
    stage.check(clip)
    folder.mkdir(exist_ok=True)
    state = stage.begin(Job(clip, folder))
    for frame in frames(clip):
        stage.process(state, frame)
    stage.finish(state)
    return state.path, state.warnings


def ffprobe(path: Path) -> list[dict[str, object]]:
    if shutil.which("ffprobe") is None:
        pytest.skip("no ffprobe on this machine (Debian: apt-get install ffmpeg)")
    words = ["ffprobe", "-v", "error", "-show_streams", "-of", "json", str(path)]
    found: list[dict[str, object]] = json.loads(subprocess.run(words, check=True, capture_output=True).stdout)[
        "streams"
    ]
    return found


def difference(before: av.VideoFrame, after: av.VideoFrame) -> np.ndarray:
    """Of the luma of two pictures, in 8-bit codes."""
    one, two = (components(f)[0].astype(float) / 2.0 ** (layout(f.format.name).depth - 8) for f in (before, after))
    return two - one


@pytest.mark.parametrize("depth", range(3), ids=["8 bit", "10 bit", "12 bit"])
@pytest.mark.parametrize("name", sorted(MASTERS))
def test_a_master_has_its_profile_depth_tags_timecode_and_sound(make, tmp_path, name, depth):
    codec, profile, formats, container, tolerance = MASTERS[name]
    source = make(
        "a.mov", codec="libx264" if depth < 2 else "libx265", pixel_format=SOURCES[depth], size=SIZE, pts=range(4),
        tags=HDR10 if depth else BT709, audio=("pcm_s24le", "aac") if container == "mov" else ("aac", "aac"),
        aspect=Fraction(4, 3),
        options={"crf": "4"} if depth < 2 else {"x265-params": "log-level=none"}, metadata={"timecode": "01:02:03:04"},
    )  # fmt: skip
    path, warnings = deliver(source, tmp_path / "out", name, container=container)
    clip, made = probe(source), probe(path)
    assert (made.codec, made.pixel_format, made.colour) == (codec, formats[depth], clip.colour)
    assert made.audio_streams == 2
    assert [w for w in warnings if "converted" not in w and "1 ms" not in w] == []
    pairs = list(zip(frames(clip), frames(made), strict=True))
    assert [a.at.seconds for a, _ in pairs] == [b.at.seconds for _, b in pairs]
    for before, after in pairs:
        if tolerance:
            error = difference(before.native, after.native)
            assert np.abs(error).mean() < tolerance
            assert abs(error.mean()) < 0.2  # nothing is brighter or darker
        else:
            assert all(map(np.array_equal, visible(before.native), visible(after.native)))
    picture, *others = ffprobe(path)
    assert (picture["codec_name"], picture.get("profile") if profile else None) == (codec, profile)
    assert picture["pix_fmt"].replace("444p12", "444p10") == formats[depth].replace("444p12", "444p10")
    assert sum(s["codec_type"] == "audio" for s in others) == 2
    assert picture["sample_aspect_ratio"] == "4:3"
    wanted = HDR10 if depth else BT709
    told = [picture.get(key) for key in ("color_space", "color_primaries", "color_transfer")]
    kinds = zip(("colorspace", "color_primaries", "color_trc"), NAMES, strict=True)
    assert told == [names[wanted[key]] for key, names in kinds]
    codes = [s.get("tags", {}).get("timecode") or s.get("tags", {}).get("TIMECODE") for s in (picture, *others)]
    assert "01:02:03:04" in codes


@pytest.mark.parametrize("tags", [HDR10, HLG], ids=["PQ", "HLG"])
@pytest.mark.parametrize("name", sorted(set(MASTERS) - {"h264"}))
def test_hdr_tags_are_the_same(make, tmp_path, name, tags):
    source = make("a.mov", codec="libx264", pixel_format="yuv422p10le", size=SIZE, pts=range(4), tags=tags)
    path, warnings = deliver(source, tmp_path / "out", name, container=MASTERS[name][3])
    assert [w for w in warnings if "converted" not in w] == []
    assert probe(path).colour == probe(source).colour
    shown = ffprobe(path)[0]
    kinds = zip(("color_space", "color_primaries", "color_transfer"), NAMES, tags.values(), strict=False)
    assert all(shown[key] == names[code] for key, names, code in kinds)


@pytest.mark.parametrize("timecode", ["01:02:03:04", "01:00:00;02"])
@pytest.mark.parametrize("name", ["h264", "prores_422hq", "prores_4444", "dnxhr_hqx"])
def test_timecode_and_reel_stay_in_their_track(make, tmp_path, name, timecode):
    source = make(
        "a.mov", codec="libx264", size=SIZE, pts=range(0, 4004, 1001), time_base=Fraction(1, 30000),
        rate=Fraction(30000, 1001), metadata={"timecode": timecode, "reel_name": "A001C002"},
    )  # fmt: skip
    path, _ = deliver(source, tmp_path / "out", name, container="mov")
    for file in (source, path):
        with av.open(str(file)) as container:
            told = [s.metadata for s in container.streams if s.type == "data"]
        assert [(m["timecode"], m["reel_name"]) for m in told] == [(timecode, "A001C002")]
    assert [s["tags"]["timecode"] for s in ffprobe(path) if s["codec_type"] == "data"] == [timecode]


def test_dnxhr_goes_into_mxf(make, tmp_path):
    source = make(
        "a.mov", codec="libx264", size=SIZE, tags=BT709, audio=("pcm_s24le",), rotation=90, aspect=Fraction(4, 3)
    )
    path, warnings = deliver(source, tmp_path / "out", "dnxhr_hqx", container="mxf")
    assert any(".mxf does not keep how the picture is turned" in w for w in warnings)
    assert any(".mxf does not keep the pixels' aspect 4/3" in w for w in warnings)
    made = probe(path)
    assert (made.codec, made.colour, made.audio_streams) == ("dnxhd", probe(source).colour, 1)
    assert [f.at.seconds for f in frames(made)] == [f.at.seconds for f in frames(probe(source))]


@pytest.mark.parametrize("pixel_format", ["yuva420p", "yuva444p10le", "gbrap12le"])
@pytest.mark.parametrize("name", ["prores_4444", "ffv1", "png", "tiff", "exr"])
def test_alpha_stays(make, tmp_path, name, pixel_format):
    source = make("a.mkv", pixel_format=pixel_format, pts=range(2), time_base=Fraction(1, 25))
    made, _ = deliver(source, tmp_path / "out", name)
    for before, after in zip(frames(probe(source)), read(made), strict=True):
        wanted, found = alpha(before.native), planes(after)[..., 3] if name == "exr" else alpha(after)
        assert found is not None
        assert (found[:, 0].max(), found[:, -1].min()) == (0, 1)
        assert np.abs(wanted - found).max() <= 1 / 2000 + (name == "prores_4444") / 2000  # 10 bits


def test_alpha_of_vp9_is_in_the_file(make, tmp_path):
    source = make("a.mkv", pixel_format="yuva420p", pts=range(2))
    path, _ = deliver(source, tmp_path / "out", "vp9")
    with av.open(str(path)) as container:
        assert container.streams.video[0].metadata["alpha_mode"] == "1"
        carried = [d.data_type for p in container.demux(video=0) if p.size for d in p.iter_sidedata()]
    assert carried.count("matroska_block_additional") == 2
    _, warnings = deliver(path, tmp_path / "again", "ffv1")
    assert any("alpha left out" in warning for warning in warnings)


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv422p10le", "gbrp12le"])
@pytest.mark.parametrize("name", ["png", "tiff"])
def test_pictures_of_16_bits_hold_the_source(make, tmp_path, name, pixel_format):
    source = make("a.mkv", pixel_format=pixel_format, pts=range(2), tags=BT709 if pixel_format[0] == "y" else {})
    wanted = {"tiff": {"pixel_format": ["rgb48le"]}, "png": {"pixel_format": "rgb48be"}}[name]
    made, _ = deliver(source, tmp_path / "out", name, **wanted)
    for before, after in zip(frames(probe(source)), read(made), strict=True):
        codes = crop(before, (0, 0, before.width, before.height))
        depth = layout(pixel_format).depth
        error = np.abs(np.clip(codes, 0, 1) - after.to_ndarray() / 65535)
        assert after.format.name.startswith("rgb48")
        assert error.max() < 1 / 4095 if depth == 12 else np.median(error) < 0.02


@pytest.mark.parametrize("tags", [BT709, HDR10, HLG], ids=["BT.709", "PQ", "HLG"])
def test_exr_is_light_that_gives_the_codes_back(make, tmp_path, tags):
    source = make("a.mkv", pixel_format="yuv444p12le", pts=range(2), tags=tags)
    made, _ = deliver(source, tmp_path / "out", "exr")
    for before, after in zip(frames(probe(source)), read(made), strict=True):
        assert after.format.name == "gbrpf16le"
        light = planes(after)
        codes = crop(before, (0, 0, before.width, before.height))
        transfer = before.colour.transfer
        again = coded(light / light_of(np.ones(1, np.float32), transfer), transfer)
        error = np.abs(again - codes) / np.maximum(codes, 1)
        assert error[codes > 0.02].max() < 1 / 4095
        assert error.max() < 4 / 4095  # half float has no finer steps that close to black
        assert (light[codes > 0.3].min() > 0, light.max() > 50) == (True, transfer == 16)


def test_exr_may_keep_codes(make, tmp_path):
    source = make("a.mkv", pixel_format="gbrp12le", pts=range(1))
    made, _ = deliver(source, tmp_path / "out", "exr", light="code", options={"format": "float"})
    before, after = next(frames(probe(source))), next(read(made))
    assert np.array_equal(planes(after), crop(before, (0, 0, before.width, before.height)))


def read(path: Path):
    """Native pictures of a delivery, floats too."""
    for one in sorted(path.iterdir()) if path.is_dir() else [path]:
        with av.open(str(one)) as container:
            yield from container.decode(video=0)


def planes(native: av.VideoFrame) -> np.ndarray:
    """R, G, B and alpha, (h, w, 3 or 4), of a float picture."""
    kind = np.float16 if "f16" in native.format.name else np.float32
    views = [np.frombuffer(p, kind).reshape(p.height, -1)[:, : p.width] for p in native.planes]
    return np.stack([views[i] for i in (2, 0, 1, 3)[: len(views)]], axis=-1).astype(float)


@pytest.mark.parametrize("tags", [HDR10, HLG], ids=["HDR10", "HLG"])
@pytest.mark.parametrize("name", ["ffv1", "h265_10", "prores_422hq", "dnxhr_hqx"])
def test_an_edit_in_hdr_shifts_nothing_outside_the_face(make, tmp_path, name, tags):
    source = make("a.mov", codec="libx264", pixel_format="yuv420p10le", size=SIZE, pts=range(4), tags=tags)
    clip, made = edited(source, tmp_path, name)
    assert made.colour == clip.colour
    for before, after in zip(frames(clip), frames(made), strict=True):
        error = difference(before.native, after.native)
        assert error[40:88, 72:120].mean() < -10
        outside = np.delete(error, np.s_[16:112], axis=0)  # further away than blocks of the codec reach
        assert outside.any() == (name != "ffv1")
        assert abs(outside.mean()) < 0.2


def edited(source: Path, folder: Path, name: str):
    """The clip, and a master whose frames were darkened in `BOX`."""
    stage, clip = load("encode", name), probe(source)
    state = stage.begin(Job(clip, folder))
    for frame in frames(clip):
        before = crop(frame, BOX)
        edit = Edit(1, BOX, before, before * np.float32(0.7), np.ones(before.shape[:2], np.float32))
        stage.process(state, paste(frame, (edit,)))
    stage.finish(state)
    return clip, probe(state.path)


@pytest.mark.parametrize("pixel_format", ["yuv420p10le", "yuv422p10le", "yuv444p12le", "gbrp12le"])
def test_what_an_edit_leaves_alone_is_bit_identical_in_ffv1(make, tmp_path, pixel_format):
    source = make("a.mkv", pixel_format=pixel_format, size=SIZE, pts=range(2))
    for before, after in zip(*map(frames, edited(source, tmp_path, "ffv1")), strict=True):
        assert before.native.format.name == after.native.format.name == pixel_format
        for one, two in zip(components(before.native), components(after.native), strict=True):
            across, down = SIZE[0] // one.shape[1], SIZE[1] // one.shape[0]
            inside = np.s_[BOX[1] // down : BOX[3] // down, BOX[0] // across : BOX[2] // across]
            changed = one != two
            assert changed[inside].any() or pixel_format[0] == "y"  # chroma may stay
            changed[inside] = False
            assert not changed.any()


@pytest.mark.parametrize("name", ["png", "tiff"])
def test_what_an_edit_leaves_alone_is_bit_identical_in_pictures(make, tmp_path, name):
    source = make("a.mkv", pixel_format="gbrp16le", size=SIZE, pts=range(2))
    for before, after in zip(*map(frames, edited(source, tmp_path, name)), strict=True):
        assert after.native.format.name.startswith("rgb48")
        changed = (crop(before, WHOLE) != crop(after, WHOLE)).any(axis=-1)
        assert changed[32:96, 64:128].mean() > 0.9
        changed[32:96, 64:128] = False
        assert not changed.any()


@pytest.mark.parametrize(
    ("name", "codec", "formats"),
    [
        ("png", "png", ("rgb48be", "rgba64be")),
        ("tiff", "tiff", ("rgb48le", "rgba64le")),
        ("exr", "exr", ("gbrpf32le", "gbrapf32le")),  # half float, which that FFmpeg widens
    ],
)
@pytest.mark.parametrize("clear", [False, True], ids=["opaque", "alpha"])
def test_ffprobe_reads_pictures(make, tmp_path, name, codec, formats, clear):
    source = make("a.mkv", pixel_format="gbrap12le" if clear else "gbrp12le", size=SIZE, pts=range(2))
    made, _ = deliver(source, tmp_path / "out", name)
    first = ffprobe(min(made.iterdir()))[0]
    assert (first["codec_name"], first["width"], first["height"]) == (codec, *SIZE)
    assert first["pix_fmt"] == formats[clear]


def test_ffprobe_reads_vp9_and_its_alpha(make, tmp_path):
    source = make("a.mkv", pixel_format="yuva420p", pts=range(4), tags=BT709)
    path, _ = deliver(source, tmp_path / "out", "vp9")
    picture = ffprobe(path)[0]
    assert (picture["codec_name"], picture["profile"], picture["pix_fmt"]) == ("vp9", "Profile 0", "yuv420p")
    assert {key.lower(): value for key, value in picture["tags"].items()}["alpha_mode"] == "1"
    assert [picture.get(key) for key in ("color_space", "color_primaries", "color_transfer")] == ["bt709"] * 3


@pytest.mark.parametrize("name", ["h264", "h265", "h265_10", "prores_422hq"])
def test_ffprobe_reads_the_range_and_where_chroma_lies(make, tmp_path, name):
    source = make("a.mov", codec="libx264", pixel_format="yuv420p10le", size=SIZE, pts=range(3), tags=HDR10)
    path, _ = deliver(source, tmp_path / "out", name, container="mov")
    before, after = ffprobe(source)[0], ffprobe(path)[0]
    assert after["color_range"] == before["color_range"] == "tv"
    if name != "prores_422hq":  # 4:2:2 has one place for it
        assert after.get("chroma_location") == before.get("chroma_location")
