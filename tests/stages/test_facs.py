from __future__ import annotations

import pytest

from stages import facs


@pytest.mark.parametrize(
    ("pose", "code", "intensity"),
    [
        ((22.5, 0, 0), 51, 2.5),
        ((-45, 0, 0), 52, 5),
        ((0, 15, 0), 53, 2.5),
        ((0, -60, 0), 54, 5),
        ((0, 0, -30), 55, 5),
        ((0, 0, 6), 56, 1),
    ],
)
def test_head_codes_follow_from_the_pose(pose: tuple[float, float, float], code: int, intensity: float):
    told = {unit.number: value for unit, value in zip(facs.HEAD, facs.head(*pose), strict=True) if value}
    assert told == {code: pytest.approx(intensity)}


def test_no_gain_acts_on_the_head():
    assert not {unit.name for unit in facs.HEAD} & set(facs.NAMES)
