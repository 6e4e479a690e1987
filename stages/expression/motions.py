"""How this person moves: the displacement of each Action Unit refined from the clip itself.

The rig's smile is not everybody's. What the face model leaves of a tracked face, frame for frame, is regressed on the
measured intensities,

    seen - neutral - sum(intensity * response) = own + sum(intensity * refinement) + noise

by ridge regression toward no refinement, so that a unit that the clip hardly shows keeps the model's way. `own` takes
up what the neutral is off by. The refinement is added to the displacement by which pixels are moved.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stages import facs
from stages.contract import ClipStage, MapStage, Timeline
from stages.errors import ConfigError
from stages.expression import basis, coder, pose
from stages.expression.model import COLUMNS
from stages.packets import Faces, FaceUnits, Floats, Motion, Motions, Neutrals, Units

Doubles = NDArray[np.float64]

PLAIN: Final = (61, 62, 63, 64)
"""Gaze moves the iris, which the tracker shows well enough."""
NOISE: Final = 0.008  # interocular distances; what a coordinate deviates by beyond any expression, as `model.FLOOR`
MOST_YAW: Final = 25.0  # degrees; frames turned further are no evidence


@dataclass(frozen=True, kw_only=True)
class Plain(MapStage):
    """Everybody moves as the calibration rig does."""

    def process(self, neutrals: Neutrals) -> Motions | None:
        """Nothing is refined."""
        return None


@dataclass(frozen=True, kw_only=True)
class FitMotions(ClipStage):
    """Refine from what the clip shows.

    freedom: 0..1, how far a person's displacement may deviate from the model's, as a share of its size (standard
    deviation); 0 refines nothing. independent: frames of a clip that count as evidence, neighbours being alike.
    """

    freedom: float = 0.35
    independent: float = 80.0

    def __post_init__(self) -> None:
        if not 0 <= self.freedom <= 1:
            raise ConfigError(f"motion.freedom must be 0..1, it is {self.freedom}")
        if self.independent < 1:
            raise ConfigError(f"motion.independent must be at least 1 frame, it is {self.independent}")

    def process(
        self, faces: Timeline[Faces], units: Timeline[Units], neutrals: Timeline[Neutrals]
    ) -> Iterator[Motions | None]:
        """The same packet on every frame."""
        people = next((packet for packet in neutrals if packet is not None), None) if self.freedom else None
        sums = {track: _Sums() for track in people.tracks} if people else {}
        for seen, told in zip(faces, units, strict=True):
            if seen is None or told is None or people is None:
                continue
            measured = {face.track: face for face in told.faces}
            for face in seen.faces:
                rest = people.of(face.track)
                if face.track in measured and rest is not None and not face.bridged:
                    sums[face.track].add(face.landmarks, measured[face.track], rest.shape)
        motions = tuple(Motion(track, self._displacement(one)) for track, one in sums.items() if one.frames)
        found = Motions(people.at, motions) if people is not None and motions else None
        yield from (found for _ in range(len(faces)))

    def _displacement(self, sums: _Sums) -> Floats:
        displacement = basis.load().displacement.copy()
        refined = sums.refinement(self.freedom, self.independent)
        for (number, side), change in zip(COLUMNS, refined, strict=True):
            if number in PLAIN:
                continue
            row = facs.INDEX[f"AU{number:02d}"]
            if side == 2:
                displacement[row] += change.reshape(-1, 3) / 2
            else:
                displacement[row, side] += change.reshape(-1, 3)
        return displacement


@dataclass
class _Sums:
    """Normal equations of one person, in constant memory."""

    left: Doubles = field(default_factory=lambda: np.zeros((len(COLUMNS) + 1, len(COLUMNS) + 1)))
    right: Doubles = field(default_factory=lambda: np.zeros((len(COLUMNS) + 1, 478 * 3)))
    frames: int = 0

    def add(self, landmarks: Floats, told: FaceUnits, rest: Floats) -> None:
        """Count a frame in; one that is turned too far says nothing."""
        table = basis.load()
        head = pose.fit(landmarks, table.mean)
        if abs(head.yaw) > MOST_YAW:
            return
        values = coder.in_columns(told.values[None])[0].astype(np.float64)
        explained = values @ _response()
        shape = (head.to_face(landmarks) - table.turned(head.angles) - rest).ravel()
        row = np.append(values, 1.0)
        self.left += np.outer(row, row)
        self.right += np.outer(row, shape - explained)
        self.frames += 1

    def refinement(self, freedom: float, independent: float) -> Doubles:
        """(len(COLUMNS), 1434) what an intensity of 1 moves beyond the model."""
        share = min(1.0, independent / max(self.frames, 1))
        size = np.sqrt(np.square(_response()).mean(1)) + 1e-6
        price = np.append(np.square(NOISE / (freedom * size)), 1.0)
        found = np.linalg.solve(share * self.left + np.diag(price), share * self.right)
        return np.asarray(found[:-1], np.float64)


@cache
def _response() -> Doubles:
    """(len(COLUMNS), 1434) what the tracker shows of an intensity of 1."""
    table = basis.load().response
    rows = []
    for number, side in COLUMNS:
        both = table[facs.INDEX[f"AU{number:02d}"]]
        rows.append((both.sum(0) if side == 2 else both[side]).ravel())
    return np.array(rows, np.float64)
