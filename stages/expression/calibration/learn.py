"""Teach the coder: `python -m stages.expression.calibration.learn --data DIR`. Writes `coder.onnx` and `coder.npz`.

DIR is what `photograph` wrote. Every picture is shown beside neutrals drawn from the person's resting pictures, and
beside the average neutral; a mirror doubles the people. The last people of the folder are held out and told about. The
same folder and seed give the same model on one machine.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from stages import facs
from stages.expression import basis
from stages.expression.calibration import rests, strangers
from stages.expression.calibration.network import Lesson, Projections, Round, Taught, export, teach, told
from stages.expression.calibration.sights import Gallery, gallery
from stages.expression.calibration.strangers import Strangers
from stages.expression.coder import TABLES
from stages.expression.model import COLUMNS
from stages.expression.relief import SIDE
from stages.models import registry
from stages.packets import Floats

HELD: Final = 0.12
"""Share of the people that are held out."""
DRAWS: Final = 3  # of neutrals for every picture
SHAPES, PERSONS = 110, 16
FLOOR: Final = 0.02
"""Least spread of a component, as a share of the widest."""
STRANGE: Final = 0.7
"""Intensities by which real people at rest, whom no rig shows, read off beside the average neutral: by eye, on resting
frames of the sample clips."""
DEPTH: Final = 0.5
"""What a deviation of the tracker's depth counts beside one in the picture."""
MODEL: Final = TABLES.with_suffix(".onnx")


def main(argv: Sequence[str] | None = None) -> None:
    """Command line: where the pictures are, how long to teach."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--pupils", type=int, default=3)
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--out", type=Path, default=MODEL)
    given = parser.parse_args(argv)
    pictures = gallery(given.data)
    held = pictures.person >= (1 - HELD) * (pictures.person.max() + 1)
    seen, unseen = pictures.where(~held).and_mirrored(), pictures.where(held)
    facts = _provenance(given, pictures, int(held.sum()))
    school = School(seen)
    taught = [school.teach(seed, given.steps) for seed in range(given.pupils)]
    print(school.report(unseen, taught))
    export(given.out, school.parts, taught, school.scale, facts)
    school.save(given.out.with_suffix(".npz"), facts)
    digest = hashlib.sha256(given.out.read_bytes()).hexdigest()
    print(f"{given.out}; unit_coder of conf/assets/embedded.yaml gets sha256: {digest}")


class School:
    """The pictures as lessons."""

    def __init__(self, pictures: Gallery) -> None:
        self.shape, self.relief = pictures.shape.reshape(len(pictures.rest), -1), rests.relief_of(pictures)
        self.rest_shape = basis.load().neutral.ravel()
        self.rest_relief = rests.average(self.relief, pictures.rest)
        self.rest_scores = pictures.scores[pictures.rest].mean(0)
        self.scale = np.maximum(pictures.values.std(0), 0.2).astype(np.float32)
        self.truth, rng = pictures.values, np.random.default_rng(5)
        draws = [rests.drawn(pictures, self.relief, self.rest_relief, rng) for _ in range(DRAWS)]
        self.parts = self._components(draws[0], rng)
        self.rounds = [self._round(pictures, drawn) for drawn in draws]
        self.rounds.append(self._round(pictures, self._unknown(len(self.shape))))
        self.relief_by = self._response(draws[0])
        self.bias, self.skill = (np.zeros(len(COLUMNS), np.float32) for _ in range(2))
        self.honest = 1.0

    def teach(self, seed: int, steps: int) -> Taught:
        """One pupil."""
        floor = np.full(self.rounds[0].features.shape[1], 1e-4, np.float32)
        floor[:SHAPES] = FLOOR * self.rounds[0].features[:, :SHAPES].std(0).max()
        lesson = Lesson(self.scale, steps=steps, seed=seed)
        return teach(self.rounds, self.relief.reshape(-1, SIDE, SIDE), self.truth, lesson, floor)

    def report(self, pictures: Gallery, taught: Sequence[Taught]) -> str:
        """How well held-out people are read, with and without their neutral; and sets the bias of the latter."""
        relief = rests.relief_of(pictures)
        drawn = rests.drawn(pictures, relief, self.rest_relief, np.random.default_rng(6))
        lines = []
        for name, neutral in (("own neutral", drawn), ("average neutral", self._unknown(len(relief)))):
            given = self._round(pictures, neutral)
            answers = [told(pupil, relief.reshape(-1, SIDE, SIDE), given, self.scale) for pupil in taught]
            values, doubt = (np.mean([answer[part] for answer in answers], 0) for part in (0, 1))
            lines.append(f"{name}: {_figures(values[drawn.ok], pictures.values[drawn.ok], doubt[drawn.ok])}")
            if neutral is drawn:
                self.skill = skill(values[drawn.ok], pictures.values[drawn.ok])
                off = np.abs(values - pictures.values)[drawn.ok] / doubt[drawn.ok]
                self.honest = float(off.mean() / np.sqrt(2 / np.pi))  # 1 if errors are normal and doubt is right
            resting = [values[(pictures.person == who) & pictures.rest].mean(0) for who in np.unique(pictures.person)]
            self.bias = np.hypot(np.std(np.stack(resting), 0), STRANGE).astype(np.float32)
        return "\n".join(lines)

    def save(self, path: Path, provenance: str) -> None:
        """The tables beside the network."""
        tables = {
            "rest_relief": self.rest_relief.reshape(SIDE, SIDE),
            "rest_scores": self.rest_scores,
            "relief": self.relief_by.reshape(-1, SIDE, SIDE),
            "bias": self.bias,
            "skill": self.skill,
            "honest": np.array(self.honest),
        }
        halves = {name: table.astype(np.float16 if name == "relief" else np.float32) for name, table in tables.items()}
        np.savez_compressed(path, **halves, provenance=np.asarray(provenance))

    def _components(self, drawn: rests.Rests, rng: np.random.Generator) -> Projections:
        some = rng.permutation(np.flatnonzero(drawn.ok))[:6000]
        weight = np.tile([1, 1, DEPTH], 478).astype(np.float32)
        moved = (self.shape[some] - drawn.shape[some]) * weight
        person = drawn.shape[some[:3000]] - self.rest_shape
        return Projections(weight[:, None] * _axes(moved, SHAPES), _axes(person, PERSONS), self.rest_shape)

    def _unknown(self, count: int) -> rests.Rests:
        rows = [
            np.broadcast_to(row, (count, len(row))) for row in (self.rest_shape, self.rest_relief, self.rest_scores)
        ]
        return rests.Rests(rows[0], rows[1], rows[2], np.zeros(count, bool))

    def _round(self, pictures: Gallery, drawn: rests.Rests) -> Round:
        shape = pictures.shape.reshape(len(pictures.rest), -1)
        whole = _completed(drawn, self._unknown(len(shape)))
        feeds = {
            "shape": shape, "scores": pictures.scores, "head": basis.turns(pictures.head), "rest_shape": whole.shape,
            "rest_scores": whole.scores, "known": whole.ok.astype(np.float32)[:, None],
        }  # fmt: skip
        features, known = self.parts.features(feeds), bool(whole.ok.mean() > 0.5)
        strange = np.zeros((strangers.COUNT, features.shape[1]), np.float32)
        shapes = Strangers.of(0).shapes
        if known:
            strange[:, SHAPES : SHAPES + PERSONS] = shapes @ self.parts.person
        else:
            strange[:, :SHAPES] = shapes @ self.parts.shape
        return Round(features, whole.relief.astype(np.float16).reshape(-1, SIDE, SIDE), known, strange)

    def _response(self, drawn: rests.Rests) -> Floats:
        """(columns, 4096) what an intensity of 1 adds to the relief: ridge regression."""
        x = self.truth[drawn.ok].astype(np.float64)
        shown = np.nan_to_num(self.relief[drawn.ok].astype(np.float32) - drawn.relief[drawn.ok])
        solved: Floats = np.linalg.solve(x.T @ x + 50 * np.eye(x.shape[1]), x.T @ shown).astype(np.float32)
        return solved


def _completed(drawn: rests.Rests, fallback: rests.Rests) -> rests.Rests:
    """With the fallback where nobody rested."""
    pairs = ((drawn.shape, fallback.shape), (drawn.relief, fallback.relief), (drawn.scores, fallback.scores))
    whole = [np.where(drawn.ok[:, None], mine, other) for mine, other in pairs]
    return rests.Rests(whole[0], whole[1], whole[2], drawn.ok)


def _axes(rows: Floats, count: int) -> Floats:
    """(d, count) principal axes, by the smaller side's eigenvectors."""
    covariance = rows.T.astype(np.float64) @ rows / len(rows)
    _, axes = np.linalg.eigh(covariance)
    best: Floats = axes[:, ::-1][:, :count].astype(np.float32)
    return best


