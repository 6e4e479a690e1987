"""Write `tracked.npz` from photographed people: `python -m stages.expression.calibration.shapes --data DIR`.

DIR is what `stages.expression.calibration.photograph` wrote: people of the CC0 rig in two sittings each, at rest and
acting, as the project's own landmarker sees them. Every face is aligned by its stable points (`pose.fit`). Within a
sitting a face changes by what the head's pose does to it, by the Action Units shown, and by the rest: one ridge
regression over all pictures (and their mirror images) tells the first two, principal components describe the third.
What is left of the pictures at rest, averaged over a sitting, is a neutral face; how neutral faces differ, less the
noise of such an average, is identity. Deterministic: the same files give the same table.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stages import facs
from stages.expression import basis, pose
from stages.expression.basis import MODES, TRACKED, TURNS, UNEXPLAINED, turns, write
from stages.expression.make_basis import cut
from stages.faces import layouts

Doubles = NDArray[np.float64]

FLIP: Final = np.array([-1.0, 1.0, 1.0])
RIDGE: Final = 60.0  # squared intensities: what a regressor must amount to before it is believed
SIZE: Final = layouts.COUNT * 3


@dataclass(frozen=True)
class Sitting:
    """Pictures of one person in one light: aligned shapes (n, 1434), intensities (n, facs.COUNT, 2), and
    angles of the fitted pose (n, 3) in degrees; rest: (n,) the ones at rest."""

    shapes: Doubles
    values: Doubles
    angles: Doubles
    rest: NDArray[np.bool_]

    @classmethod
    def of(cls, landmarks: NDArray[np.float32], values: Doubles, rest: NDArray[np.bool_]) -> Sitting:
        """Align landmarks (n, 478, 3) in pixels."""
        mean = basis.load_mean()
        poses = [pose.fit(points, mean) for points in landmarks]
        shapes = np.stack([head.to_face(points).ravel() for head, points in zip(poses, landmarks, strict=True)])
        return cls(shapes.astype(np.float64), values, np.stack([head.angles for head in poses]), rest)

    @property
    def causes(self) -> Doubles:
        """(n, TURNS + columns) what changes the face: terms of the pose, then intensities by column."""
        return np.concatenate(
            [turns(self.angles.astype(np.float32)), self.values.reshape(len(self.values), -1) @ columns()], 1
        )

    def mirrored(self) -> Sitting:
        """The same pictures flipped."""
        flipped = mirror(self.shapes)
        values = self.values[:, PARTNER, ::-1]
        return Sitting(flipped, values, self.angles * (-1, 1, -1), self.rest)


PARTNER: Final = np.arange(facs.COUNT)
"""(facs.COUNT,) the unit that a unit is in the mirror: eyes left are eyes right."""
PARTNER[[facs.INDEX["AU61"], facs.INDEX["AU62"]]] = facs.INDEX["AU62"], facs.INDEX["AU61"]


def mirror(shapes: Doubles) -> Doubles:
    """(..., 1434) faces in the mirror."""
    flipped = shapes.reshape(*shapes.shape[:-1], layouts.COUNT, 3)[..., layouts.MIRROR, :] * FLIP
    mirrored: Doubles = flipped.reshape(shapes.shape)
    return mirrored


def columns() -> Doubles:
    """(2 * facs.COUNT, c) which values a regressor is: a side of a sided unit, or the mean of an unsided one's."""
    found: list[Doubles] = []
    for row, unit in enumerate(facs.UNITS):
        if unit.number in facs.ALIASES:
            continue
        sides = np.zeros((2, facs.COUNT, 2))
        sides[:, row] = np.eye(2) if unit.sided else 0.5
        found.extend(sides if unit.sided else sides[:1])
    return np.stack(found, -1).reshape(2 * facs.COUNT, -1)


def sittings(paths: Sequence[Path]) -> Iterator[Sitting]:
    """Every sitting of every person that has both rest and other pictures."""
    for path in paths:
        with np.load(path) as taken:
            landmarks, values, rest = taken["landmarks"], taken["values"].astype(np.float64), taken["rest"]
            for number in np.unique(taken["sitting"]):
                mine = taken["sitting"] == number
                if rest[mine].sum() >= 2 and (~rest[mine]).sum() >= 2:
                    yield Sitting.of(landmarks[mine], values[mine], rest[mine])


