"""A face without a camera: the mean face's landmarks, posed over a picture whose colours tell where they come from."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import av
import numpy as np
import pytest

from stages import facs
from stages.expression import basis, pose
from stages.packets import Colour, Face, Faces, FaceUnits, Floats, Frame, Stamp, Units

AT = Stamp("synthetic", 0, 0, Fraction(1, 25))


@pytest.fixture
def picture() -> Callable[..., Frame]:
    """picture(width, height, pixel_format): red grows with x, green with y, blue is a texture of the two."""
    return _picture


def _picture(width: int = 640, height: int = 480, pixel_format: str = "gbrp16le") -> Frame:
    y, x = np.mgrid[:height, :width].astype(np.float64)
    rgb = np.stack([x / 2048, y / 2048, 0.5 + 0.4 * np.sin(x / 3) * np.sin(y / 4)], 2)
    if pixel_format == "gbrp16le":
        native = av.VideoFrame(width, height, pixel_format)
        for plane, channel in zip(native.planes, (1, 2, 0), strict=True):
            row = plane.line_size // 2
            padded = np.zeros((height, row), np.uint16)
            padded[:, :width] = np.round(rgb[..., channel] * 65535)
            plane.update(padded.tobytes())
    else:
        eight = np.round(rgb * 255).astype(np.uint8)
        native = av.VideoFrame.from_ndarray(eight, format="rgb24").reformat(format=pixel_format)
    return Frame(AT, native, Colour(matrix=0, full_range=True) if pixel_format == "gbrp16le" else Colour(matrix=1))


@pytest.fixture
def face() -> Callable[..., Face]:
    """face(centre, unit, yaw, pitch, roll, gape): the mean face with `unit` pixels between its outer eye corners."""
    return _face


def _face(
    centre: tuple[float, float] = (320.0, 230.0),
    unit: float = 150.0,
    angles: tuple[float, float, float] = (0.0, 0.0, 0.0),
    shown: dict[str, float] | None = None,
    presence: float = 1.0,
) -> Face:
    head = pose.Pose(unit, pose.rotation(*angles), np.array([*centre, 0.0]))
    landmarks = head.to_image(basis.load().deformed(values(shown or {})))
    box = np.concatenate([landmarks[:, :2].min(0), landmarks[:, :2].max(0)])
    return Face(0, box.astype(np.float32), landmarks, presence)


def values(intensities: dict[str, float]) -> Floats:
    """(facs.COUNT, 2) with these on both sides, the rest 0."""
    made = np.zeros((facs.COUNT, 2), np.float32)
    for name, intensity in intensities.items():
        made[facs.INDEX[name]] = intensity
    return made


@pytest.fixture
def measured() -> Callable[..., Units]:
    """measured({"AU12": 2.0}): the units of track 0."""

    def make(intensities: dict[str, float] | None = None) -> Units:
        sure, straight = np.ones(facs.COUNT, np.float32), np.zeros(3, np.float32)
        return Units(AT, (FaceUnits(0, values(intensities or {}), sure, straight),))

    return make


@pytest.fixture
def only() -> Callable[[Face], Faces]:
    """only(face): the packet that holds nothing else."""
    return lambda one: Faces(AT, (one,))
