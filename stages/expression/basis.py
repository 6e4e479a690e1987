"""The face model's tables: how neutral faces differ, how each Action Unit moves them, and what a tracker makes of it.

Two files, which nobody edits by hand. `basis.npz` is how skin moves: `stages.expression.make_basis` reads it off the
CC0 calibration rig. `tracked.npz` is what the landmark tracker reports of such faces, which is not the same:
`stages.expression.calibration.shapes` learns it from photographs of hundreds of the rig's people.
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

MODES: Final = 48
UNEXPLAINED: Final = 64
TURNS: Final = 12
PATH: Final = Path(__file__).with_name("basis.npz")
TRACKED: Final = Path(__file__).with_name("tracked.npz")


@dataclass(frozen=True)
class Basis:
    """The mean face and its displacements, in face space (see `stages.expression.pose`).

    mean: (478, 3) the average face at rest, lips closed and eyes open: the face that poses are fitted with.
    displacement: (facs.COUNT, 2, 478, 3) by one unit of intensity, performer's left and right half; 5 is the rig's
    full weight times `recipes.REACH`. The halves of an unsided unit sum to the whole. A face with intensities x
    (facs.COUNT, 2) is `mean + sum(x * displacement)`. AU30's halves are jaw left and jaw right. Closing an eye is one
    movement under three names: AU43 carries it, AU45 and AU46 are zero.

    As the tracker reports it, after alignment by `pose.fit`:

    neutral: (478, 3) the mean of tracked faces at rest. identity: (MODES, 478, 3) how people at rest differ from it:
    principal components, each one standard deviation.
    response: (facs.COUNT, 2, 478, 3) what is seen of a true movement by `displacement`. The tracker knows how faces
    move, so it shows less than the whole, and moves points that did not: who moves pixels uses `displacement`, who
    reads a tracked face uses `response`.
    turning: (TURNS, 478, 3) how a face at rest seems to change as the head turns, see `turns`.
    unexplained: (UNEXPLAINED, 478, 3) what all of these leave of tracked faces: principal components, each one
    standard deviation; floor: (478, 3) the standard deviation that remains of every coordinate.
    provenance: what both files were made from, as JSON.
    """

    mean: Floats
    displacement: Floats
    neutral: Floats
    identity: Floats
    response: Floats
    turning: Floats
    unexplained: Floats
    floor: Floats
    provenance: str

    def __post_init__(self) -> None:
        face = (layouts.COUNT, 3)
        wanted = {
            "mean": face,
            "displacement": (facs.COUNT, 2, *face),
            "neutral": face,
            "identity": (MODES, *face),
            "response": (facs.COUNT, 2, *face),
            "turning": (TURNS, *face),
            "unexplained": (UNEXPLAINED, *face),
            "floor": face,
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

    def turned(self, angles: Floats) -> Floats:
        """(478, 3) what a head pose (yaw, pitch, roll in degrees) adds to a tracked face; take it away to compare."""
        seen: Floats = np.tensordot(turns(angles), self.turning, 1)
        return seen.astype(np.float32, copy=False)


def turns(angles: Floats) -> Floats:
    """(..., TURNS) the terms by which `Basis.turning` counts, of yaw, pitch and roll in degrees, (..., 3).

    The tracker's depth is a guess and lenses foreshorten, so that an aligned face changes with the pose: by products
    of angles up to the third order.
    """
    share = np.clip(np.asarray(angles) / FULL, -MOST, MOST)
    yaw, pitch, roll = share[..., 0], share[..., 1], share[..., 2]
    straight = (yaw, pitch, yaw**2, pitch**2, yaw * pitch, yaw**3, pitch**3, yaw**2 * pitch, yaw * pitch**2)
    terms = np.empty((*share.shape[:-1], TURNS), np.float32)
    for i, term in enumerate((*straight, roll, roll * yaw, roll * pitch)):
        terms[..., i] = term
    return terms


FULL: Final = np.array([30.0, 20.0, 15.0], np.float32)  # degrees of yaw, pitch and roll that count as 1
MOST: Final = 1.5  # beyond, the last value counts: nothing was learned there


def write(path: Path, provenance: str, **arrays: Floats) -> None:
    """A compressed npz; the same arrays give the same bytes."""
    np.savez_compressed(path, **arrays, provenance=np.asarray(provenance))  # type: ignore[arg-type]


@cache
def load_mean() -> Floats:
    """`Basis.mean` alone: all that the making of `tracked.npz` may need."""
    with np.load(PATH) as rig:
        mean: Floats = rig["mean"].astype(np.float32)
    mean.setflags(write=False)
    return mean


@cache
def load() -> Basis:
    """The committed tables; read once a process, the arrays are read-only."""
    with np.load(PATH) as rig, np.load(TRACKED) as tracked:
        shapes = {name: rig[name].astype(np.float32) for name in ("mean", "displacement")}
        shapes |= {name: tracked[name].astype(np.float32) for name in tracked.files if name != "provenance"}
        facts = f'{{"basis": {rig["provenance"]}, "tracked": {tracked["provenance"]}}}'
    return Basis(**shapes, provenance=facts)
