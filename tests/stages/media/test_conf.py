"""Every shipped decode and encode file does what its name says."""

from __future__ import annotations

import importlib
from pathlib import Path

import av
import pytest
import yaml

from stages.media.decode import frames, probe
from stages.packets import Job

CONF = Path(__file__).parents[3] / "conf"
TAGS = {"colorspace": 1, "color_primaries": 1, "color_trc": 1, "color_range": 1}
PICTURES = {"png": ".png", "tiff": ".tif", "exr": ".exr"}
EXPECTED = {
    "h264": ("h264", ".mp4", "yuv420p", "High"),
    "h264_live": ("h264", ".mp4", "yuv420p", "Constrained Baseline"),
    "h265": ("hevc", ".mp4", "yuv420p", "Main"),
    "h265_10": ("hevc", ".mp4", "yuv420p10le", "Main 10"),
    "dnxhr_hqx": ("dnxhd", ".mov", "yuv422p10le", "DNXHR HQX"),
    "ffv1": ("ffv1", ".mp4", "yuv420p", None),
    "prores_422hq": ("prores", ".mov", "yuv422p10le", "HQ"),
    "prores_4444": ("prores", ".mov", "yuv444p12le", "4444"),
    "vp9": ("vp9", ".mp4", "yuv420p", "Profile 0"),
    "av1": ("av1", ".mp4", "yuv420p", "Main"),
}


def load(group: str, name: str):
    settings = yaml.safe_load((CONF / group / f"{name}.yaml").read_text())
    module, _, attribute = settings.pop("_target_").rpartition(".")
    return getattr(importlib.import_module(module), attribute)(**settings)


@pytest.mark.parametrize("name", sorted(p.stem for p in (CONF / "encode").glob("*.yaml") if p.stem not in PICTURES))
def test_an_encode_file_writes_its_codec_profile_format_and_tags(make, tmp_path, name, capfd):
    source = probe(make("a.mp4", codec="libx264", tags=TAGS, audio=("aac",), size=(256, 128)))
    stage = load("encode", name)
    stage.check(source)
    state = stage.begin(Job(source, tmp_path))
    for frame in frames(source):
        stage.process(state, frame)
    stage.finish(state)
    codec, suffix, pixel_format, profile = EXPECTED[name]
    result = probe(state.path)
    assert (result.codec, state.path.suffix, result.pixel_format) == (codec, suffix, pixel_format)
    assert (result.colour, result.audio_streams) == (source.colour, 1)
    assert [f.at.seconds for f in frames(result)] == [f.at.seconds for f in frames(source)]
    with av.open(str(state.path)) as container:
        assert container.streams.video[0].profile == profile
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("name", sorted(PICTURES))
def test_a_file_of_pictures_writes_pictures(make, tmp_path, name):
    clip, stage = probe(make("a.mkv")), load("encode", name)
    state = stage.begin(Job(clip, tmp_path))
    for frame in frames(clip):
        stage.process(state, frame)
    stage.finish(state)
    assert probe(state.path).frames == 8
    assert {p.suffix for p in state.path.iterdir()} == {PICTURES[name]}


def test_the_decode_file_decodes(make):
    decode = load("decode", "native")
    assert len(list(decode.frames(decode.probe(make("a.mkv"))))) == 8


@pytest.mark.parametrize("group", ["decode", "encode", "review"])
def test_every_file_says_its_idea_and_comments_every_value(group):
    for path in (CONF / group).glob("*.yaml"):
        first, *rest = path.read_text().splitlines()
        assert first.startswith("# "), path
        bare = [line for line in rest if "#" not in line and "_target_" not in line and line.strip()]
        assert all(line.startswith("codec:") or line.endswith(":") for line in bare), (path, bare)
