"""The Action Unit coder: a small network that tells intensities from what is seen of a face.

It sees the face's shape, its relief (`stages.expression.relief`), the expression scores and the head pose, each beside
the person's own neutral, or beside the average neutral when the person's is not known. It was taught on people of the
CC0 rig, photographed and tracked as footage is (`stages.expression.calibration.learn`), and gives for every unit and
side an intensity and the standard deviation of its error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from stages import facs
from stages.backend import Model
from stages.expression import basis
from stages.expression.folds import FOLDS
from stages.expression.model import COLUMNS
from stages.expression.relief import NONE, STEPS, UNSEEN
from stages.faces.blendshapes import NAMES as SCORES
from stages.packets import Bytes, Floats, Neutral

TABLES: Final = Path(__file__).with_name("coder.npz")


@dataclass(frozen=True, slots=True)
class Sight:
    """What is seen of faces, n of them. shape: (n, 478, 3) face space, without what the head's turn does to it
    (`Basis.turned`); relief: (n, SIDE, SIDE) bytes; scores: (n, 52); head: (n, 3) yaw, pitch, roll in degrees."""

    shape: Floats
    relief: Bytes
    scores: Floats
    head: Floats

    def __len__(self) -> int:
        return len(self.shape)


@dataclass(frozen=True, slots=True)
class Reading:
    """Intensities and the standard deviations of their errors, both (n, len(COLUMNS)); intensities may be below 0."""

    values: Floats
    deviation: Floats


@dataclass(frozen=True, slots=True)
class Tables:
    """What the coder's calibration left beside the network.

    rest: the average neutral. relief: (len(COLUMNS), SIDE, SIDE) contrast that an intensity of 1 adds. bias:
    (len(COLUMNS),) standard deviation over people of what a resting face reads against the average neutral. skill:
    (len(COLUMNS),) correlation with the truth on held-out people, 0..1. honest: by what the network's standard
    deviations, learned under disguise, are too large there.
    """

    rest: Neutral
    relief: Floats
    bias: Floats
    skill: Floats
    honest: float
    provenance: str


@cache
def tables() -> Tables:
    """The committed tables; read once a process."""
    with np.load(TABLES) as found:
        arrays = {name: found[name].astype(np.float32) for name in found.files if name != "provenance"}
        provenance = str(found["provenance"])
    unknown = np.full(len(FOLDS), np.inf, np.float32)  # nothing is deeper than an unknown fold
    rest = Neutral(basis.load().neutral, arrays["rest_relief"], arrays["rest_scores"], unknown, False)
    return Tables(rest, arrays["relief"], arrays["bias"], arrays["skill"], float(arrays["honest"]), provenance)


@dataclass(frozen=True, kw_only=True)
class Coder:
    """The network. model: shape [n,1434], relief [n,4096], scores [n,52], head [n,TURNS], rest_* alike for the neutral,
    known [n,1] -> values, deviation [n,len(COLUMNS)]."""

    model: Model

    def prepare(self) -> None:
        """Open the model, read the tables and compile."""
        self.model.open()
        resting = tables().rest.relief[None]
        _filled(np.zeros(resting.shape, np.uint8), resting)

    def read(self, seen: Sight, rests: Sequence[Neutral] | Neutral) -> Reading:
        """Intensities of faces, each beside a neutral of its own, or all beside one."""
        each = [rests] * len(seen) if isinstance(rests, Neutral) else list(rests)
        resting = together([rest.relief for rest in each])
        feeds = {
            "shape": seen.shape.reshape(len(seen), -1),
            "relief": _filled(seen.relief, resting).reshape(len(seen), -1),
            "scores": seen.scores,
            "head": basis.turns(seen.head),
            "rest_shape": together([rest.shape for rest in each]).reshape(len(seen), -1),
            "rest_relief": resting.reshape(len(seen), -1),
            "rest_scores": together([rest.scores for rest in each]),
            "known": np.array([[rest.known] for rest in each], np.float32),
        }
        values, deviation = self.model.run({name: np.asarray(array, np.float32) for name, array in feeds.items()})
        return Reading(values, deviation * np.float32(tables().honest))


def together(rows: Sequence[Any]) -> Any:
    """Arrays alike as one, along a new first axis; of a single one, which is live pictures' case, a view."""
    return rows[0][None] if len(rows) == 1 else np.stack(rows)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _filled(coded: Bytes, resting: Floats) -> Floats:
    """The contrast of reliefs (`relief.contrast`), what is unseen as it is at rest; all (n, SIDE, SIDE)."""
    filled = np.empty(coded.shape, np.float32)
    for n in range(len(coded)):
        for i in range(coded.shape[1]):
            for j in range(coded.shape[2]):
                seen = (np.float32(coded[n, i, j]) - np.float32(NONE)) / np.float32(STEPS)
                filled[n, i, j] = resting[n, i, j] if coded[n, i, j] == UNSEEN else seen
    return filled


def spread(values: Floats) -> Floats:
    """(facs.COUNT, 2) intensities 0..5 from one row of `Reading.values`.

    An unsided unit stands on both sides. Closing both eyes is AU43 and AU45 alike (FACS tells them apart by how long it
    lasts); what one eye closes more than an open other is AU46.
    """
    table = np.append(np.clip(values, 0, facs.MAX_INTENSITY), np.float32(0))[_spread()]
    closed = table[facs.INDEX["AU43"]]
    table[facs.INDEX["AU45"]] = closed
    open_other = np.clip(1 - closed[::-1] / 2, 0, 1)
    table[facs.INDEX["AU46"]] = np.maximum(closed - closed[::-1], 0) * open_other
    return table


@cache
def _spread() -> NDArray[np.intp]:
    """(facs.COUNT, 2) the column that each side of a unit is read from; one past the last where there is none."""
    table = np.full((facs.COUNT, 2), len(COLUMNS))
    for column, (number, side) in enumerate(COLUMNS):
        table[facs.INDEX[f"AU{number:02d}"], slice(None) if side == 2 else side] = column
    return table


def in_columns(table: Floats) -> Floats:
    """(n, len(COLUMNS)) from (n, facs.COUNT, 2): the inverse of `spread`."""
    picked = [table[:, facs.INDEX[f"AU{number:02d}"], 0 if side == 2 else side] for number, side in COLUMNS]
    return np.stack(picked, 1).astype(np.float32)


def mirrored_columns() -> NDArray[np.intp]:
    """(len(COLUMNS),) the column that each becomes in a mirrored picture."""
    gaze, other = {61: 62, 62: 61}, {0: 1, 1: 0, 2: 2}
    return np.array([COLUMNS.index((gaze.get(number, number), other[side])) for number, side in COLUMNS])


def mirrored_scores() -> NDArray[np.intp]:
    """(52,) the score that each becomes in a mirrored picture."""
    swap = {"Left": "Right", "Right": "Left"}
    names = [next((n.removesuffix(a) + b for a, b in swap.items() if n.endswith(a)), n) for n in SCORES]
    return np.array([SCORES.index(name) for name in names])
