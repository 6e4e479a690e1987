from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from runner.report.contact import amplification, difference, read, write_contact
from stages.delivery.stills import Still
from stages.errors import DeliveryError


def test_difference_is_absolute_amplified_and_clipped() -> None:
    before = np.array([[[10, 100, 200]]], np.uint8)
    after = np.array([[[13, 90, 0]]], np.uint8)
    assert difference(before, after, 8).tolist() == [[[24, 80, 255]]]


def test_equal_pictures_are_black_at_any_amplification() -> None:
    same = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    assert not difference(same, same, 32).any()


@pytest.mark.parametrize(("step", "factor"), [(0, 32), (5, 32), (20, 8), (130, 1)])
def test_amplification_shows_the_most_without_clipping(step: int, factor: int) -> None:
    before = np.full((10, 10, 3), 50, np.uint8)
    assert amplification([(before, before + np.uint8(step))]) == factor


def test_the_sheet_shows_before_after_and_where_they_differ(tmp_path: Path, stills: list[Still]) -> None:
    factor = write_contact(tmp_path / "contact.jpg", stills)
    sheet = read(tmp_path / "contact.jpg")
    assert factor == 8
    assert sheet.shape == (26 + 2 * (360 + 26), 3 * 360 + 4 * 10, 3)
    # The first row's difference cell: the still is scaled by 4.5 and centred; its block lies at x 10..30, y 20..40.
    cell = sheet[26 : 26 + 360, 10 + 2 * 370 :][:, :360].astype(int)
    inside = cell[int(20 * 4.5) + 8 : int(40 * 4.5) - 8, 45 + int(10 * 4.5) + 8 : 45 + int(30 * 4.5) - 8]
    outside = cell[250:350, 60:300]
    assert abs(inside[..., 0].mean() - 20 * 8) < 8
    assert inside[..., 1:].mean() < 30
    assert outside.mean() < 3


def test_a_missing_still_is_named(tmp_path: Path, stills: list[Still]) -> None:
    stills[0].after.unlink()
    with pytest.raises(DeliveryError, match=r"000012-after\.png"):
        write_contact(tmp_path / "contact.jpg", stills)


def test_colours_are_not_swapped(tmp_path: Path) -> None:
    red = np.zeros((8, 8, 3), np.uint8)
    red[..., 2] = 255  # OpenCV writes blue, green, red
    cv2.imwrite(str(tmp_path / "red.png"), red)
    assert read(tmp_path / "red.png")[0, 0].tolist() == [255, 0, 0]
