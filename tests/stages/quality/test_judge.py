"""Heads that are turned by a known angle, and packets that are joined."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from runner.report.quality import summarise
from stages import facs
from stages.backend import Cpu, Model
from stages.contract import Timeline
from stages.expression import basis, pose
from stages.faces.embed import Embedder
from stages.identity.chosen import Chosen
from stages.identity.enrol import Enrolled
from stages.identity.library import Library
from stages.identity.likeness import Likeness, Portrait
from stages.packets import Cover, Covers, Face, Faces, Floats, Neutral, Neutrals, Prints, Quality, Role, Roles
from stages.quality.judge import Judge
from stages.render import reshape
from tests.stages.quality.conftest import stamp


class Line(list, Timeline):  # type: ignore[misc]
    """A timeline held in memory."""


def heads(turn: tuple[float, float, float], shape: Floats | None = None, frames: int = 3) -> Line:
    """A head that wanders, turned by `turn` on top."""
    line = Line()
    for index in range(frames):
        whole = pose.rotation(4 * index, 2, 1) @ pose.rotation(*turn)
        head = pose.Pose(90.0, whole, np.array([200.0, 150.0, 0.0]))
        landmarks = head.to_image(basis.load().mean if shape is None else shape)
        line.append(Faces(stamp(index), (Face(2, np.zeros(4, np.float32), landmarks, 1.0),)))
    return line


def errors(made: list[Quality | None]) -> list[float]:
    return [one.by_track()[2]["pose.error_deg"] for one in made if one is not None]


@pytest.mark.parametrize("turn", [(0, 0, 0), (3, 0, 0), (0, -5, 0), (0, 0, 8)])
def test_the_angle_between_heads_is_told_in_degrees(turn: tuple[float, float, float]) -> None:
    made = [*Judge().process(heads((0, 0, 0)), None, heads(turn))]
    assert errors(made) == pytest.approx([sum(map(abs, turn))] * 3, abs=0.05)


def test_a_replaced_head_is_measured_by_the_bones_it_was_given() -> None:
    toward = np.zeros((478, 3), np.float32)
    toward[[8, 9, 151, 10], 2] = 0.1  # a steeper forehead
    own = Line([Neutrals(stamp(0), (2,), (_neutral(basis.load().mean),))] * 3)
    roles = Line([Roles(stamp(0), (Role(2, toward),))] * 3)
    made = basis.load().mean + np.float32(0.7) * reshape.displaced(basis.load().mean, toward)
    there = heads((0, 0, 0)), None, heads((0, 0, 0), made), own
    by_given = errors([*Judge(shape=0.7).process(*there, roles=roles)])
    by_own = errors([*Judge(shape=0.7).process(*there)])
    assert max(by_given) < 0.05
    assert min(by_own) > 0.1


def test_pictures_that_were_compared_have_a_naturalness_and_others_none() -> None:
    values = {"seam.delta_e": 2.0, "seam.delta_e.source": 2.0, "skin.delta_e": 0.0, "flicker": 1.0}
    scored = Line([Quality.of(stamp(0), {2: values}, 1.0), Quality.of(stamp(1), {2: {"jitter": 0.1}}), None])
    made = [*Judge().process(heads((0, 0, 0)), scored, None)]
    assert made[0] is not None
    assert made[1] is not None
    assert made[0].by_track()[2]["naturalness"] == 5
    assert made[0].background == 1
    assert made[1].by_track()[2].keys() == {"jitter"}
    assert math.isnan(made[1].background)
    assert made[2] is None


def test_scores_by_name_come_back_as_they_were_given() -> None:
    scores = {3: {"flicker": 1.5}, 1: {"jitter": 0.25, "naturalness": 4.0}}
    made = Quality.of(stamp(0), scores, 0.5)
    assert made.tracks == (1, 3)
    assert made.by_track() == scores


def test_a_replaced_face_is_held_against_who_it_should_be_and_who_it_was(tmp_path: Path) -> None:
    embedder = Embedder(name="own", model=Model(asset=_Asset(), backend=Cpu()), layout="dlib_150", same=0.5)
    wanted, own = np.eye(4, dtype=np.float32)[:2]
    mixed = (0.8 * wanted + 0.6 * own).astype(np.float32)
    chosen = _chosen(tmp_path, {embedder.key: wanted})
    at, there = stamp(0), heads((0, 0, 0))
    roles = Line([Roles(at, (Role(2, np.zeros((478, 3), np.float32)),))] * 3)
    prints = Line([Prints(at, (2, 5), np.stack([own, own])), None, None])
    looks = Line([Prints(at, (2, 5), np.stack([mixed, own])), None, Prints(at, (2,), wanted[None])])
    judge = Judge(identity=chosen, embedder=embedder)
    made = [*judge.process(there, prints=prints, seen_prints=looks, roles=roles)]
    assert made[0] is not None
    assert made[1] is None
    assert made[0].by_track() == {2: pytest.approx({"identity.cosine": 0.8, "identity.performer": 0.6})}
    hidden = np.zeros((8, 8), np.uint8)
    hidden[:2] = 255
    covers = Line([Covers(at, (Cover(2, hidden),)), None, None])
    bare = [*judge.process(there, prints=prints, seen_prints=looks, roles=roles, covers=covers)]
    assert bare[0] is None  # a quarter of the face is behind a hand
    assert bare[2] is not None
    figures = summarise(made, embedder.same)
    assert figures["identity.cosine"] == pytest.approx(0.9)
    assert figures["identity.performer.above"] == 0.5
    assert figures["identity.cosine.below"] == 0
    assert figures["identity.spread"] == pytest.approx(
        (figures["identity.cosine"] - figures["identity.cosine.p05"]) / 0.5
    )


@dataclass(frozen=True)
class _Asset:
    """Stands where a registry entry stands; no network is opened here."""

    name: str = "own"
    sha256: str = "0" * 64


def _chosen(folder: Path, vectors: dict[str, Floats]) -> Chosen:
    """An identity in a library of its own."""
    side, units = np.zeros((8, 8), np.float16), np.zeros((facs.COUNT, 2), np.float32)
    one = Portrait("one", np.zeros((8, 8, 3), np.float16), side, np.zeros(3, np.float32), units, vectors)
    made = Enrolled(Likeness("ada", basis.load().mean, (one,), one), ())
    consent = folder / "consent.yaml"
    consent.write_text(
        "who: Ada\ngranted_by: Ada\ngranted_on: 2020-01-01\nuntil: 2999-12-31\npurposes: [test]\n"
        "productions: [all]\npaper: none\n"
    )
    Library.at(folder / "library").add("ada", made, consent)
    return Chosen(name="ada", folder=str(folder / "library"))


def _neutral(shape: Floats) -> Neutral:
    side = np.zeros((4, 4), np.float32)
    return Neutral(shape, side, np.zeros(52, np.float32), np.zeros(3, np.float32))
