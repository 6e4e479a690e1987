"""Folds: how strongly skin is creased and shaded in named patches of the face chart.

A crease is a dark valley in log luma, so its strength is the positive part of the second derivative of
Gaussian-smoothed log luma across the line (Lindeberg, *Edge detection and ridge detection with automatic scale
selection*, 1998), as a root mean square over a patch in which Ekman, Friesen & Hager (*FACS Manual*, 2002) expect it.
Counting valleys alone keeps lashes and blinks out. Patches and the use of furrow density follow Tian, Kanade & Cohn,
*Recognizing action units for facial expression analysis*, 2001. Log luma makes exposure and gain drop out. Shades are
differences of mean log luma between two patches: the bulge of a cheek, the shadow under a brow.

Only differences between frames of one person mean something: moles, beards and age have creases of their own.
"""

# mypy: disable-error-code="untyped-decorator"
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

import cv2
import numba
import numpy as np
from numpy.typing import NDArray

from stages.expression import chart
from stages.faces import layouts
from stages.packets import Floats

Indices = NDArray[np.int32]
Doubles = NDArray[np.float64]

SCALES: Final = (1.2, 2.6)
"""Texels: standard deviations of the smoothing, for fine lines and for broad folds."""
_FLOOR: Final = 6.0  # 8-bit codes added before the logarithm, so that noise in black does not count as creases
_MARGIN: Final = 10  # texels around all patches that smoothing may reach


@dataclass(frozen=True, slots=True)
class Patch:
    """Where a crease is looked for, on the performer's left or in the middle.

    ring: mesh points around it. lines: which way its creases run: `("along", a, b)` parallel to the way from mesh point
    a to b, `("from", a)` away from a, `("around", a)` in circles about it, `("any",)` unknown. sided: whether there is
    one on the right too.
    """

    name: str
    ring: tuple[int, ...]
    lines: tuple[Literal["along", "from", "around", "any"], tuple[int, ...]]
    sided: bool = True


# fmt: off
PATCHES: Final = (
    Patch("brow_furrow", (9, 336, 285, 417, 168, 8), ("along", (9, 168))),  # AU4
    Patch("forehead", (338, 297, 332, 333, 334, 296, 336, 337), ("along", (337, 299))),  # AU2
    Patch("forehead_middle", (109, 10, 338, 337, 336, 9, 107, 108), ("along", (108, 337)), False),  # AU1
    Patch("nose_bridge", (193, 168, 417, 351, 6, 122), ("along", (122, 351)), False),  # AU9, AU4
    Patch("nose_root", (168, 413, 464, 357, 437, 399, 197), ("any", ())),  # AU9
    Patch("upper_lid", (286, 258, 257, 259, 260, 445, 444, 443, 442, 441), ("along", (362, 263))),  # AU5, AU43
    Patch("under_eye", (256, 252, 253, 254, 339, 448, 347, 348, 349, 350), ("along", (362, 263))),  # AU7
    Patch("infraorbital", (452, 451, 450, 449, 448, 347, 330, 329, 350), ("along", (362, 263))),  # AU6
    Patch("crows_feet", (353, 383, 368, 264, 345, 340, 265), ("from", (362,))),  # AU6
    Patch("nose_wing", (279, 429, 371, 266, 423, 358), ("along", (355, 358))),  # AU9, AU10
    Patch("nasolabial", (358, 266, 425, 427, 432, 436, 426, 423), ("along", (358, 432))),  # AU6, AU10, AU12
    Patch("dimple", (410, 436, 427, 434, 422, 273, 287), ("around", (308,))),  # AU12, AU14
    Patch("chin_crease", (182, 83, 18, 313, 406, 418, 421, 200, 201, 194), ("along", (182, 406)), False),  # AU17
    Patch("chin", (200, 421, 418, 262, 428, 199, 208, 32, 194, 201), ("any", ()), False),  # AU17
)


@dataclass(frozen=True, slots=True)
class Shade:
    """Mean log luma within one ring of mesh points less that within another, on the left or in the middle."""

    name: str
    ring: tuple[int, ...]
    against: tuple[int, ...]
    sided: bool = True


