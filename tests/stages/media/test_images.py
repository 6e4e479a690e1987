from __future__ import annotations

import struct
import subprocess
import sys
import zlib
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from stages.errors import ClipError, ConfigError, DeliveryError
from stages.media.decode import Decode, frames, probe
from stages.media.encode import Encode
from stages.media.encode_images import EncodeImages
from stages.media.pixels import components
from stages.media.side_data import display_matrix, side_data
from stages.packets import Job
from tests.stages.media.synthetic_clips import picture


def save(path: Path, pixel_format: str = "rgb24", index: int = 0, codec: str = "png", size=(48, 32)) -> Path:
    context = av.CodecContext.create(codec, "w")
    context.width, context.height, context.pix_fmt = *size, pixel_format
    context.time_base, context.thread_count = Fraction(1, 24), 1
    native = picture(pixel_format, index, size)
    native.color_range = 2
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"".join(bytes(p) for p in context.encode(native)))
    return path


def sequence(folder: Path, numbers=range(1001, 1006)) -> Path:
    for number in numbers:
        save(folder / f"shot.{number:04d}.png", index=number)
    return folder


def run(stage, path, folder):
    clip = probe(path)
    folder.mkdir(exist_ok=True)
    stage.check(clip)
    state = stage.begin(Job(clip, folder))
    for frame in frames(clip):
        stage.process(state, frame)
    stage.finish(state)
    return state


@pytest.mark.parametrize(
    ("name", "codec", "pixel_format"),
    [
        ("a.png", "png", "rgb24"),
        ("a.png", "png", "rgb48be"),
        ("a.png", "png", "rgba"),
        ("a.png", "png", "gray16be"),
        ("a.tif", "tiff", "rgb48le"),
        ("a.jpg", "mjpeg", "yuvj420p"),
    ],
)
def test_a_still_is_a_clip_of_one_frame_in_its_own_format(tmp_path, name, codec, pixel_format):
    clip = probe(save(tmp_path / name, pixel_format, codec=codec))
    assert (clip.kind, clip.frames, clip.pixel_format, clip.rate) == ("still", 1, pixel_format, 24)
    assert clip.colour.full_range
    (frame,) = frames(clip)
    assert (frame.at.index, frame.at.pts, frame.at.time_base) == (0, 0, Fraction(1, 24))


@pytest.mark.parametrize("pattern", ["", "shot.%04d.png", "shot.####.png"])
def test_a_folder_and_its_pattern_are_the_same_sequence(tmp_path, pattern):
    clip = Decode(image_rate="24000/1001").probe(sequence(tmp_path / "plate") / pattern)
    assert (clip.kind, clip.frames, clip.rate) == ("sequence", 5, Fraction(24000, 1001))
    got = list(frames(clip))
    assert [f.at.pts for f in got] == [0, 1, 2, 3, 4]
    assert np.array_equal(components(got[3].native)[0], components(picture("rgb24", 1004, (48, 32)))[0])
    assert [f.at.index for f in frames(clip, start=2, stop=4)] == [2, 3]


def test_a_sequence_is_in_the_order_of_its_numbers(tmp_path):
    for number in (8, 9, 10, 11):
        save(tmp_path / f"f{number}.png", index=number)
    got = list(frames(probe(tmp_path / "f%d.png")))
    assert np.array_equal(components(got[0].native)[0], components(picture("rgb24", 8, (48, 32)))[0])
    assert np.array_equal(components(got[3].native)[0], components(picture("rgb24", 11, (48, 32)))[0])


def test_names_the_picture_that_is_missing(tmp_path):
    folder = sequence(tmp_path / "plate")
    (folder / "shot.1003.png").unlink()
    with pytest.raises(ClipError, match="picture 1003 is missing"):
        probe(folder)


def test_names_the_picture_that_is_unlike_the_others(tmp_path):
    folder = sequence(tmp_path / "plate")
    save(folder / "shot.1003.png", size=(64, 32))
    with pytest.raises(ClipError, match=r"plate frame 2: shot\.1003\.png is 64x32 rgb24, not 48x32"):
        list(frames(probe(folder)))


def test_refuses_a_folder_with_several_kinds_of_pictures(tmp_path):
    folder = sequence(tmp_path / "plate")
    save(folder / "shot.1006.tif", codec="tiff")
    with pytest.raises(ClipError, match="several kinds"):
        probe(folder)


def test_refuses_a_pattern_that_matches_nothing(tmp_path):
    with pytest.raises(ClipError, match="no pictures found"):
        probe(tmp_path / "shot.%04d.png")


