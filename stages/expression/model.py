"""The face model: a photograph of a face is a person's neutral shape, Action Units on it, and where the head is.

A 3D morphable model on the 478 landmarks (after Blanz & Vetter, *A morphable model for the synthesis of 3D faces*,
1999, and Vlasic et al., *Face transfer with multilinear models*, 2005), in the landmark tracker's own terms. Aligned by
`pose.fit` and freed of what the head's turn does to it, a tracked shape is

    neutral + identity + own + sum(intensity * response) + unexplained

with the tables of `basis.load()`. Identity has a Gaussian prior, `own` (what a person has beyond the components) too;
intensities are not negative, and each costs something, so that a face is not taken for an expression, nor an
expression for a face, without need. The fit is the most probable of all, by coordinate descent. What is unexplained is
marginalised: it is the metric (generalised least squares).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stages import facs
from stages.expression import basis, pose
from stages.expression.descent import descend
from stages.expression.pose import Pose
from stages.faces import layouts
from stages.packets import Floats

Doubles = NDArray[np.float64]

SIZE: Final = layouts.COUNT * 3
COLUMNS: Final[tuple[tuple[int, int], ...]] = tuple(
    (unit.number, side)
    for unit in facs.UNITS
    if unit.number not in facs.ALIASES
    for side in ((0, 1) if unit.sided else (2,))
)
"""Unit and side (0 left, 1 right, 2 both) of every intensity that is fitted."""

FLOOR: Final = 0.008  # interocular distances by which a coordinate of a real face deviates beyond the known components
OWN: Final = 0.006  # interocular distances by which a real neutral face deviates from its identity components
SPREAD: Final = 2.0  # intensities: how far units usually go
PRICE: Final = 1.0  # nats an intensity of 1 costs while the person is not known
PRICE_TOLD: Final = 0.3  # and when a prior speaks for it or against it
PRICE_KNOWN: Final = 0.1  # and once the person is known
SWEEPS: Final = 200
REFINEMENTS: Final = 2


@dataclass(frozen=True, slots=True)
class Prior:
    """What is thought of a face's intensities beforehand: mean and standard deviation, (len(COLUMNS),)."""

    mean: Doubles
    deviation: Doubles


@dataclass(frozen=True, slots=True)
class Fit:
    """A face explained.

    pose: of face space, refined over all points. neutral: (478, 3) the person's shape at rest and straight ahead, in
    face space. values: (facs.COUNT, 2) intensities, 0 and up; AU45 is AU43. face: (478, 3) neutral and units together,
    with what the head's turn adds. error: mean distance in the picture between `pose.to_image(face)` and the landmarks,
    in interocular distances.
    """

    pose: Pose
    neutral: Floats
    values: Floats
    face: Floats
    error: float


@dataclass(frozen=True, slots=True)
class Seen:
    """A tracked face prepared. head: its pose by stable points. shape: (1434,) its straightened difference from the
    mean neutral. reading: (MODES + c,) the right side of the normal equations; turned: (478, 3) what was taken away."""

    head: Pose
    shape: Doubles
    reading: Doubles
    turned: Floats


