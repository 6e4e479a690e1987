"""Pasting is all or nothing."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from stages.packets import Edit, Edits, Stamp
from stages.render.paste import Paste


def test_a_pixel_is_taken_whole_or_not_at_all() -> None:
    picture = np.zeros((1, 5, 3), np.float32)
    mask = np.array([[0, 0.2, 0.5, 0.8, 1]], np.float32)
    edits = Edits(Stamp("c", 0, 0, Fraction(1, 25)), (Edit(0, (0, 0, 5, 1), picture, picture, mask),))
    assert Paste().process(edits).edits[0].mask.tolist() == [[0, 0, 1, 1, 1]]