def skill(values: Floats, truth: Floats) -> Floats:
    """(columns,) correlation of what is reported with the truth, 0..1."""
    shown = np.clip(values, 0, facs.MAX_INTENSITY)
    found = [np.corrcoef(shown[:, column], truth[:, column])[0, 1] for column in range(truth.shape[1])]
    skilled: Floats = np.clip(np.nan_to_num(found), 0, 1).astype(np.float32)
    return skilled


def _figures(values: Floats, truth: Floats, doubt: Floats) -> str:
    shown = np.clip(values, 0, facs.MAX_INTENSITY)
    r = skill(values, truth)
    by_unit: dict[int, list[float]] = {}
    for (number, _), value in zip(COLUMNS, r, strict=True):
        by_unit.setdefault(number, []).append(float(value))
    each = " ".join(f"{number}:{np.mean(found):.2f}" for number, found in by_unit.items())
    sure = np.abs(values - truth) / doubt
    return f"{each} mean {np.mean(r):.3f} mae {np.abs(shown - truth).mean():.3f} |error|/deviation {sure.mean():.2f}"


def _provenance(given: argparse.Namespace, pictures: Gallery, held: int) -> str:
    facts = {
        "asset_sha256": {
            name: registry.shipped()[name].sha256 for name in ("rig", "face_landmarks", "face_blendshapes")
        },
        "licence": "made from CC0-1.0 material only",
        "people": int(pictures.person.max()) + 1,
        "pictures": len(pictures.rest),
        "held_out_pictures": held,
        "pupils": given.pupils,
        "steps": given.steps,
    }
    return json.dumps(facts, sort_keys=True)


if __name__ == "__main__":
    main()
