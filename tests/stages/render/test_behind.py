"""The colours of what lies before a face take no part in joining a face to the picture."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from stages.expression import chart
from stages.faces import layouts
from stages.packets import Clip, Colour, Cover, Covers, Edit, Edits, Face, Faces, Floats, Frame, Job
from stages.render import mesh
from stages.render.blend import Poisson
from stages.render.colour import MeanCovariance
from stages.render.multiband import Multiband
from stages.render.rim import bridged
from stages.render.uncover import Uncover, hidden
from tests.stages.render.conftest import AT

JOB = Job(Clip(Path("c"), "c", 640, 480, Fraction(1, 25), Fraction(25), 9, "rgb24", Colour(), "raw", "video"), Path())
CHIN = 152


@pytest.fixture
def painted(face: Callable[..., Face]) -> Callable[[float], tuple[Face, Edits, Covers]]:
    """painted(hand): a face in another tone than the picture, and something of that tone held before its chin."""

    def make(hand: float) -> tuple[Face, Edits, Covers]:
        one = face()
        spots, rng = one.landmarks[: layouts.MESH_COUNT, :2], np.random.default_rng(3)
        mask = np.zeros((480, 640), np.float32)
        cv2.fillPoly(mask, [np.rint(spots[layouts.OVAL]).astype(np.int32)], 1)
        blotches = cv2.resize(rng.normal(0, 0.02, (24, 32, 3)).astype(np.float32), (640, 480))
        before, after = 0.5 + blotches, 0.4 + blotches[:, ::-1]
        places = np.concatenate([spots, np.tile(spots[layouts.OVAL], (mesh.COUNT // len(layouts.OVAL), 1))])
        places = places[: mesh.COUNT].astype(np.float32)
        edit = Edit(0, (0, 0, 640, 480), before, after.astype(np.float32), mask, places, places)
        covers = Covers(AT, (Cover(0, _disc(CHIN)),))
        before[_hidden(edit, one, covers) > 0.5] = hand
        return one, Edits(AT, (edit,)), covers

    return make


def _disc(point: int, side: int = 64, radius: float = 16) -> np.ndarray:
    y, x = np.mgrid[:side, :side]
    spot = (chart.places()[point] + 0.5) * side / chart.SIZE - 0.5
    return np.where(np.hypot(x - spot[0], y - spot[1]) < radius, 255, 0).astype(np.uint8)


def _hidden(edit: Edit, face: Face, covers: Covers) -> Floats:
    found = hidden(edit, face, covers)
    assert found is not None
    return found


def _poisson(face: Face, edits: Edits, faces: Faces, covers: Covers | None) -> Edits:
    return Poisson().process({}, edits, faces, covers)


def _multiband(face: Face, edits: Edits, faces: Faces, covers: Covers | None) -> Edits:
    return Multiband().process(edits, faces, covers)


def _matched(face: Face, edits: Edits, faces: Faces, covers: Covers | None) -> Edits:
    stage: Any = MeanCovariance()
    done: Edits = stage.process(stage.begin(JOB), Frame(AT, None, Colour(transfer=1)), edits, faces, covers)
    return done


@pytest.mark.parametrize(("join", "untold"), [(_poisson, 0.02), (_multiband, 0.02), (_matched, 1e-3)])
def test_a_hand_gives_the_face_none_of_its_colour(join, untold, painted, only) -> None:
    def shown(hand: float, told: bool) -> Floats:
        face, edits, covers = painted(hand)
        faces = only(face)
        done = join(face, edits, faces, covers if told else None)
        out = Uncover().process(done, faces, covers).edits[0]
        free = _hidden(edits.edits[0], face, covers) == 0
        written = out.before + out.mask[..., None] * (out.after - out.before)
        return np.asarray(written[free])

    assert np.abs(shown(0.9, True) - shown(0.1, True)).max() < 2e-4
    assert np.abs(shown(0.9, False) - shown(0.1, False)).max() > untold, "untold, it would have"


def test_a_face_of_which_next_to_nothing_shows_keeps_the_colours_it_was_matched_to(painted, only) -> None:
    face, edits, covers = painted(0.9)
    stage, frame, faces = MeanCovariance(), Frame(AT, None, Colour(transfer=1)), only(face)
    state = stage.begin(JOB)
    known = stage.process(state, frame, edits, faces, covers).edits[0].after
    whole = Covers(AT, (Cover(0, np.full((64, 64), 255, np.uint8)),))
    assert np.array_equal(stage.process(state, frame, edits, faces, whole).edits[0].after, known)
    assert stage.process(stage.begin(JOB), frame, edits, faces, whole).edits[0] is edits.edits[0]


def test_a_hidden_stretch_of_the_rim_is_told_from_what_is_next_to_it() -> None:
    angle = np.linspace(0, 2 * np.pi, 400, endpoint=False)
    spots = 100 * np.stack([np.cos(angle), np.sin(angle)], 1)
    asked = np.repeat(np.cos(angle)[:, None], 3, 1).astype(np.float32) * np.float32(0.1)
    away = np.abs(angle - np.pi) < 0.5
    spoilt = asked.copy()
    spoilt[away] = 0.9
    told = bridged(spots, spoilt, away)
    assert np.array_equal(told[~away], asked[~away])
    assert np.abs(told - asked)[away].max() < 0.04
    assert not bridged(spots, spoilt, np.ones(400, bool)).any()
    assert bridged(spots, spoilt, np.zeros(400, bool)) is spoilt
