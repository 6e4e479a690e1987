"""Textures from an album of painted faces: a furrow that deepens with AU4 under changing light."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from stages import facs
from stages.contract import Timeline
from stages.errors import ConfigError
from stages.expression import chart
from stages.expression.textures import regions
from stages.expression.textures.stage import POWER, FitTextures, usual
from stages.media import decode, planes
from stages.packets import FaceUnits, Page, Pages, Stamp, Texture, Units

FURROW = (9, 8)  # mesh points that the painted furrow runs between
DEPTH = 0.06  # of log luma by an intensity of 1
AU4 = facs.INDEX["AU04"]


class Line(list, Timeline):
    """A timeline in memory."""


def _at(index: int) -> Stamp:
    return Stamp("painted", index, index, Fraction(1, 25))


def _told(values: dict[str, float]) -> FaceUnits:
    table = np.zeros((facs.COUNT, 2), np.float32)
    for name, value in values.items():
        table[facs.INDEX[name]] = value
    return FaceUnits(0, table, np.ones(facs.COUNT, np.float32), np.zeros(3, np.float32))


def _page(sitter: Sitter, depth: float, seed: int) -> Page:
    """The portrait in another light each time, with a furrow of this depth in log luma."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: sitter.pixels.shape[0], : sitter.pixels.shape[1]].astype(np.float32)
    light = rng.normal(0, 0.1) + rng.normal(0, 3e-4) * (x - 200) + rng.normal(0, 3e-4) * (y - 200)
    line, share = np.zeros_like(x), sitter.pixels.shape[1] / (sitter.box[2] - sitter.box[0])
    ends = (sitter.landmarks[list(FURROW), :2] - sitter.box[:2]) * share
    cv2.line(line, *(tuple(round(float(v)) for v in end) for end in ends), 1.0, 7)  # type: ignore[call-overload]
    log = light - depth * cv2.GaussianBlur(line, (0, 0), 1.5)
    noise = rng.normal(0, 0.004, sitter.pixels.shape).astype(np.float32)
    pixels = (sitter.pixels * np.exp(log)[..., None] + noise).astype(np.float16)
    return Page(0, sitter.box, pixels, sitter.landmarks, np.zeros(52, np.float32), np.zeros(3, np.float32))


@dataclass(frozen=True)
class Sitter:
    """The public-domain portrait: box of the face, its pixels at 400 across, landmarks of the whole picture."""

    box: tuple[int, int, int, int]
    pixels: np.ndarray
    landmarks: np.ndarray


@pytest.fixture(scope="module")
def sitter(tracked: Callable[..., Any], sample: Callable[[str], Path]) -> Sitter:
    """Tracked as clips are."""
    face = tracked("portrait")[0][0].faces[0]
    frame = next(iter(decode.frames(decode.probe(sample("portrait")))))
    low, high = face.landmarks[:468, :2].min(0), face.landmarks[:468, :2].max(0)
    box = planes.align((*(low - 0.15 * (high - low)), *(high + 0.15 * (high - low))), frame)
    size = 400, round(400 * (box[3] - box[1]) / (box[2] - box[0]))
    return Sitter(box, cv2.resize(planes.crop(frame, box), size, interpolation=cv2.INTER_AREA), face.landmarks)


def _clip(intensities: Sequence[float], sitter: Sitter) -> tuple[Line, Line]:
    mouth = np.random.default_rng(5).uniform(0, 3, len(intensities))
    shown = enumerate(zip(intensities, mouth, strict=True))
    units = [Units(_at(i), (_told({"AU04": brow, "AU12": lips}),)) for i, (brow, lips) in shown]
    pages = [Pages(_at(i), (_page(sitter, DEPTH * value, 10 + i),)) for i, value in enumerate(intensities)]
    return Line(units), Line(pages)


def _row(texture: Texture, unit: int) -> np.ndarray:
    """Both sides' change together, as log luma."""
    rows = [texture.change[i].astype(np.float32) for i in np.flatnonzero(texture.units == unit)]
    return np.sum(rows, axis=0) / POWER


@pytest.fixture(scope="module")
def frown(sitter: Sitter) -> Texture:
    """Of a clip in which AU4 comes and goes."""
    found = list(FitTextures(prior=0.0).process(*_clip(np.random.default_rng(0).uniform(0, 4, 24), sitter)))
    assert all(packet is found[0] for packet in found), "not the same packet on every frame"
    return found[0].of(0)


def test_a_furrow_that_deepens_with_a_unit_is_that_units(frown: Texture):
    change = _row(frown, AU4)
    across, down = (chart.places()[list(FURROW)].mean(0)).round().astype(int)
    line = change[down - 1 : down + 2, across - 1 : across + 2].mean()
    assert -1.1 * DEPTH < line < -0.35 * DEPTH, line
    beside = change[down, [across - 12, across + 12]]
    assert np.abs(beside).max() < 0.2 * abs(line)


def test_other_units_and_other_skin_are_left_alone(frown: Texture):
    assert np.abs(_row(frown, facs.INDEX["AU12"])).max() < 0.2 * DEPTH
    assert not _row(frown, AU4)[regions.skin() == 0].any()


def test_eyes_brows_lips_and_what_lies_off_the_face_are_never_painted():
    for number in regions.PLACES:
        for ring in regions.features():
            assert not regions.support(number)[chart.inside(ring)].any()
        assert not regions.support(number)[chart.chart_map().owner < 0].any()


def test_without_an_album_the_rigs_wrinkles_stand():
    first, second = FitTextures(prior=1.0).process(Line(Units(_at(i), (_told({"AU04": 2.0}),)) for i in range(2)))
    assert first is second
    want = usual()[list(regions.PLACES).index(4)]
    assert np.allclose(_row(first.of(0), AU4), want, atol=1e-4)
    assert want.min() < -0.003


def test_a_clip_in_which_nobody_was_looked_for_has_no_textures():
    assert list(FitTextures().process(Line([None, None]))) == [None, None]


@pytest.mark.parametrize(("field", "value"), [("prior", -0.1), ("spread", 0.0), ("fewest", 1)])
def test_settings_out_of_range_are_named(field: str, value: float):
    with pytest.raises(ConfigError, match=f"^textures.{field}"):
        FitTextures(**{field: value})
