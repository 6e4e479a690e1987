"""Reading the tracker's landmarks off photographs of the rig."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final

import av
import numpy as np
from numpy.typing import NDArray

from stages.backend import Cpu, Model
from stages.expression import pose
from stages.expression.rig import Rig
from stages.expression.studio.people import Person, Shot
from stages.expression.studio.scene import Photo, Studio
from stages.faces.landmarks import Mesh, Mesh478
from stages.models import registry
from stages.packets import Colour, Frame, Stamp

Doubles = NDArray[np.float64]

PRESENT: Final = 0.5
"""Presence below which the landmarker sees no face."""


@dataclass(frozen=True)
class Sitter:
    """A person in one shot; `number` tells people apart."""

    number: int
    person: Person
    shot: Shot


@dataclass(frozen=True)
class Reader:
    """vertex: (478,) rig vertex near every landmark, for the crop. mean: (478, 3) what all faces are aligned to."""

    studio: Studio
    landmarker: Mesh478
    vertex: NDArray[np.int32]
    mean: NDArray[np.float32]
    _rests: dict[tuple[int, Shot], Doubles | None] = field(default_factory=dict)

    @classmethod
    def of(cls, rig: Rig, vertex: NDArray[np.int32], mean: NDArray[np.float32], side: int = 320) -> Reader:
        """With the project's own landmarker on the processor; photographs of `side` x `side` pixels."""
        model = Model(asset=registry.shipped()["face_landmarks"], backend=Cpu())
        return cls(Studio(rig, side), Mesh478(model=model), vertex, mean)

    def difference(self, sitter: Sitter, weights: Mapping[str, float]) -> Doubles | None:
        """(478, 3) what rig units change in the landmarks of a shot, in face space; None where no face is seen."""
        rest, moved = self._rest(sitter), self.shape(sitter, weights)
        return None if rest is None or moved is None else moved - rest

    def shape(self, sitter: Sitter, weights: Mapping[str, float]) -> Doubles | None:
        """(478, 3) landmarks in face space; None where no face is seen."""
        mesh = self.track(self.studio.photograph(sitter.person, weights, sitter.shot))
        if mesh.presence < PRESENT:
            return None
        return pose.fit(mesh.landmarks, self.mean).to_face(mesh.landmarks).astype(np.float64)

    def track(self, photo: Photo) -> Mesh:
        """Crop where the rig's vertices are, then once around what came out, as a tracker does."""
        native = av.VideoFrame.from_ndarray(photo.picture, format="rgb24")
        frame = Frame(Stamp("studio", 0, 0, Fraction(1, 25)), native, Colour(matrix=0, full_range=True))
        first = self.landmarker.from_landmarks(frame, photo.project(self.vertex))
        return self.landmarker.from_landmarks(frame, first.landmarks)

    def _rest(self, sitter: Sitter) -> Doubles | None:
        key = (sitter.number, sitter.shot)
        if key not in self._rests:
            self._rests[key] = self.shape(sitter, {})
        return self._rests[key]
