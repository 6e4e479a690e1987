"""What a person sees in the sample clips must be what is measured (docs/measurement.md lists what was seen)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from stages import facs
from stages.expression.coder import Coder
from stages.expression.neutrals import FindNeutrals
from stages.expression.units import MeasureUnits
from stages.packets import FaceUnits
from tests.stages.expression.held import Held


@pytest.fixture(scope="module")
def smile(tracked: Callable[[str], Any], coder_model: Coder) -> list[FaceUnits]:
    wires = [Held(wire) for wire in tracked("smile_onset")]
    rests = Held(list(FindNeutrals(coder=coder_model).process(*wires)))
    return [packet.faces[0] for packet in MeasureUnits(coder=coder_model).process(*wires, rests) if packet is not None]


def curve(measured: list[FaceUnits], number: int) -> np.ndarray:
    return np.array([face.values[facs.INDEX[f"AU{number:02d}"]].mean() for face in measured])


def test_the_smile_rises_from_nothing_to_strong(smile: list[FaceUnits]):
    corner = curve(smile, 12)
    assert corner[:12].max() < 0.5
    assert np.median(corner[30:60]) > 2.5


def test_the_lips_part_with_the_smile(smile: list[FaceUnits]):
    gap = curve(smile, 25)
    assert gap[:12].max() < 0.5
    assert gap[30:60].min() > 2


def test_the_blink_in_the_smile_is_the_highest_closure(smile: list[FaceUnits]):
    closure = curve(smile, 43)
    assert 24 <= int(closure.argmax()) <= 30
    assert closure.max() > 2.5 > 5 * np.median(closure)


def test_a_steady_face_reads_steady(smile: list[FaceUnits]):
    for number in (1, 2, 4, 12, 15, 25, 26, 43):
        assert np.diff(curve(smile, number)[:12]).std() < 0.25


def test_the_head_stays_frontal_and_sure(smile: list[FaceUnits]):
    assert max(abs(float(face.pose[0])) for face in smile) < 10
    assert min(float(face.confidence[facs.INDEX["AU12"]]) for face in smile) > 0.4
