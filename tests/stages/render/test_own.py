"""An identity's own folds: filled while the performer rests, there when the performer does what made them."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import pytest

from stages import facs
from stages.expression import basis, chart
from stages.identity.likeness import Likeness, Portrait
from stages.media.painting import unpacked
from stages.packets import Floats
from stages.render.wear.texture import Wardrobe

SKIN = (0.8, 0.6, 0.5)
CHEEK = np.rint((chart.places()[425] + chart.places()[436]) / 2).astype(int)
"""Beside the mouth, on the performer's left."""
OFF = np.array([5, 12])
MOLE = np.rint((chart.places()[205] + chart.places()[206]) / 2).astype(int)
"""On the right, where there is no fold."""


def doing(smile: float) -> Floats:
    units = np.zeros((facs.COUNT, 2), np.float32)
    units[facs.INDEX["AU12"]] = smile
    return units


@pytest.fixture(scope="module")
def wardrobe() -> Wardrobe:
    """Somebody who smiled in the photo: a fold, and a mole."""
    texture = np.full((chart.SIZE, chart.SIZE, 3), SKIN, np.float32)
    cv2.line(texture, (CHEEK - OFF).tolist(), (CHEEK + OFF).tolist(), (0.62, 0.42, 0.33), 2, cv2.LINE_AA)
    cv2.circle(texture, MOLE.tolist(), 1, (0.3, 0.2, 0.15), -1)
    whole = np.ones((chart.SIZE, chart.SIZE), np.float16)
    one = Portrait("smiles", texture.astype(np.float16), whole, np.zeros(3, np.float32), doing(3.0), {})
    return Wardrobe(Likeness("somebody", basis.load().neutral, (one,), one), 4)


def shown(wardrobe: Wardrobe, smile: float, at: np.ndarray) -> Floats:
    """(3,) what a texel shows of the skin around it, by channel; 1 is no fold."""
    worn = wardrobe.worn(np.zeros(3, np.float32), float(chart.SIZE), doing(smile))
    picture = cv2.resize(unpacked(worn.picture), worn.fill.shape[:2], interpolation=cv2.INTER_LINEAR) * worn.fill
    seen: Floats = picture[at[1], at[0]] / SKIN
    return seen


def test_a_fold_of_the_photos_smile_is_filled_on_a_face_at_rest(wardrobe: Wardrobe) -> None:
    there = shown(wardrobe, 3.0, CHEEK)
    filled = shown(wardrobe, 0.0, CHEEK)
    assert there.max() < 0.85
    assert filled.min() > 0.85
    assert np.ptp(filled) < 0.5 * np.ptp(there)  # in its own colours: no red line is left


def test_it_comes_back_with_the_performers_smile(wardrobe: Wardrobe) -> None:
    depths = [float(shown(wardrobe, smile, CHEEK).mean()) for smile in np.linspace(0, 3, 13)]
    assert all(later <= earlier + 1e-6 for earlier, later in pairwise(depths))
    assert np.abs(np.diff(depths)).max() < 0.1  # and not at once


def test_a_mole_stays(wardrobe: Wardrobe) -> None:
    np.testing.assert_allclose(shown(wardrobe, 0.0, MOLE), shown(wardrobe, 3.0, MOLE), rtol=0.05)
    assert shown(wardrobe, 0.0, MOLE).max() < 0.8
