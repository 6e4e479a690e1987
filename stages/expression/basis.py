"""The Action Unit basis: how each unit displaces the 478 landmarks of a face.

`basis.npz` is written by `stages.expression.make_basis` from the CC0 calibration rig; nobody edits it by hand.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np

from stages import facs
from stages.faces import layouts
from stages.packets import Floats

MODES: Final = 24
UNEXPLAINED: Final = 64
PATH: Final = Path(__file__).with_name("basis.npz")


@dataclass(frozen=True)
class Basis:
    """The mean face and its displacements, in face space (see `stages.expression.pose`).

    mean: (478, 3) the average face at rest: lips closed, eyes open.
    displacement: (facs.COUNT, 2, 478, 3) by one unit of intensity, performer's left and right half; 5 is the rig's
    full weight. The halves of an unsided unit sum to the whole. A face with intensities x (facs.COUNT, 2) is
    `mean + sum(x * displacement)`. AU30's halves are jaw left and jaw right. Closing an eye is one movement under
    three names: AU43 carries it, AU45 and AU46 are zero.
    identity: (MODES, 478, 3) how neutral faces differ from the mean: principal components, each one standard deviation.
    response: (facs.COUNT, 2, 478, 3) what the landmark tracker shows of a true movement by `displacement`. It knows how
    faces move, so it shows less than the whole, and moves points that did not: who moves pixels uses `displacement`,
    who reads a tracked face uses `response`.
    unexplained: (UNEXPLAINED, 478, 3) what responses leave of tracked faces: principal components over random faces of
    the rig, each one standard deviation.
    provenance: what it was made from, as JSON.
    """

    mean: Floats
    displacement: Floats
    identity: Floats
    response: Floats
    unexplained: Floats
    provenance: str

    def __post_init__(self) -> None:
        wanted = {
            "mean": (layouts.COUNT, 3),
            "displacement": (facs.COUNT, 2, layouts.COUNT, 3),
            "identity": (MODES, layouts.COUNT, 3),
            "response": (facs.COUNT, 2, layouts.COUNT, 3),
            "unexplained": (UNEXPLAINED, layouts.COUNT, 3),
        }
        for name, shape in wanted.items():
            array = getattr(self, name)
            if array.shape != shape or array.dtype != np.float32:
                raise ValueError(f"Basis.{name} must be float32{shape}, not {array.dtype}{array.shape}")
            array.setflags(write=False)

    def deformed(self, values: Floats) -> Floats:
        """(478, 3) the mean face with these true intensities, (facs.COUNT, 2)."""
        face: Floats = self.mean + np.tensordot(values, self.displacement, 2)
        return face.astype(np.float32, copy=False)

    def save(self, path: Path) -> None:
        """Write it as a compressed npz; the same basis gives the same bytes."""
        shapes = {"mean": self.mean, "displacement": self.displacement, "identity": self.identity}
        facts = {"response": self.response, "unexplained": self.unexplained, "provenance": np.asarray(self.provenance)}
        np.savez_compressed(path, **shapes, **facts)  # type: ignore[arg-type]


@cache
def load() -> Basis:
    """The committed basis; read once a process, its arrays are read-only."""
    with np.load(PATH) as arrays:
        shapes = (arrays["mean"], arrays["displacement"], arrays["identity"], arrays["response"])
        return Basis(*shapes, arrays["unexplained"], str(arrays["provenance"]))
