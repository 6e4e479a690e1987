from __future__ import annotations

import struct

import av
import numpy as np
import pytest

from stages.media.decode import frames, probe
from stages.media.encode import Encode
from stages.media.encode_images import EncodeImages
from stages.media.exif import orientation, oriented
from stages.media.pixels import components
from tests.stages.media.test_images import run, save

FILES = [("a.jpg", "mjpeg", "yuvj420p"), ("a.png", "png", "rgb24"), ("a.tif", "tiff", "rgb24")]


@pytest.mark.parametrize(("name", "codec", "pixel_format"), FILES)
@pytest.mark.parametrize("turned", [1, 3, 5, 6, 8])
def test_a_still_is_delivered_as_upright_as_it_came(tmp_path, name, codec, pixel_format, turned):
    path = save(tmp_path / name, pixel_format, codec=codec)
    path.write_bytes(oriented(path.read_bytes(), turned))
    made = run(Encode(), path, tmp_path / "out").path
    assert orientation(made.read_bytes()) == turned
    source, delivered = (next(frames(probe(p))).native for p in (path, made))
    assert delivered.rotation == source.rotation
    assert (delivered.width, delivered.height) == (source.width, source.height)


def test_a_jpeg_that_becomes_a_png_stays_upright(tmp_path):
    path = save(tmp_path / "a.jpg", "yuvj420p", codec="mjpeg")
    path.write_bytes(oriented(path.read_bytes(), 6))
    assert orientation(run(EncodeImages(), path, tmp_path / "out").path.read_bytes()) == 6


def test_pictures_of_a_turned_video_stay_upright(make, tmp_path):
    folder = run(EncodeImages(), make("a.mp4", codec="libx264", rotation=90), tmp_path / "out").path
    assert {orientation(picture.read_bytes()) for picture in folder.iterdir()} in ({6}, {8})
    turned = probe(make("b.mp4", codec="libx264", rotation=90)).path
    with av.open(str(turned)) as container:
        rotation = next(container.decode(video=0)).rotation
    assert next(frames(probe(min(folder.iterdir())))).native.rotation == rotation


@pytest.mark.parametrize(("name", "codec", "pixel_format"), FILES)
def test_the_tag_alone_changes(tmp_path, name, codec, pixel_format):
    path = save(tmp_path / name, pixel_format, codec=codec)
    before = [np.array(plane) for plane in components(next(frames(probe(path))).native)]
    path.write_bytes(oriented(oriented(path.read_bytes(), 6), 6))
    after = components(next(frames(probe(path))).native)
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


@pytest.mark.parametrize(
    "block",
    [b"", b"MM\0*", b"MM\0*" + struct.pack(">I", 9999), b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 274, 3, 1, 9, 0, 0)],
)
def test_a_broken_tag_means_upright(block):
    size = struct.pack(">H", 8 + len(block))
    assert orientation(b"\xff\xd8\xff\xe1" + size + b"Exif\0\0" + block + b"\xff\xd9") == 1
