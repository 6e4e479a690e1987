"""Landmarkers: the 478 points of one face, from one picture.

Every frame is measured by itself: a landmarker that smooths over time wipes micro-expressions out. Smoothing is a
stage of its own, later, where it can be zero-phase.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from stages.backend import Model
from stages.errors import ConfigError
from stages.faces import layouts
from stages.faces.detect import Detection
from stages.faces.roi import Roi
from stages.faces.sampling import sample
from stages.packets import Floats, Frame

_SIZE = 256


@dataclass(frozen=True, slots=True)
class Mesh:
    """One face's points. landmarks: (478, 3) float32 luma pixels, as in `Face`; presence: 0..1."""

    landmarks: Floats
    presence: float


class Landmarker(ABC):
    """Finds the points of one face, given roughly where it is."""

    @abstractmethod
    def from_detection(self, frame: Frame, face: Detection) -> Mesh:
        """The points of a face that a detector found."""

    @abstractmethod
    def from_landmarks(self, frame: Frame, landmarks: Floats) -> Mesh:
        """The points of a face whose points in the frame before (or next to it) are known."""

    def prepare(self) -> None:  # noqa: B027 - a landmarker without a model needs nothing
        """Load the model."""


@dataclass(frozen=True, kw_only=True)
class Mesh478(Landmarker):
    """MediaPipe's attention mesh (Grishchenko et al. 2020), in single-image mode.

    model: image uint8 [1,3,256,256] RGB -> landmarks [1,478,3] pixels of the crop, presence [1]. margin: side of the
    crop over the size of the face; the model was trained at 1.5. settle: how often the crop is taken anew around the
    first result after a detection, whose box fits loosely; 0 to 3.
    """

    model: Model
    margin: float = 1.5
    settle: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.margin <= 3:
            raise ConfigError(f"landmarks.margin: must be 1 to 3, not {self.margin}")
        if not 0 <= self.settle <= 3:
            raise ConfigError(f"landmarks.settle: must be 0 to 3, not {self.settle}")

    def prepare(self) -> None:
        """Open the model, and compile what cuts its pictures out and places its points."""
        self.model.open()
        nowhere = np.zeros((layouts.COUNT, 3), np.float32)
        Roi.around_landmarks(nowhere, self.margin).to_frame(nowhere, _SIZE)
        sample(np.zeros((3, 2, 2), np.uint8), np.zeros((2, 3)), np.zeros((3, 2, 2), np.uint8))

    def from_detection(self, frame: Frame, face: Detection) -> Mesh:
        """Crop around the detector's box, then `settle` times around what came out."""
        mesh = self._inside(frame, Roi.around_box(face.box, face.right_eye, face.left_eye, self.margin))
        for _ in range(self.settle):
            mesh = self.from_landmarks(frame, mesh.landmarks)
        return mesh

    def from_landmarks(self, frame: Frame, landmarks: Floats) -> Mesh:
        """Crop around known points."""
        return self._inside(frame, Roi.around_landmarks(landmarks, self.margin))

    def _inside(self, frame: Frame, roi: Roi) -> Mesh:
        points, presence = self.model.run({"image": roi.pixels(frame, _SIZE)[None]})
        return Mesh(roi.to_frame(points[0], _SIZE), float(presence[0]))
