from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from runner.analyse.block import Block, walk
from runner.analyse.figures import FaceFigures, Figures
from runner.analyse.lanes import Traces, lanes
from runner.analyse.svg import MIDDLE, RIGHT
from stages import facs
from stages.packets import Face, Faces, FaceUnits, Stamp, Units
from tests.runner.report.made import Line

FRAMES = 60
SVG = "{http://www.w3.org/2000/svg}"


def packets(index: int) -> tuple[Units, Faces]:
    """AU12 rises on the left alone, the eyes go left, the head turns; AU04 is never sure; AU09 not measured."""
    at = Stamp("made", index, index, Fraction(1, 30))
    values, confidence = np.zeros((facs.COUNT, 2), np.float32), np.ones(facs.COUNT, np.float32)
    values[facs.INDEX["AU12"], 0] = 4 * index / (FRAMES - 1)
    values[facs.INDEX["AU61"]] = 2
    values[facs.INDEX["AU04"]] = 5
    confidence[facs.INDEX["AU04"]], confidence[facs.INDEX["AU09"]] = 0.1, 0
    units = FaceUnits(3, values, confidence, np.array([index - 30, 0, 0], np.float32))
    face = Face(3, np.zeros(4, np.float32), np.zeros((478, 3), np.float32), 1.0, bridged=index == 7)
    return Units(at, (units,)), Faces(at, (face,))


def blocks() -> Iterator[Block]:
    """No face on frames 20 to 29."""
    made = [packets(i) if not 20 <= i < 30 else (None, None) for i in range(FRAMES)]
    return walk(Line(units for units, _ in made), Line(faces for _, faces in made))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def drawn() -> tuple[FaceFigures, ET.Element]:
    figures, traces = Figures(0.2), Traces(frames=FRAMES)
    for block in blocks():
        figures.add(block)
        traces.add(block)
    (face,) = figures.faces()
    return face, ET.fromstring(lanes(face, traces.tracks[3], traces.end, 0.5).svg)


def test_figures_of_a_face_made_by_rule(drawn: tuple[FaceFigures, ET.Element]) -> None:
    face, _ = drawn
    unit = face.units["AU12"]
    assert (face.face_id, face.frames, face.bridged, unit.frames) == (3, 50, 1, 50)
    assert (unit.peak, unit.peak_frame) == (4, FRAMES - 1)
    assert unit.left is not None
    assert unit.right is not None
    assert unit.right.peak == 0
    assert unit.mean == pytest.approx(unit.left.mean / 2)
    assert face.unmeasured == ("AU04", "AU09")
    assert face.head["yaw"].low == -30
    assert face.head["yaw"].high == 29
    assert face.gaze["gaze_x"].high == pytest.approx(29 + 12, abs=1e-4)
    assert face.units["AU51"].peak == pytest.approx(5 * 29 / 45, abs=1e-5)


def test_only_present_units_and_measured_angles_have_a_lane(drawn: tuple[FaceFigures, ET.Element]) -> None:
    names = [text.text or "" for text in drawn[1].iter(f"{SVG}text") if text.get("class") == "name"]
    assert names[::2] == ["AU12", "AU61", "yaw", "pitch", "roll", "gaze x", "gaze y"]


def test_a_line_breaks_where_there_is_no_face(drawn: tuple[FaceFigures, ET.Element]) -> None:
    line = next(
        path for path in drawn[1].iter(f"{SVG}path") if path.get("class") == "line left" and len(path.get("d", "")) > 50
    )
    pieces = [re.findall(r"([\d.]+) ([\d.]+)", piece) for piece in line.get("d", "")[1:].split("M")]
    assert [len(piece) for piece in pieces] == [20, 30]
    assert float(pieces[0][0][0]) == MIDDLE
    assert float(pieces[1][-1][0]) == RIGHT
    heights = [float(y) for piece in pieces for _, y in piece]
    assert heights == sorted(heights, reverse=True)
    assert heights[0] - heights[-1] == pytest.approx(46, abs=0.1)
