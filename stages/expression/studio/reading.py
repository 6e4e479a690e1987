"""Reading the tracker's landmarks off photographs of the rig."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import av
import numpy as np
from numpy.typing import NDArray

from stages.backend import Cpu, Model
from stages.expression.rig import Rig
from stages.expression.studio.scene import Photo, Studio
from stages.faces.landmarks import Mesh, Mesh478
from stages.models import registry
from stages.packets import Bytes, Colour, Frame, Stamp

PRESENT: Final = 0.5
"""Presence below which the landmarker sees no face."""


def framed(picture: Bytes) -> Frame:
    """A frame of 8-bit R'G'B' (h, w, 3)."""
    native = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
    return Frame(Stamp("studio", 0, 0, Fraction(1, 25)), native, Colour(matrix=0, full_range=True))


@dataclass(frozen=True)
class Reader:
    """vertex: (478,) rig vertex near every landmark, for the crop."""

    studio: Studio
    landmarker: Mesh478
    vertex: NDArray[np.int32]

    @classmethod
    def of(cls, rig: Rig, vertex: NDArray[np.int32], side: int = 320) -> Reader:
        """With the project's own landmarker on the processor; photographs of `side` x `side` pixels."""
        model = Model(asset=registry.shipped()["face_landmarks"], backend=Cpu())
        return cls(Studio(rig, side), Mesh478(model=model), vertex)

    def track(self, photo: Photo) -> Mesh:
        """Crop where the rig's vertices are, then once around what came out, as a tracker does."""
        frame = framed(photo.picture)
        first = self.landmarker.from_landmarks(frame, photo.project(self.vertex))
        return self.landmarker.from_landmarks(frame, first.landmarks)
