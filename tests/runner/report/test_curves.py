from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from runner.report.curves import BOTTOM, LEFT, RIGHT, TOP, Chart, charts, sheet
from runner.report.decimate import MOST_TRACKS, SLOTS, Decimator
from runner.report.draw import tick_step
from runner.report.rows import blocks
from runner.report.summary import Summary
from tests.runner.report.made import TIME_BASE, Line, line, smile, units


def drawn(**tracks: Line) -> tuple[Decimator, tuple[Chart, ...]]:
    decimator, summary = Decimator(frames=len(tracks["measured"])), Summary()
    for rows in blocks(tracks):
        decimator.add(rows)
        summary.add(rows)
    return decimator, charts(decimator, summary.units())


def points(svg: str, curve: str) -> np.ndarray:
    path = re.search(rf'data-curve="{curve}" d="([^"]*)"', svg)
    assert path, curve
    return np.array([[float(v) for v in pair] for pair in re.findall(r"([\d.]+) ([\d.]+)", path[1])])


def test_a_short_clip_is_drawn_value_by_value() -> None:
    _, panels = drawn(measured=line(100), asked=line(100, 1.5))
    got = points(panels[0].svg, "asked")
    assert panels[0].unit == "AU12"
    want = [1.5 * smile(i) for i in range(100)]
    np.testing.assert_allclose((BOTTOM - got[:, 1]) / (BOTTOM - TOP) * 3, want, atol=0.005)
    np.testing.assert_allclose(got[:, 0], LEFT + np.arange(100) / 99 * (RIGHT - LEFT), atol=0.06)


def test_only_moving_units_have_a_panel_and_only_changed_ones_show_what_was_asked() -> None:
    _, panels = drawn(measured=line(100), asked=line(100, 1.5))
    assert [panel.unit for panel in panels] == ["AU12", "AU04"]
    assert "×1.50" in panels[0].svg
    assert 'data-curve="asked"' not in panels[1].svg


def test_a_single_peak_of_a_long_clip_is_not_lost() -> None:
    frames = 20_000
    measured = Line(units(i, {"AU01": 4.0 if i == 12_345 else 0.0}) for i in range(frames))
    decimator, panels = drawn(measured=measured)
    envelope = decimator.tracks[0]
    assert envelope.high.shape[1] == SLOTS
    assert np.nanmax(envelope.high[0, :, 0]) == 4
    band = re.search(r'class="band measured" d="([^"]*)"', panels[0].svg)
    assert band
    highest = min(float(y) for _, y in re.findall(r"([\d.]+) ([\d.]+)", band[1]))
    assert highest == pytest.approx(TOP, abs=0.1)


def test_the_line_breaks_where_there_is_no_face() -> None:
    _, panels = drawn(measured=line(60, there=lambda i: not 20 <= i < 40))
    path = re.search(r'data-curve="measured" d="([^"]*)"', panels[0].svg)
    assert path
    assert path[1].count("M") == 2


def test_time_runs_by_timestamps_not_by_frame_numbers() -> None:
    last = int(10 / TIME_BASE)
    items = [units(i, {"AU12": 1.0}) for i in range(9)]
    late = units(last, {"AU12": 1.0})
    decimator = Decimator(frames=10)
    for rows in blocks({"measured": Line([*items, late])}):
        decimator.add(rows)
    seconds = decimator.tracks[0].seconds()
    assert seconds[8] == pytest.approx(8 * float(TIME_BASE))
    assert seconds[9] == pytest.approx(last * float(TIME_BASE))


def test_each_face_has_its_own_panels_up_to_a_limit() -> None:
    decimator, panels = drawn(measured=line(5, tracks=MOST_TRACKS + 3))
    assert sorted({panel.track for panel in panels}) == list(range(MOST_TRACKS))
    assert decimator.left_out == {MOST_TRACKS, MOST_TRACKS + 1, MOST_TRACKS + 2}


def test_the_sheet_is_well_formed_and_asks_for_nothing() -> None:
    _, panels = drawn(measured=line(100), asked=line(100, 1.5), achieved=line(100, 1.4, there=lambda i: i % 7 == 0))
    text = sheet(panels, 'a <clip> & "more"')
    root = ET.fromstring(text)
    assert len(root.findall(".//{*}svg")) == 2
    assert "prefers-color-scheme" in text
    assert set(re.findall(r"https?://[^\s\"']+", text)) == {"http://www.w3.org/2000/svg"}


@pytest.mark.parametrize(("end", "step"), [(0.3, 0.1), (4, 1), (48, 15), (600, 300), (7200, 1800), (40_000, 10_800)])
def test_ticks_are_few_and_round(end: float, step: float) -> None:
    assert tick_step(end) == step