@dataclass(frozen=True)
class FaceModel:
    """identity: (MODES, 1434), response: (c, 1434) and unexplained: (u, 1434) components; variance: (1434,) of what
    remains of every coordinate."""

    identity: Doubles
    response: Doubles
    unexplained: Doubles
    variance: Doubles

    @cached_property
    def reader(self) -> Doubles:
        """(MODES + c, 1434) makes the right side of the normal equations from a shape; identity first."""
        return self.whitened(np.concatenate([self.identity, self.response]), self.variance)

    @cached_property
    def gram(self) -> Doubles:
        """(MODES + c, MODES + c) their left side, without priors."""
        left: Doubles = self.reader @ np.concatenate([self.identity, self.response]).T
        return left

    def whitened(self, rows: Doubles, variance: Doubles) -> Doubles:
        """Rows times the inverse of `diag(variance) + unexplained' unexplained` (Woodbury's identity)."""
        seen = self.unexplained / variance
        inner = np.eye(len(seen)) + seen @ self.unexplained.T
        plain = rows / variance
        whitened: Doubles = plain - (plain @ self.unexplained.T) @ np.linalg.solve(inner, seen)
        return whitened

    def see(self, landmarks: NDArray[np.floating]) -> Seen:
        """Align and straighten landmarks (478, 3) in pixels."""
        head, turned = pose.of(landmarks), pose.turned(landmarks)
        shape = (head.to_face(landmarks) - turned - basis.load().neutral).ravel().astype(np.float64)
        return Seen(head, shape, self.reader @ shape, turned)

    def fit_photo(self, landmarks: NDArray[np.floating], prior: Prior | None = None) -> Fit:
        """One photo of landmarks (478, 3) in pixels, of whom nothing is known: person and expression together."""
        seen = self.see(landmarks)
        coefficients, amounts = self.split(seen, prior)
        left = seen.shape - amounts @ self.response
        neutral = coefficients @ self.identity + self.own(left - coefficients @ self.identity, 1.0)
        return self._fitted(seen, landmarks, neutral, amounts)

    def fit(self, landmarks: NDArray[np.floating], neutral: Floats, prior: Prior | None = None) -> Fit:
        """A frame of landmarks (478, 3) in pixels, of a person whose neutral (478, 3) is known.

        Intensities are the most probable ones, so what the tracker hardly shows (AU6, AU16, AU23) is held near zero.
        """
        seen = self.see(landmarks)
        known = (neutral - basis.load().neutral).ravel().astype(np.float64)
        modes = len(self.identity)
        told = replace(Told.of(prior), price=np.full(len(COLUMNS), PRICE_KNOWN))
        target = seen.reading[modes:] - self.reader[modes:] @ known
        return self._fitted(seen, landmarks, known, told.amounts(target, self.gram[modes:, modes:]))

    def above(self, shape: Floats, neutral: Floats, prior: Prior) -> Doubles:
        """(c,) intensities that explain a straightened shape beside a neutral, both (478, 3) in face space.

        The prior says all there is to say: nothing is taken to be small or rare beyond it.
        """
        modes = len(self.identity)
        target = self.reader[modes:] @ (shape - neutral).ravel().astype(np.float64)
        told = Told(prior.mean, prior.deviation**-2.0, np.zeros(len(COLUMNS)))
        return told.amounts(target, self.gram[modes:, modes:])

    def split(self, seen: Seen, prior: Prior | None) -> tuple[Doubles, Doubles]:
        """(MODES,) identity and (c,) intensities of one face, the most probable together."""
        modes = len(self.identity)
        across = self.gram[:modes, modes:]
        person, units = seen.reading[:modes], seen.reading[modes:]
        amounts = Told.of(prior).amounts(units - self._by_person @ person, self._beside_person)
        left = self.gram[:modes, :modes] + np.eye(modes)
        return np.linalg.solve(left, person - across @ amounts).astype(np.float64), amounts

    @cached_property
    def _by_person(self) -> Doubles:
        """(c, MODES) what a person's reading is worth as a unit's."""
        modes = len(self.identity)
        solved = np.linalg.solve(self.gram[:modes, :modes] + np.eye(modes), self.gram[:modes, modes:])
        return solved.T.astype(np.float64)

    @cached_property
    def _beside_person(self) -> Doubles:
        """(c, c) left side of the units' normal equations when the person is not known: Schur's complement."""
        modes = len(self.identity)
        left: Doubles = self.gram[modes:, modes:] - self._by_person @ self.gram[:modes, modes:]
        return left

    def own(self, left: Doubles, weight: float) -> Doubles:
        """(1434,) what of a mean difference over `weight` independent frames belongs to the person."""
        spread = np.full(SIZE, weight * OWN**2)
        owned: Doubles = spread * self.whitened(left[None], self.variance + spread)[0]
        return owned

    def _fitted(self, seen: Seen, landmarks: NDArray[np.floating], neutral: Doubles, amounts: Doubles) -> Fit:
        rest = neutral.reshape(-1, 3) + basis.load().neutral
        face = rest + (amounts @ self.response).reshape(-1, 3) + seen.turned
        placed = refined(seen.head, face, landmarks)
        error = reprojection(placed, face, landmarks)
        return Fit(placed, rest.astype(np.float32), spread(amounts), face.astype(np.float32), error)


