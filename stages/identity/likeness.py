"""What a renderer knows of an identity: the face at rest, and its photos laid flat."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stages.packets.base import Floats, ShowsShapes, check


@dataclass(frozen=True, slots=True, repr=False)
class Portrait(ShowsShapes):
    """One photo laid flat on the face chart (`stages.expression.chart.places`, scaled to its side).

    texture: (side, side, 3) float16 non-linear sRGB R'G'B' 0..1, the photo's own expression and its light's strongest
    unevenness taken out as far as that goes. weight: (side, side) float16 0..1, how well the photo shows each texel:
    squarely, sharply, not covered, no hole of eye or mouth. pose: (3,) yaw, pitch, roll in degrees. units:
    (facs.COUNT, 2) what the face shows in the photo. vectors: embeddings of unit length by the embedder's name.
    """

    name: str
    texture: NDArray[np.float16]
    weight: NDArray[np.float16]
    pose: Floats
    units: Floats
    vectors: Mapping[str, Floats]

    def __post_init__(self) -> None:
        side = len(self.texture)
        check(self.texture, (side, side, 3), np.float16, "Portrait.texture")
        check(self.weight, (side, side), np.float16, "Portrait.weight")
        check(self.pose, (3,), np.float32, "Portrait.pose")


@dataclass(frozen=True, slots=True, repr=False)
class Likeness(ShowsShapes):
    """An identity, ready to be drawn.

    neutral: (478, 3) face space, the face at rest, as `stages.packets.Neutral.shape`. portraits: its photos, best
    first. merged: one portrait made of all of them, which shows every texel that any of them shows.
    """

    name: str
    neutral: Floats
    portraits: tuple[Portrait, ...]
    merged: Portrait

    def __post_init__(self) -> None:
        check(self.neutral, (478, 3), np.float32, "Likeness.neutral")
