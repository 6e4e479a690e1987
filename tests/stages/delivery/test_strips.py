"""Strips show the frames that change most, at full size, and where the mask's edge does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from stages import facs
from stages.delivery.strips import KeepStrips, Strip, read_strips
from stages.errors import ConfigError, DeliveryError
from stages.expression import basis, pose
from stages.media import planes
from stages.packets import Clip, Colour, Edit, Edits, Face, Faces, FaceUnits, Frame, Job, Stamp, Units

BASE = Fraction(1, 25)
BOX = (220, 100, 420, 360)
LOUD = (300, 340)  # where the edge of the mask is given away


def frame(index: int) -> Frame:
    grey = np.full((480, 640, 3), 90 + index, np.uint8)
    native = av.VideoFrame.from_ndarray(grey, format="rgb24").reformat(format="yuv444p")
    native.time_base = BASE
    return Frame(Stamp("strips", index, index, BASE), native, Colour(matrix=1))


def face() -> Face:
    head = pose.Pose(120.0, pose.rotation(0, 0, 0), np.array([320.0, 230.0, 0.0]))
    landmarks = head.to_image(basis.load().mean)
    box = np.concatenate([landmarks[:, :2].min(0), landmarks[:, :2].max(0)]).astype(np.float32)
    return Face(0, box, landmarks, 1.0)


def units(at: Stamp, intensities: Mapping[str, float]) -> Units:
    values = np.zeros((facs.COUNT, 2), np.float32)
    for name, intensity in intensities.items():
        values[facs.INDEX[name]] = intensity
    sure = np.ones(facs.COUNT, np.float32)
    return Units(at, (FaceUnits(0, values, sure, np.zeros(3, np.float32)),))


def edited(before: Frame) -> tuple[Frame, Edits]:
    """Ten codes brighter, forty near `LOUD`."""
    x0, y0, x1, y1 = BOX
    old = planes.crop(before, BOX)
    new = old + np.float32(10 / 255)
    new[LOUD[1] - y0 - 6 : LOUD[1] - y0 + 6, LOUD[0] - x0 - 6 : LOUD[0] - x0 + 6] += np.float32(30 / 255)
    mask = np.zeros((y1 - y0, x1 - x0), np.float32)
    mask[16:-16, 16:-16] = 1
    edit = Edit(0, BOX, old, new, mask)
    return planes.paste(before, (edit,)), Edits(before.at, (edit,))


def run(folder: Path, count: int, changes: Mapping[int, Mapping[str, float]], stage: KeepStrips) -> dict[str, Strip]:
    clip = Clip(Path("strips"), "strips", 640, 480, BASE, 1 / BASE, None, "yuv444p", Colour(), "raw", "video")
    state = stage.begin(Job(clip, folder))
    for index in range(count):
        before = frame(index)
        asked = units(before.at, changes.get(index, {}))
        after, edits = edited(before) if index in changes else (before, None)
        stage.process(state, before, after, Faces(before.at, (face(),)), units(before.at, {}), asked, edits)
    stage.finish(state)
    return read_strips(folder)


def test_each_region_is_shown_where_it_changes_most(tmp_path: Path) -> None:
    found = run(tmp_path, 30, {8: {"AU12": 1.0}, 20: {"AU43": 3.0}, 25: {"AU12": 0.5}}, KeepStrips(frames=5))
    assert (found["mouth"].first, found["eyes"].first) == (6, 18)
    assert found["edge"].first == found["eyes"].first
    assert found["face"].first == 20
    eyes, mouth = found["eyes"].box, found["mouth"].box
    assert eyes[3] < mouth[1]


def test_strips_are_full_size_and_show_before_after_and_difference(tmp_path: Path) -> None:
    strip = run(tmp_path, 9, {4: {"AU12": 1.0}}, KeepStrips(frames=3, factor=4))["mouth"]
    width, height = strip.box[2] - strip.box[0], strip.box[3] - strip.box[1]
    picture = cv2.imread(str(strip.path))
    assert picture.shape[:2] == (3 * height + 8, 3 * width + 8)
    cell = picture[height // 2 :: height + 4, width + 4 + width // 2]  # middle of the middle column, row by row
    assert cell[:, 1].astype(int) == pytest.approx([94, 104, 40], abs=6)
    assert picture[2 * (height + 4) + height // 2, width // 2].max() < 8  # the frame before it is untouched


def test_the_edge_is_shown_where_it_is_given_away(tmp_path: Path) -> None:
    x0, y0, x1, y1 = run(tmp_path, 9, {4: {"AU12": 1.0}}, KeepStrips(frames=3))["edge"].box
    assert abs((x0 + x1) / 2 - LOUD[0]) < 12
    assert abs((y0 + y1) / 2 - LOUD[1]) < 16


def test_a_clip_shorter_than_a_strip_is_shown_whole(tmp_path: Path) -> None:
    found = run(tmp_path, 1, {0: {"AU12": 1.0}}, KeepStrips(frames=6))
    assert {name: (one.first, one.frames) for name, one in found.items()} == dict.fromkeys(found, (0, 1))
    assert set(found) == {"eyes", "mouth", "edge", "face"}


def test_an_edit_of_nothing_is_shown_too(tmp_path: Path) -> None:
    assert run(tmp_path, 8, {}, KeepStrips(frames=4))["mouth"].score == 0


def test_no_strips_without_a_listing_and_an_error_for_a_broken_one(tmp_path: Path) -> None:
    assert read_strips(tmp_path) == {}
    (tmp_path / "strips").mkdir()
    (tmp_path / "strips" / "strips.json").write_text("[]")
    with pytest.raises(DeliveryError, match="not a list of strips"):
        read_strips(tmp_path)


@pytest.mark.parametrize(("name", "value"), [("frames", 0), ("factor", 99), ("size", 10)])
def test_a_setting_out_of_range_is_refused(name: str, value: int) -> None:
    with pytest.raises(ConfigError, match=rf"strips\.{name}"):
        replace(KeepStrips(), **{name: value})
