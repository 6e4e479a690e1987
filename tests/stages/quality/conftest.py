"""Pictures with a known edit: moving texture with noise, and an edit written into it as the pipeline does."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest

from stages.expression import basis, pose
from stages.media import planes
from stages.packets import Colour, Edit, Edits, Face, Faces, Floats, Frame, Stamp

BOX = (80, 60, 240, 200)
BASE = Fraction(1, 25)


def stamp(index: int) -> Stamp:
    return Stamp("planted", index, index, BASE)


@pytest.fixture
def scene() -> Callable[..., Frame]:
    """scene(index, pixel_format): texture that moves a pixel and a half a frame, under fresh noise."""

    def make(index: int, pixel_format: str = "yuv420p") -> Frame:
        rng = np.random.default_rng(1)
        texture = cv2.GaussianBlur(rng.uniform(0, 255, (260, 400)).astype(np.float32), (0, 0), 2) * 4 - 380
        move = np.array([[1, 0, -1.5 * index - 20], [0, 1, 0]], np.float32)
        moved = cv2.warpAffine(texture, move, (320, 240), flags=cv2.INTER_CUBIC)
        noisy = moved + np.random.default_rng(index + 10).normal(0, 1, moved.shape)
        grey = np.clip(noisy, 20, 230).astype(np.uint8)
        native = av.VideoFrame.from_ndarray(np.repeat(grey[..., None], 3, 2), format="rgb24").reformat(
            format=pixel_format
        )
        native.time_base = BASE
        return Frame(stamp(index), native, Colour(matrix=1))

    return make


@pytest.fixture
def edited() -> Callable[..., tuple[Frame, Edits]]:
    """edited(frame, shift): the frame with its middle `shift` brighter (1 = white), and the edit that did it."""

    def make(frame: Frame, shift: float | Floats) -> tuple[Frame, Edits]:
        x0, y0, x1, y1 = BOX
        before = planes.crop(frame, BOX)
        mask = np.zeros((y1 - y0, x1 - x0), np.float32)
        mask[10:-10, 10:-10] = 1
        edit = Edit(0, BOX, before, (before + np.float32(shift)).astype(np.float32), mask)
        return planes.paste(frame, (edit,)), Edits(frame.at, (edit,))

    return make


@pytest.fixture
def around() -> Callable[[int], Faces]:
    """around(index): a face of 60 pixels between the eyes in the middle of `scene`."""

    def make(index: int) -> Faces:
        head = pose.Pose(60.0, pose.rotation(0, 0, 0), np.array([160.0, 130.0, 0.0]))
        landmarks = head.to_image(basis.load().mean)
        box = np.concatenate([landmarks[:, :2].min(0), landmarks[:, :2].max(0)]).astype(np.float32)
        return Faces(stamp(index), (Face(0, box, landmarks, 1.0),))

    return make
