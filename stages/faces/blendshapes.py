"""52 expression scores, named as in ARKit, from the landmarks.

Scores are not intensities: they are what MediaPipe's model says (Grishchenko et al., *Blendshapes GHUM*, 2023),
saturating early on some actions and blind to others. `stages.expression` turns them and the landmarks into Action
Units.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from stages.backend import Model
from stages.contract import MapStage
from stages.packets import Faces, Scores

# fmt: off
NAMES: Final = (
    "_neutral", "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight", "cheekPuff",
    "cheekSquintLeft", "cheekSquintRight", "eyeBlinkLeft", "eyeBlinkRight", "eyeLookDownLeft", "eyeLookDownRight",
    "eyeLookInLeft", "eyeLookInRight", "eyeLookOutLeft", "eyeLookOutRight", "eyeLookUpLeft", "eyeLookUpRight",
    "eyeSquintLeft", "eyeSquintRight", "eyeWideLeft", "eyeWideRight", "jawForward", "jawLeft", "jawOpen", "jawRight",
    "mouthClose", "mouthDimpleLeft", "mouthDimpleRight", "mouthFrownLeft", "mouthFrownRight", "mouthFunnel",
    "mouthLeft", "mouthLowerDownLeft", "mouthLowerDownRight", "mouthPressLeft", "mouthPressRight", "mouthPucker",
    "mouthRight", "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper", "mouthSmileLeft",
    "mouthSmileRight", "mouthStretchLeft", "mouthStretchRight", "mouthUpperUpLeft", "mouthUpperUpRight",
    "noseSneerLeft", "noseSneerRight",
)
"""What each of the 52 scores means; left and right are the performer's own."""
# fmt: on
INDEX: Final = {name: index for index, name in enumerate(NAMES)}


@dataclass(frozen=True, kw_only=True)
class Blendshapes(MapStage):
    """Scores of every face. model: landmarks [1,478,2] in pixels -> scores [1,52]."""

    model: Model

    def prepare(self) -> None:
        """Open the model."""
        self.model.open()

    def process(self, faces: Faces) -> Scores:
        """One row of scores a face, in the order of `faces`."""
        rows = [self.model.run({"landmarks": face.landmarks[None, :, :2]})[0][0] for face in faces.faces]
        values = np.stack(rows) if rows else np.zeros((0, len(NAMES)), np.float32)
        return Scores(faces.at, tuple(face.track for face in faces.faces), values)
