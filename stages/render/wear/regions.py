"""Which part of a face is replaced, laid flat on the face chart (`stages.expression.chart`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

import cv2
import numpy as np

from stages.errors import ConfigError
from stages.expression import chart
from stages.faces import layouts
from stages.packets import Floats
from stages.render import mesh

NAMES: Final = ("brows", "eyes", "nose", "mouth", "cheeks", "jaw")

# fmt: off
_SEEDS: Final[Mapping[str, tuple[int, ...]]] = {
    "brows": (
        70, 63, 105, 66, 107, 46, 53, 52, 65, 55, 336, 296, 334, 293, 300, 285, 295, 282, 283, 276, 9, 8,
        151, 10, 108, 69, 104, 68, 71, 337, 299, 333, 298, 301, 67, 109, 103, 54, 21, 297, 338, 332, 284, 251,
    ),
    "eyes": (
        33, 133, 159, 145, 153, 158, 160, 144, 362, 263, 386, 374, 380, 385, 387, 373, 230,
        231, 229, 228, 226, 130, 450, 451, 449, 448, 446, 359, 223, 443, 224, 444, 222, 442,
    ),
    "nose": (
        6, 197, 195, 5, 4, 1, 2, 98, 327, 64, 294,
        129, 358, 168, 48, 278, 122, 351, 196, 419, 236, 456,
    ),
    "mouth": (
        61, 291, 0, 17, 37, 267, 84, 314, 13, 14, 40,
        270, 91, 321, 57, 287, 186, 410, 106, 335, 164, 18,
    ),
    "cheeks": (
        50, 280, 205, 425, 187, 411, 123, 352, 117, 346, 101, 330, 147, 376, 116,
        345, 36, 266, 137, 366, 227, 447, 34, 264, 127, 356, 93, 323, 177, 401,
    ),
    "jaw": (
        152, 148, 377, 176, 400, 149, 378, 150, 379, 136, 365, 172, 397, 199, 200, 175, 208, 428,
        211, 431, 210, 430, 169, 394, 135, 364, 138, 367, 58, 288, 215, 435, 194, 418, 32, 262,
    ),
}
# fmt: on
_SOFT: Final = 5.0  # texels: standard deviation of a border between two parts
_INSIDE: Final = (2.0, 6.0)  # texels inside the outline at which the mask begins, and over which it rises
_TOP: Final = (3.0, 10.0)  # the same at the upper forehead, where hair begins
_BROWS: Final = 13.0  # texels around brows and eyes that are painted in any case: no other brow must shine through
_BESIDE: Final = 22.0  # texels inside the outline that count as along it
_RIM: Final = {
    "eye": (0.0, 1.5),
    "mouth": (0.0, 1.8),
}  # texels around a rim: the performer's up to there, the identity's from there
_CORNER: Final = (0.5, 3.8)  # the same around a corner of the mouth
_FLAT: Final = 0.7  # how much less far it counts along the lips
_BROW_FOLLOWS: Final = 0.45
"""Share of the shift found between the picture and the performer's rest that brows and forehead follow. All of it would
take jitter out, and movement with it: who frowns all through a clip has a frowning rest. With all of it a woman's brows
on a frowning man followed AU4 with a correlation of .1 to .5; with this share of .8, at a slope of .75."""
_FINER: Final = 4  # times as fine as the chart a rim is drawn


@dataclass(frozen=True, kw_only=True)
class Parts:
    """How much of each part of a face is replaced, 0..1 (or false, true); the forehead goes with the brows, the chin
    with the jaw."""

    brows: float | bool = 1.0
    eyes: float | bool = 1.0
    nose: float | bool = 1.0
    mouth: float | bool = 1.0
    cheeks: float | bool = 1.0
    jaw: float | bool = 1.0

    def __post_init__(self) -> None:
        for name in NAMES:
            if not 0 <= float(getattr(self, name)) <= 1:
                raise ConfigError(f"parts.{name} must be 0..1, true or false, not {getattr(self, name)}")

    def mask(self) -> Floats:
        """(SIZE, SIZE) 0..1 how much of each texel is replaced."""
        shares = parts()
        chosen = np.sum([np.float32(getattr(self, name)) * shares[name] for name in NAMES], axis=0)
        return np.asarray(chosen * inside(), np.float32)


@cache
def parts() -> Mapping[str, Floats]:
    """(SIZE, SIZE) share 0..1 of every part of the face; they sum to 1 on the whole chart."""
    y, x = np.mgrid[: chart.SIZE, : chart.SIZE].astype(np.float32)
    spots = chart.places()
    far = np.stack(
        [np.min([np.hypot(x - spots[p, 0], y - spots[p, 1]) for p in _SEEDS[name]], axis=0) for name in NAMES]
    )
    nearest = far.argmin(0)
    return {name: cv2.GaussianBlur((nearest == k).astype(np.float32), (0, 0), _SOFT) for k, name in enumerate(NAMES)}


@cache
def inside() -> Floats:
    """(SIZE, SIZE) 0 on the outline and beyond, rising softly to 1 inside."""
    solid = chart.inside(layouts.OVAL).astype(np.uint8)
    far = cv2.distanceTransform(solid, cv2.DIST_L2, 5)
    height = np.arange(chart.SIZE, dtype=np.float32)[:, None]
    brow, top = (float(chart.places()[point, 1]) for point in (105, 10))
    up = np.clip((brow - height) / (brow - top), 0, 1)
    begin, width = (low + (high - low) * up for low, high in zip(_INSIDE, _TOP, strict=True))
    return _smooth((far - begin) / width)


@cache
def outer() -> Floats:
    """(SIZE, SIZE) 1 on the forehead, beside the brows' tails and along the outline, where a photo may show hair, ears
    or what is behind; softly 0 on the inner face."""
    upper = np.repeat(np.arange(chart.SIZE)[:, None] < chart.places()[33, 1], chart.SIZE, 1)
    for ring in (layouts.LEFT_BROW, layouts.RIGHT_BROW, layouts.LEFT_EYE, layouts.RIGHT_EYE):
        upper &= ~chart.inside(ring, _BROWS)
    beside = upper | ~chart.inside(layouts.OVAL, -_BESIDE)
    return np.asarray(cv2.GaussianBlur(beside.astype(np.float32), (0, 0), 2.0), np.float32)


@cache
def painted() -> Floats:
    """(SIZE, SIZE) 0 in the eyes and between the lips, which stay the performer's, softly 1 on the skin around."""
    free = np.ones((chart.SIZE, chart.SIZE), np.float32)
    rims = ((layouts.LEFT_EYE, "eye"), (layouts.RIGHT_EYE, "eye"), (layouts.LIPS_INNER, "mouth"))
    for ring, kind in rims:
        hole = np.zeros((chart.SIZE * _FINER,) * 2, np.uint8)
        spots = (chart.places()[ring] + 0.5) * _FINER - 0.5
        cv2.fillPoly(hole, [np.rint(spots).astype(np.int32)], 1)
        far = cv2.distanceTransform(1 - hole, cv2.DIST_L2, 5) / _FINER
        small = cv2.resize(far.astype(np.float32), (chart.SIZE, chart.SIZE), interpolation=cv2.INTER_AREA)
        begin, end = _RIM[kind]
        free = np.minimum(free, _smooth((small - begin) / (end - begin)))
    y, x = np.mgrid[: chart.SIZE, : chart.SIZE].astype(np.float32)
    for corner in mesh.MOUTH.corners:
        # The line that a shut mouth ends in would lie beside a wide open one.
        far = np.hypot((x - chart.places()[corner, 0]) * _FLAT, y - chart.places()[corner, 1])
        free = np.minimum(free, _smooth((far - _CORNER[0]) / (_CORNER[1] - _CORNER[0])))
    return np.asarray(free, np.float32)


@cache
def followed(side: int) -> Floats:
    """(side, side) 0..1 share of the shift found on the performer's skin that the identity's follows."""
    share = 1 - np.float32(1 - _BROW_FOLLOWS) * parts()["brows"]
    return np.asarray(cv2.resize(share, (side, side), interpolation=cv2.INTER_AREA), np.float32)


def _smooth(t: Floats) -> Floats:
    t = np.clip(t, 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)