_CHEEK = (329, 330, 280, 425, 266, 371)
SHADES: Final = (
    Shade("cheek", _CHEEK, (256, 252, 253, 254, 339, 448, 347, 348, 349, 350)),  # AU6 lights the cheek's apple
    Shade("furrow", (9, 336, 285, 417, 168, 193, 55, 107), (108, 151, 337, 336, 9, 107), False),  # AU4
    Shade("nose", (6, 351, 412, 343, 437, 420, 456, 248, 197), _CHEEK),  # AU9
    Shade("lip_side", (423, 426, 436, 432, 410, 322, 391), _CHEEK),  # AU10, AU12
    Shade("chin", (200, 421, 418, 262, 428, 199, 208, 32, 194, 201), (182, 83, 18, 313, 406, 421, 200, 201), False),
)
# fmt: on
_SIDES: Final = ("left", "right")


def _names() -> Iterator[str]:
    for patch in PATCHES:
        for scale in ("fine", "broad"):
            for side in _SIDES if patch.sided else ("",):
                yield "_".join(filter(None, (patch.name, scale, side)))
    for shade in SHADES:
        for side in _SIDES if shade.sided else ("",):
            yield "_".join(filter(None, (shade.name, "shade", side)))


FOLDS: Final = tuple(_names())
"""What the columns of `packets.Cues.folds` are: creases `<patch>_<fine|broad>[_<side>]`, then shades
`<patch>_shade[_<side>]`; sides are the performer's own."""


def measure(face: chart.Chart) -> Floats:
    """(len(FOLDS),) strengths: creases about 0 (smooth) to .1, shades in natural logarithms of luma."""
    table = _table()
    top, bottom, left, right = table.window
    log = np.log(face.luma[top:bottom, left:right] + np.float32(_FLOOR))
    values = np.empty(len(FOLDS), np.float32)
    ends = table.creases
    for level, scale in enumerate(SCALES):
        smooth = cv2.GaussianBlur(log, (0, 0), scale, borderType=cv2.BORDER_REPLICATE)
        values[table.columns[level]] = _energies(smooth, table.texels, table.across, ends, np.float32(scale**2))
    values[table.shades] = _levels(log, table.lit, table.lit_ends)
    return values


@dataclass(frozen=True, slots=True)
class _Table:
    """Texels (flat, within `window`) and directions of all creases one after the other, `creases` where each ends."""

    window: tuple[int, int, int, int]
    texels: Indices
    across: Floats
    creases: Indices
    columns: tuple[Indices, Indices]
    lit: Indices
    lit_ends: Indices
    shades: Indices


def mirrored(ring: tuple[int, ...]) -> tuple[int, ...]:
    """The same mesh points on the other side."""
    return tuple(layouts.MIRROR[list(ring)].tolist())


def mask(ring: tuple[int, ...]) -> NDArray[np.bool_]:
    """(SIZE, SIZE) texels within a ring of mesh points, off the eyes and the mouth."""
    chosen = chart.inside(np.array(ring, np.int32))
    for rim in (layouts.LEFT_EYE, layouts.RIGHT_EYE, layouts.LIPS_OUTER):
        chosen &= ~chart.inside(rim, 1)
    return chosen & (chart.chart_map().owner >= 0)


@cache
def _table() -> _Table:
    creases = list(_creases())
    lit = [pair for shade in SHADES for pair in _pairs(shade)]
    everything = np.any([chosen for chosen, _ in creases] + [chosen for pair in lit for chosen in pair], axis=0)
    rows, columns = np.nonzero(everything)
    low, high = max(rows.min() - _MARGIN, 0), min(rows.max() + _MARGIN + 1, chart.SIZE)
    left, right = max(columns.min() - _MARGIN, 0), min(columns.max() + _MARGIN + 1, chart.SIZE)
    window = slice(low, high), slice(left, right)
    texels = [np.flatnonzero(chosen[window]) for chosen, _ in creases]
    across = [slopes[window].reshape(-1, 3)[flat] for (_, slopes), flat in zip(creases, texels, strict=True)]
    shaded = [np.flatnonzero(chosen[window]) for pair in lit for chosen in pair]
    names = [name for name in FOLDS if "_shade" not in name]
    return _Table(
        (int(low), int(high), int(left), int(right)),
        np.concatenate(texels).astype(np.int32),
        np.concatenate(across).astype(np.float32),
        np.cumsum([len(flat) for flat in texels]).astype(np.int32),
        tuple(np.flatnonzero([f"_{scale}" in name for name in FOLDS]).astype(np.int32) for scale in ("fine", "broad")),  # type: ignore[arg-type]
        np.concatenate(shaded).astype(np.int32),
        np.cumsum([len(flat) for flat in shaded]).astype(np.int32),
        np.arange(len(names), len(FOLDS), dtype=np.int32),
    )


