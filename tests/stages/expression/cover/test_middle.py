"""The median of pictures."""

from __future__ import annotations

import numpy as np
import pytest

from stages.expression.cover.middle import median


@pytest.mark.parametrize("kind", [np.uint8, np.float32])
@pytest.mark.parametrize("count", [1, 2, 5, 7, 48])
def test_it_is_numpys(count: int, kind: type):
    pictures = np.random.default_rng(20261123).integers(0, 9, (count, 61, 47)).astype(kind)  # many are equal
    before = pictures.copy()
    middle = median(pictures)
    assert np.array_equal(middle, np.median(before, 0))
    assert np.array_equal(pictures, before)
