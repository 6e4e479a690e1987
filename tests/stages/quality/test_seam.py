"""Patches of a known difference, pasted with a hard or a soft edge, with grain and without."""

from __future__ import annotations

import math

import av
import cv2
import numpy as np
import pytest

from stages.media import planes
from stages.packets import Colour, Edit, Floats, Frame
from stages.quality.ciede2000 import difference, lab
from stages.quality.seam import Mask, seam
from tests.stages.quality.conftest import BASE, BOX, stamp

SKIN = np.array([0.75, 0.55, 0.45], np.float32)
SCALE = 60.0
COLOUR = Colour(matrix=0, full_range=True)


def plain(grain: float = 0.0, seed: int = 0) -> Frame:
    """A picture of one colour, with grain of so many codes."""
    noise = np.random.default_rng(seed).normal(0, grain / 255, (240, 320, 1))
    codes = np.round(np.clip(SKIN + noise, 0, 1) * 65535).astype(np.uint16)
    native = av.VideoFrame(320, 240, "gbrp16le")
    for plane, channel in zip(native.planes, (1, 2, 0), strict=True):
        rows = np.frombuffer(memoryview(plane), np.uint16).reshape(240, -1)
        rows[:, :320] = codes[..., channel]  # type: ignore[index]
    native.time_base = BASE
    return Frame(stamp(0), native, COLOUR)


def pasted(frame: Frame, shift: Floats | float, soft: float = 0.0) -> tuple[Frame, Mask]:
    """`frame` with a disc that is `shift` brighter, its edge softened by so many pixels."""
    x0, y0, x1, y1 = BOX
    mask = np.zeros((y1 - y0, x1 - x0), np.float32)
    cv2.circle(mask, (80, 70), 50, 1.0, -1)
    mask = cv2.GaussianBlur(mask, (0, 0), soft) if soft else mask
    before = planes.crop(frame, BOX)
    edit = Edit(0, BOX, before, (before + np.float32(shift)).astype(np.float32), mask)
    return planes.paste(frame, (edit,)), (BOX, mask)


def planted(shift: Floats | float) -> float:
    """What CIEDE2000 says of the planted difference."""
    return float(difference(lab(SKIN, COLOUR), lab(SKIN + shift, COLOUR)))


@pytest.mark.parametrize("shift", [0.01, 0.03, -0.05, np.array([0.03, -0.02, 0.0])])
def test_a_planted_step_is_measured(shift: Floats | float) -> None:
    frame = plain()
    made = seam(frame, *pasted(frame, shift), SCALE)
    assert made.step == pytest.approx(planted(shift), rel=0.08)
    assert made.source == pytest.approx(0, abs=1e-3)
    assert made.skin == pytest.approx(planted(shift), rel=0.05)


def test_a_step_counts_on_skin_and_hides_beside_an_edge() -> None:
    frame = plain()
    _, (box, mask) = pasted(frame, 0.0)
    before = planes.crop(frame, box)
    edge = before.copy()
    edge[:, :80] -= np.float32(0.5) * (mask[:, :80, None] == 0)  # dark hair beside the left half of the contour
    haired = planes.paste(frame, (Edit(0, box, before, edge, np.ones_like(mask)),))
    on_skin, with_hair = (seam(one, *pasted(one, 0.05), SCALE) for one in (frame, haired))
    assert on_skin.ratio == pytest.approx(planted(0.05) + 1, rel=0.1)
    assert with_hair.ratio == pytest.approx(on_skin.ratio, rel=0.1)
    assert with_hair.step / with_hair.source < 1.3  # the means alone would hardly show it


def test_a_softer_edge_is_a_smaller_step_of_the_same_tone() -> None:
    frame = plain()
    hard, soft, softer = (seam(frame, *pasted(frame, 0.05, width), SCALE) for width in (0, 2, 6))
    assert hard.step > 1.2 * soft.step > 1.2 * 1.2 * softer.step
    assert softer.skin == pytest.approx(hard.skin, rel=0.2)


def test_grain_alone_is_no_seam() -> None:
    frame = plain(grain=4)
    after, mask = pasted(frame, 0.0)
    made = seam(frame, after, mask, SCALE)
    assert made.step == made.source > 0
    assert made.ratio == 1
    assert made.skin == pytest.approx(0, abs=1e-3)


def test_new_grain_is_no_seam_either() -> None:
    frame, other = plain(grain=4), plain(grain=4, seed=1)
    after, mask = pasted(frame, planes.crop(other, BOX) - planes.crop(frame, BOX))
    made = seam(frame, after, mask, SCALE)
    assert 0.8 < made.ratio < 1.2
    assert made.skin < 0.3


def test_a_hole_in_the_mask_has_an_edge_of_its_own() -> None:
    frame = plain()
    _, (box, mask) = pasted(frame, 0.05)
    cv2.circle(mask, (80, 70), 20, 0.0, -1)
    before = planes.crop(frame, box)
    spoilt = before.copy()
    spoilt[(mask == 0)] += np.float32(0.05)  # only what the mask leaves out, inside and outside
    spoilt[:20] = before[:20]
    after = planes.paste(frame, (Edit(0, box, before, spoilt, np.ones_like(mask)),))
    assert seam(frame, after, (box, mask), SCALE).step == pytest.approx(planted(0.05), rel=0.2)


def test_without_a_mask_there_is_nothing_to_tell() -> None:
    frame = plain()
    made = seam(frame, frame, (BOX, np.zeros((140, 160), np.float32)), SCALE)
    assert all(math.isnan(value) for value in (made.step, made.source, made.ratio, made.skin))


def test_a_mask_that_is_cut_by_the_frame_has_no_edge_there() -> None:
    frame = plain()
    box = (0, 0, 320, 240)
    before = planes.crop(frame, box)
    mask = np.ones((240, 320), np.float32)
    after = planes.paste(frame, (Edit(0, box, before, before + np.float32(0.05), mask),))
    made = seam(frame, after, (box, mask), SCALE)
    assert math.isnan(made.step)
    assert made.skin == pytest.approx(planted(0.05), rel=0.05)