def learn(people: Sequence[Sitting]) -> dict[str, NDArray[np.float32]]:
    """The arrays of `tracked.npz`."""
    effects = regress(people)
    within, rests, noise = remains(people, effects)
    grand = (rests.mean(0) + mirror(rests.mean(0))) / 2
    unexplained, left = components(within, UNEXPLAINED)
    identity, _ = components(symmetric(np.cov(rests, rowvar=False)) - noise, MODES)
    response = spread(effects[TURNS:])
    faces = {
        "neutral": grand,
        "identity": identity,
        "turning": effects[:TURNS],
        "unexplained": unexplained,
        "floor": np.sqrt(np.maximum(left, 0)),
    }
    arrays = {name: table.reshape(-1, layouts.COUNT, 3).squeeze() for name, table in faces.items()}
    arrays["response"] = response
    return {name: table.astype(np.float32 if name == "neutral" else np.float16) for name, table in arrays.items()}


def regress(people: Sequence[Sitting]) -> Doubles:
    """(TURNS + c, 1434) what each cause does to a face, each sitting against its own mean."""
    count = TURNS + columns().shape[1]
    left, right = RIDGE * np.eye(count), np.zeros((count, SIZE))
    left[:TURNS, :TURNS] /= 5.0  # these are of the order of 1, not of 5
    for sitting in people:
        for one in (sitting, sitting.mirrored()):
            causes = one.causes - one.causes.mean(0)
            left += causes.T @ causes
            right += causes.T @ (one.shapes - one.shapes.mean(0))
    return np.linalg.solve(left, right).astype(np.float64)


def remains(people: Sequence[Sitting], effects: Doubles) -> tuple[Doubles, Doubles, Doubles]:
    """(1434, 1434) covariance of what the effects leave within a sitting, (s, 1434) the neutral face of every sitting,
    and (1434, 1434) the covariance of their noise."""
    within, resting = np.zeros((SIZE, SIZE)), np.zeros((SIZE, SIZE))
    rests, freedom, freedom_rest, shares = [], 0, 0, []
    for one in people:
        left = one.shapes - one.causes @ effects
        rests.append(left[one.rest].mean(0))
        off, calm = left - left.mean(0), left[one.rest] - rests[-1]
        within += off.T @ off
        resting += calm.T @ calm
        freedom += len(off) - 1
        freedom_rest += len(calm) - 1
        shares.append(1 / len(calm))
    return symmetric(within) / freedom, np.stack(rests), symmetric(resting) * np.mean(shares) / freedom_rest


def symmetric(covariance: Doubles) -> Doubles:
    """The covariance over faces and their mirror images."""
    once = mirror(covariance)
    return (covariance + mirror(once.T).T) / 2


def components(covariance: Doubles, count: int) -> tuple[Doubles, Doubles]:
    """(count, 1434) principal components, each one standard deviation, and (1434,) the variance that they leave."""
    values, vectors = np.linalg.eigh(covariance)
    scaled = (vectors[:, ::-1][:, :count] * np.sqrt(np.maximum(values[::-1][:count], 0))).T
    scaled *= np.sign(scaled.sum(1, keepdims=True))
    return scaled, np.diag(covariance) - np.square(scaled).sum(0)


def spread(effects: Doubles) -> Doubles:
    """(facs.COUNT, 2, 478, 3) from (c, 1434); an unsided unit is cut at the midline."""
    response = np.zeros((facs.COUNT, 2, layouts.COUNT, 3))
    middle = basis.load_mean().astype(np.float64)
    waiting = iter(effects.reshape(-1, layouts.COUNT, 3))
    for row, unit in enumerate(facs.UNITS):
        if unit.number not in facs.ALIASES:
            response[row] = [next(waiting), next(waiting)] if unit.sided else cut(next(waiting), middle)
    return response


def provenance(paths: Sequence[Path], people: Sequence[Sitting]) -> str:
    """Which pictures the table is made from, as JSON."""
    seeds = sorted(int(path.stem) for path in paths)
    digest = hashlib.sha256()
    for sitting in people:
        digest.update(sitting.shapes.astype(np.float32).tobytes() + sitting.values.astype(np.float32).tobytes())
    facts = {
        "licence": "made from CC0-1.0 material only",
        "method": __doc__.split("\n\n")[1].replace("\n", " "),
        "people": len(seeds),
        "pictures": sum(len(sitting.rest) for sitting in people),
        "seeds": [seeds[0], seeds[-1]],
        "sha256": digest.hexdigest(),
    }
    return json.dumps(facts, sort_keys=True)


def main(argv: Sequence[str] | None = None) -> None:
    """Command line: where the photographed people are, whom to leave out, where to write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="directory of photographed people")
    parser.add_argument("--skip", type=int, default=0, help="leave out every so many-th person, to test on")
    parser.add_argument("--out", type=Path, default=TRACKED)
    given = parser.parse_args(argv)
    paths = sorted(given.data.glob("*.npz"))
    kept = [path for path in paths if not given.skip or int(path.stem) % given.skip]
    people = list(sittings(kept))
    write(given.out, provenance(kept, people), **learn(people))
    print(f"{given.out}: {len(kept)} people")


if __name__ == "__main__":
    main()
