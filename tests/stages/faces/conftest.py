"""The shipped detectors and landmarker on the processor, and frames of the sample clips."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from stages.backend import Cpu, Model
from stages.faces.detect import Both, Group, Near
from stages.faces.landmarks import Mesh478
from stages.media import decode
from stages.models.registry import shipped
from stages.packets import Colour, Frame, Stamp

Frames = Callable[..., list[Frame]]


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    yield
    cv2.setNumThreads(before)


def model(name: str) -> Model:
    return Model(asset=shipped()[name], backend=Cpu())


@pytest.fixture(scope="session")
def near() -> Near:
    return Near(model=model("near_faces"))


@pytest.fixture(scope="session")
def group() -> Group:
    return Group(model=model("group_faces"))


@pytest.fixture(scope="session")
def both(near: Near, group: Group) -> Both:
    return Both(near=near, group=group)


@pytest.fixture(scope="session")
def mesh478() -> Mesh478:
    return Mesh478(model=model("face_landmarks"))


@pytest.fixture(scope="session")
def clip_frames(sample: Callable[[str], Path]) -> Frames:
    """`clip_frames("carphone", 10, 20)` -> frames 10 to 19."""
    return lambda name, start=0, stop=None: list(decode.frames(decode.probe(sample(name)), start=start, stop=stop))


@pytest.fixture(scope="session")
def rgb_frames() -> Callable[[Sequence[NDArray[np.uint8]]], list[Frame]]:
    """RGB pictures -> frames, 25 a second."""

    def build(pictures: Sequence[NDArray[np.uint8]]) -> list[Frame]:
        base = Fraction(1, 25)
        natives = (av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24") for picture in pictures)
        return [Frame(Stamp("made", i, i, base), native, Colour(full_range=True)) for i, native in enumerate(natives)]

    return build
