from __future__ import annotations

import numpy as np
import pytest

from runner.report.rows import blocks
from runner.report.summary import Summary, UnitSummary, leakage
from stages.packets import Units
from tests.runner.report.made import Line, line, smile, units


def summarise(block: int = 64, **tracks: Line) -> dict[str, UnitSummary]:
    summary = Summary()
    for rows in blocks(tracks, block):
        summary.add(rows)
    return {unit.name: unit for unit in summary.units()}


def test_figures_are_those_of_the_curve() -> None:
    unit = summarise(measured=line(300))["AU12"]
    curve = np.array([smile(i) for i in range(300)])
    assert unit.measured.mean == pytest.approx(curve.mean(), abs=1e-5)
    assert unit.measured.peak == pytest.approx(curve.max(), abs=1e-5)
    assert unit.measured.p95 == pytest.approx(np.percentile(curve, 95), abs=0.011)


@pytest.mark.parametrize("gain", [0.0, 0.8, 1.5])
def test_the_commanded_gain_is_read_from_the_curves(gain: float) -> None:
    units = summarise(measured=line(200), asked=line(200, gain))
    assert units["AU12"].gain == pytest.approx(gain, abs=1e-5)
    assert units["AU12"].changed
    assert not units["AU04"].changed
    assert units["AU04"].gain == pytest.approx(1)


def test_achieved_is_held_against_asked_where_it_was_read_back() -> None:
    achieved = line(200, 1.4, there=lambda i: i % 5 == 0)
    unit = summarise(measured=line(200), asked=line(200, 1.5), achieved=achieved)["AU12"]
    assert unit.achieved is not None
    assert unit.achieved.rows == 40
    assert unit.achieved.gain == pytest.approx(1.4, abs=1e-4)
    assert unit.gain_there == pytest.approx(1.5, abs=1e-4)
    assert unit.achieved.slope == pytest.approx(1.4 / 1.5, abs=1e-4)
    assert unit.achieved.r2 == pytest.approx(1, abs=1e-4)
    assert unit.achieved.mae == pytest.approx(np.mean([0.1 * smile(i) for i in range(0, 200, 5)]), abs=1e-4)


def test_what_asks_for_more_than_readings_show_does_not_count() -> None:
    units = summarise(measured=line(200), asked=line(200, 3.0), achieved=line(200, 2.5))
    there = [i for i in range(200) if 3.0 * smile(i) <= 5]
    assert units["AU12"].achieved is not None
    assert units["AU12"].achieved.rows == len(there)
    assert units["AU12"].achieved.mae == pytest.approx(np.mean([0.5 * smile(i) for i in there]), abs=1e-4)


def test_what_moves_along_is_told_as_a_share_of_what_was_asked() -> None:
    def face(index: int, smiling: float, brow: float) -> Units:
        return units(index, {"AU12": smiling, "AU04": 1 + brow})

    waves = [smile(i) for i in range(100)]
    found = summarise(
        measured=Line(face(i, x, 0) for i, x in enumerate(waves)),
        asked=Line(face(i, 1.5 * x, 0) for i, x in enumerate(waves)),
        achieved=Line(face(i, 1.4 * x, -0.1 * x) for i, x in enumerate(waves)),
    )
    assert found["AU04"].stray == pytest.approx(-0.2, abs=1e-4)
    assert found["AU12"].stray is None
    assert leakage(found.values()) == {"au.leakage": pytest.approx(0.2, abs=1e-4)}


def test_a_steady_curve_has_no_slope() -> None:
    unit = summarise(measured=line(50), asked=line(50), achieved=line(50))["AU04"]
    assert unit.achieved is not None
    assert unit.achieved.slope is None
    assert unit.achieved.r2 is None


def test_blocks_of_any_size_give_the_same_figures() -> None:
    tracks = {"measured": line(130, tracks=2), "asked": line(130, 1.2, tracks=2)}
    one, many = summarise(7, **tracks), summarise(4096, **tracks)
    assert one["AU12"].measured.peak == many["AU12"].measured.peak
    assert one["AU12"].gain == pytest.approx(many["AU12"].gain)
    assert one["AU12"].measured.p95 == many["AU12"].measured.p95


def test_a_clip_without_faces_has_no_moving_unit() -> None:
    units = summarise(measured=line(20, there=lambda _: False))
    assert not any(unit.moves for unit in units.values())