@pytest.mark.parametrize(
    ("name", "codec", "pixel_format", "lossless"),
    [
        ("a.png", "png", "rgb48be", True),
        ("a.png", "png", "rgba", True),
        ("a.tif", "tiff", "rgb48le", True),
        ("a.jpg", "mjpeg", "yuvj420p", False),
    ],
)
def test_a_still_is_delivered_as_the_same_kind_of_still(tmp_path, name, codec, pixel_format, lossless):
    source = save(tmp_path / name, pixel_format, codec=codec)
    state = run(Encode(), source, tmp_path / "out")
    assert state.path == tmp_path / "out" / f"delivery{source.suffix}"
    assert state.warnings == []
    (before,), (after,) = frames(probe(source)), frames(probe(state.path))
    assert after.pixel_format == pixel_format
    for one, two in zip(components(before.native), components(after.native), strict=True):
        assert np.abs(one.astype(int) - two).max() <= (0 if lossless else 6)


def test_a_sequence_is_delivered_as_a_folder_with_the_same_names(tmp_path):
    folder = sequence(tmp_path / "plate")
    state = run(EncodeImages(), folder, tmp_path / "out")
    assert sorted(p.name for p in state.path.iterdir()) == [f"shot.{n}.png" for n in range(1001, 1006)]
    for before, after in zip(frames(probe(folder)), frames(probe(state.path)), strict=True):
        assert all(map(np.array_equal, components(before.native), components(after.native)))


def test_a_sequence_can_be_delivered_as_a_film(tmp_path):
    folder = sequence(tmp_path / "plate")
    state = run(Encode(codec="ffv1"), folder, tmp_path / "out")
    clip = probe(state.path)
    assert (clip.kind, clip.rate, len(list(frames(clip)))) == ("video", 24, 5)


def test_a_film_can_be_delivered_as_pictures_without_sound(make, tmp_path):
    state = run(EncodeImages(), make("a.mp4", codec="libx264", audio=("aac",)), tmp_path / "out")
    assert len(list(state.path.iterdir())) == 8
    assert any("sound left out" in warning for warning in state.warnings)
    assert any("converted from yuv420p to rgb24" in warning for warning in state.warnings)


def test_abort_removes_the_folder(make, tmp_path):
    clip, stage = probe(make("a.mkv")), EncodeImages()
    state = stage.begin(Job(clip, tmp_path))
    stage.process(state, next(iter(frames(clip))))
    stage.abort(state)
    assert not state.path.exists()


def test_refuses_what_is_no_picture_codec(tmp_path):
    with pytest.raises(ConfigError, match=r"encode\.codec"):
        EncodeImages(codec="libx264")
    clip = probe(save(tmp_path / "a.png"))
    with pytest.raises(DeliveryError, match="png writes"):
        EncodeImages().check(clip, ".jpg")


def with_profile(path: Path) -> None:
    """Put a named colour profile, as most picture editors write, behind the header of a PNG."""
    body = b"sRGB\0\0" + zlib.compress(bytes(128))
    chunk = struct.pack(">I", len(body)) + b"iCCP" + body + struct.pack(">I", zlib.crc32(b"iCCP" + body))
    data = path.read_bytes()
    path.write_bytes(data[:33] + chunk + data[33:])


def test_a_colour_profile_does_not_end_the_process(tmp_path):
    for picture_file in sequence(tmp_path / "shots").iterdir():
        with_profile(picture_file)
    clip = f"probe({str(tmp_path / 'shots')!r})"
    code = (
        "import gc, pathlib; from stages.media.decode import probe, frames; from stages.media.encode import Encode;"
        f"from stages.packets import Job; clip = {clip}; stage = Encode(codec='ffv1');"
        f"state = stage.begin(Job(clip, pathlib.Path({str(tmp_path)!r})));"
        "[stage.process(state, frame) for frame in frames(clip)]; stage.finish(state); gc.collect()"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_side_data_that_pyav_cannot_name_is_left_out():
    class Strange:
        rotation = -90

        @property
        def side_data(self):
            raise ValueError("31 is not a valid Type")

    assert side_data(Strange(), "mjpeg") == []
    assert display_matrix(Strange(), "mjpeg") == [0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30]


def test_an_odd_size_is_refused_before_the_first_frame(tmp_path):
    save(tmp_path / "odd" / "a.1.png", size=(33, 57))
    clip = probe(tmp_path / "odd")
    Encode(pixel_format="yuv444p").check(clip)
    with pytest.raises(DeliveryError, match="33x57"):
        Encode(pixel_format="yuv420p").check(clip)


def test_half_a_jpeg_is_refused(tmp_path):
    path = save(tmp_path / "a.jpg", "yuvj420p", codec="mjpeg")
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    with pytest.raises(ClipError, match=r"a\.jpg"):
        probe(path)


def test_a_folder_of_two_sequences_or_a_number_twice_says_so(tmp_path):
    sequence(tmp_path / "two", range(2))
    save(tmp_path / "two" / "other.0000.png")
    with pytest.raises(ClipError, match="several sequences"):
        probe(tmp_path / "two")
    save(tmp_path / "twice" / "a.01.png")
    save(tmp_path / "twice" / "a.1.png")
    with pytest.raises(ClipError, match="two pictures are number 1"):
        probe(tmp_path / "twice")
