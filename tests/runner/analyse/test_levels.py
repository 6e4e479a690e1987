from __future__ import annotations

import numpy as np

from runner.analyse.levels import SCALE, codes, levels
from stages import facs


def test_levels_are_cut_where_the_letters_are() -> None:
    values = np.concatenate([np.linspace(0, 5, 501), [np.nan]])
    want = [facs.letter(value) or "absent" for value in values[:-1]]
    assert [SCALE[level] for level in levels(values)] == [*want, "absent"]


def test_codes_name_the_sides_only_where_they_differ() -> None:
    sides, head = np.zeros((4, facs.COUNT, 2), np.int8), np.zeros((4, 6), np.int8)
    sides[0, facs.INDEX["AU12"]] = 3
    sides[0, facs.INDEX["AU25"]] = 1
    sides[1, facs.INDEX["AU12"]] = 3, 0
    sides[1, facs.INDEX["AU43"]] = sides[1, facs.INDEX["AU45"]] = 5
    sides[2, facs.INDEX["AU01"]] = 2, 4
    head[2, 3] = 1
    assert codes(sides, head) == ["12C+25A", "L12C+43E", "L1B+R1D+54A", ""]
