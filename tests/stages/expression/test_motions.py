"""A person's own way of moving, found in a real clip."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from stages import facs
from stages.errors import ConfigError
from stages.expression import basis, pose
from stages.expression.coder import Coder
from stages.expression.motions import FitMotions
from stages.expression.neutrals import FindNeutrals
from stages.expression.units import MeasureUnits
from stages.packets import Faces, Motions, Neutrals, Units
from tests.stages.expression.held import Held

Measured = tuple[list[Faces], list[Units], list[Neutrals]]


@pytest.fixture(scope="module")
def smile(tracked: Callable[[str], Any], coder_model: Coder) -> Measured:
    wires = [Held(wire) for wire in tracked("smile_onset")]
    rests = list(FindNeutrals(coder=coder_model).process(*wires))
    units = list(MeasureUnits(coder=coder_model).process(*wires, Held(rests)))
    return wires[0].items, units, rests


def fitted(measured: Measured, frames: range, **settings: float) -> list[Motions | None]:
    return list(FitMotions(**settings).process(*(Held([wire[i] for i in frames]) for wire in measured)))


def unexplained(measured: Measured, frames: range, displacement: np.ndarray) -> float:
    """What is left of the tracked movement, standard deviation over frames."""
    faces, units, rests = measured
    change, table = displacement - basis.load().displacement, basis.load()
    left = []
    for i in frames:
        face, told = faces[i].faces[0], units[i].faces[0]
        head = pose.fit(face.landmarks, table.mean)
        shape = head.to_face(face.landmarks) - table.turned(head.angles) - rests[0].faces[0].shape
        left.append(shape - np.tensordot(told.values, table.response + change, 2))
    return float(np.array(left).std(0).mean())


def test_frames_that_were_not_fitted_are_explained_better(smile: Measured):
    fit, held = (range(first, len(smile[0]), 2) for first in (0, 1))
    packet = fitted(smile, fit)[0]
    assert packet is not None
    own = packet.motions[0].displacement
    assert unexplained(smile, held, own) < 0.9 * unexplained(smile, held, basis.load().displacement)


def test_one_packet_holds_for_the_clip(smile: Measured):
    packets = fitted(smile, range(20))
    assert all(packet is packets[0] for packet in packets)


def test_gaze_and_what_the_clip_does_not_show_stay_the_models(smile: Measured):
    packet = fitted(smile, range(20))[0]
    assert packet is not None
    own, model = packet.motions[0].displacement, basis.load().displacement
    for name in ("AU61", "AU64"):
        np.testing.assert_array_equal(own[facs.INDEX[name]], model[facs.INDEX[name]])
    size = np.linalg.norm(model[facs.INDEX["AU28"]])
    assert np.linalg.norm(own[facs.INDEX["AU28"]] - model[facs.INDEX["AU28"]]) < 0.05 * size


def test_without_freedom_nobody_has_a_way_of_their_own(smile: Measured):
    assert fitted(smile, range(20), freedom=0.0) == [None] * 20


def test_no_face_no_motion():
    assert list(FitMotions().process(Held([None]), Held([None]), Held([None]))) == [None]


@pytest.mark.parametrize(("setting", "value"), [("freedom", 1.5), ("independent", 0.0)])
def test_settings_out_of_range_are_refused(setting: str, value: float):
    with pytest.raises(ConfigError, match=setting):
        FitMotions(**{setting: value})