@dataclass(frozen=True, slots=True)
class Told:
    """The prior of a face's intensities: Gaussians, and what an intensity of 1 costs in nats."""

    mean: Doubles
    precision: Doubles
    price: Doubles

    @classmethod
    def of(cls, prior: Prior | None) -> Told:
        """Units are small (`SPREAD`) and few (the price); a given prior adds to that."""
        count = len(COLUMNS)
        usual = np.full(count, SPREAD**-2)
        if prior is None:
            return cls(np.zeros(count), usual, np.full(count, PRICE))
        told = prior.deviation**-2.0
        return cls(prior.mean * told / (told + usual), told + usual, np.full(count, PRICE_TOLD))

    def amounts(self, target: Doubles, gram: Doubles) -> Doubles:
        """(c,) intensities by the normal equations of what is seen."""
        left = gram + np.diag(self.precision)
        found: Doubles = descend(left, target + self.mean * self.precision, self.price, np.zeros(len(target)), SWEEPS)
        return found


@cache
def load() -> FaceModel:
    """The model on the committed tables."""
    table = basis.load()
    seen = {
        (number, side): table.response[facs.INDEX[f"AU{number:02d}"]][side if side < 2 else slice(None)]
        for number, side in COLUMNS
    }
    response = np.stack([(rows if rows.ndim == 2 else rows.sum(0)).ravel() for rows in seen.values()])
    floor = np.square(table.floor.ravel().astype(np.float64)) + FLOOR**2
    identity, unexplained = (
        rows.reshape(len(rows), -1).astype(np.float64) for rows in (table.identity, table.unexplained)
    )
    return FaceModel(identity, response.astype(np.float64), unexplained, floor)


def spread(amounts: Doubles) -> Floats:
    """(facs.COUNT, 2) from (c,); an unsided unit stands on both sides, AU45 is AU43."""
    values = np.zeros((facs.COUNT, 2), np.float32)
    for (number, side), amount in zip(COLUMNS, amounts, strict=True):
        values[facs.INDEX[f"AU{number:02d}"], slice(None) if side == 2 else side] = amount
    values[facs.INDEX["AU45"]] = values[facs.INDEX["AU43"]]
    return values


def refined(head: Pose, face: NDArray[np.floating], landmarks: NDArray[np.floating]) -> Pose:
    """The pose near `head` that carries `face` (478, 3) onto `landmarks` as the picture shows them (weak perspective).

    Gauss-Newton on position, size and rotation over all points; depth keeps the pose's.
    """
    for _ in range(REFINEMENTS):
        turned = face @ (head.scale * head.rotation.T)
        x, y, z = turned.T
        zero, one = np.zeros_like(x), np.ones_like(x)
        moves = ((one, zero), (zero, one), (zero, -z), (z, zero), (-y, x), (x, y))
        jacobian = np.stack([np.concatenate(move) for move in moves], 1)
        off = (landmarks - turned - head.translation)[:, :2].T.ravel()
        right, down, *about, growth = np.linalg.solve(jacobian.T @ jacobian, jacobian.T @ off)
        u, _, vt = np.linalg.svd(np.eye(3) + np.cross(np.eye(3), about))
        moved = head.translation + np.array([right, down, 0.0])
        head = Pose(head.scale * (1 + growth), u @ vt @ head.rotation, moved)
    return head


def reprojection(head: Pose, face: NDArray[np.floating], landmarks: NDArray[np.floating]) -> float:
    """Mean distance in the picture between a placed face and its landmarks (478, 3), in interocular distances."""
    off = np.linalg.norm((head.to_image(face) - landmarks)[:, :2], axis=1).mean()
    return float(off / np.linalg.norm(landmarks[33, :2] - landmarks[263, :2]))


def apart(first: NDArray[np.floating], second: NDArray[np.floating]) -> float:
    """How far two neutral faces (478, 3) are from each other: root mean square distance of their points as seen from
    the front, in interocular distances, laid on each other as well as rotation, position and size allow."""
    target, source = first - first.mean(0), second - second.mean(0)
    sizes = np.linalg.norm(target), np.linalg.norm(source)
    u, _, vt = np.linalg.svd(target.T @ source)
    size = np.sqrt(sizes[0] * sizes[1])
    off = size * (target / sizes[0] - source @ (u @ vt).T / sizes[1])
    return float(np.sqrt(np.square(off)[:, :2].sum(1).mean()))
