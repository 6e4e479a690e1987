"""Proportions: the inner face changes, the outline and what a blink does stay."""

from __future__ import annotations

import numpy as np
import pytest

from stages.expression import basis
from stages.faces import layouts
from stages.packets import Role, Roles
from stages.render import mesh
from stages.render.reshape import displaced
from stages.render.warp import Warp
from tests.stages.render.conftest import AT, values


def _gap(face: np.ndarray, opening: mesh.Opening) -> float:
    return float((face[opening.lower, 1] - face[opening.upper, 1]).mean())


@pytest.fixture
def wider() -> np.ndarray:
    """(478, 3): eyes that stand half as far open again, a nose that is longer, a chin that is lower."""
    toward = np.zeros((478, 3), np.float32)
    for opening in mesh.OPENINGS[:2]:
        gap = _gap(basis.load().neutral, opening)
        toward[opening.upper, 1] -= gap / 4
        toward[opening.lower, 1] += gap / 4
    toward[4, 1] = toward[layouts.OVAL, 1] = 0.1
    return toward


def test_the_outline_stays(wider):
    moved = displaced(basis.load().neutral, wider)
    assert not moved[layouts.OVAL].any()
    assert moved[4, 1] == pytest.approx(0.1, abs=1e-3)


def test_open_eyes_take_on_the_identitys_opening_and_shut_ones_stay_shut(wider):
    opened = basis.load().neutral
    shut = (opened + np.tensordot(values({"AU43": 5.0}), basis.load().response, 2)).astype(np.float32)
    for opening in mesh.OPENINGS[:2]:
        assert _gap(opened + displaced(opened, wider), opening) == pytest.approx(1.5 * _gap(opened, opening), rel=0.1)
        assert _gap(displaced(shut, wider), opening) < 0.3 * _gap(displaced(opened, wider), opening)


def test_the_gaze_keeps_its_place_in_the_eye():
    toward = np.zeros((478, 3), np.float32)
    toward[:, 0] = 0.05
    toward[layouts.RIGHT_IRIS, 0] = -0.2  # a neutral that looks aside
    moved = displaced(basis.load().neutral, toward)
    assert moved[layouts.RIGHT_IRIS[0], 0] == pytest.approx(moved[[33, 133], 0].mean(), abs=0.02)


def test_a_role_moves_the_inner_face_by_its_weight(picture, face, measured, only):
    toward = np.zeros((478, 3), np.float32)
    toward[:, 1] = 0.1
    roles = Roles(AT, (Role(0, toward),))
    one = face(unit=150.0)
    nose = []
    for shape in (0.0, 0.5, 1.0):
        edit = Warp(shape=shape).process(picture(), only(one), measured(), measured(), roles=roles).edits[0]
        nose.append(float((edit.places - edit.sources)[4, 1]))
    assert nose == pytest.approx([0, 7.5, 15], abs=0.2)


def test_only_the_chosen_track_is_edited(picture, face, measured, only):
    roles = Roles(AT, (Role(3, np.zeros((478, 3), np.float32)),))
    assert Warp().process(picture(), only(face()), measured(), measured({"AU12": 3.0}), roles=roles) is None