def _creases() -> Iterator[tuple[NDArray[np.bool_], Floats]]:
    """Of each patch and side its texels and (SIZE, SIZE, 3) what xx, xy and yy derivatives count across the line."""
    for patch in PATCHES:
        kind, anchors = patch.lines
        yield mask(patch.ring), _across(kind, anchors)
        if patch.sided:
            yield mask(mirrored(patch.ring)), _across(kind, mirrored(anchors))


def _pairs(shade: Shade) -> Iterator[tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
    yield mask(shade.ring), mask(shade.against)
    if shade.sided:
        yield mask(mirrored(shade.ring)), mask(mirrored(shade.against))


def _across(kind: str, anchors: tuple[int, ...]) -> Floats:
    spots = chart.places()[list(anchors)]
    y, x = np.mgrid[: chart.SIZE, : chart.SIZE].astype(np.float32)
    if kind == "any":
        return np.zeros((chart.SIZE, chart.SIZE, 3), np.float32)
    if kind == "along":
        run = np.broadcast_to(spots[1] - spots[0], (chart.SIZE, chart.SIZE, 2))
    else:
        run = np.stack([x, y], -1) - spots[0]
    run = run / np.maximum(np.linalg.norm(run, axis=-1, keepdims=True), 1e-6)
    nx, ny = (run[..., 0], run[..., 1]) if kind == "around" else (-run[..., 1], run[..., 0])
    slopes: Floats = np.stack([nx * nx, 2 * nx * ny, ny * ny], -1).astype(np.float32)
    return slopes


@numba.njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _energies(smooth: Floats, texels: Indices, across: Floats, ends: Indices, unit: np.float32) -> Floats:
    """Root mean square depth of each patch's valleys, across its lines."""
    width = smooth.shape[1]
    flat = smooth.ravel()
    out = np.empty(len(ends), np.float32)
    start = 0
    for patch in range(len(ends)):
        total = np.float32(0)
        for t in range(start, ends[patch]):
            at = texels[t]
            twice = 2 * flat[at]
            xx, yy = flat[at - 1] + flat[at + 1] - twice, flat[at - width] + flat[at + width] - twice
            corners = flat[at + width + 1] - flat[at + width - 1] - flat[at - width + 1] + flat[at - width - 1]
            xy = np.float32(0.25) * corners
            if across[t, 0] + across[t, 2] > 0:
                depth = across[t, 0] * xx + across[t, 1] * xy + across[t, 2] * yy
            else:  # the steepest direction's: the greater eigenvalue
                half = np.float32(0.5) * (xx - yy)
                depth = np.float32(0.5) * (xx + yy) + np.sqrt(half * half + xy * xy)
            total += max(depth, np.float32(0)) ** 2
        out[patch] = unit * np.sqrt(total / (ends[patch] - start))
        start = ends[patch]
    return out


@numba.njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _levels(log: Floats, texels: Indices, ends: Indices) -> Floats:
    """Mean of each first ring less that of the second."""
    flat = log.ravel()
    means = np.empty(len(ends), np.float32)
    start = 0
    for ring in range(len(ends)):
        total = np.float32(0)
        for t in range(start, ends[ring]):
            total += flat[texels[t]]
        means[ring] = total / (ends[ring] - start)
        start = ends[ring]
    return means[0::2] - means[1::2]
