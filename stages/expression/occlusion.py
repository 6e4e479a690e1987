"""Whether something lies over a face, region by region, from one picture.

A landmarker draws a mouth under the hand that covers it, so its own confidence says nothing. Here the face chart is cut
into cells; each is compared with the face's own skin in brightness, colour and fine structure, and a small network that
has seen rig people behind shapes of all colours, theirs included (`stages.expression.make_occlusion`), says which
regions show something else than a face. It knows no history: a clip can compare a face with its own median instead.
"""

# mypy: disable-error-code="untyped-decorator"
from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import numba
import numpy as np
from numpy.typing import NDArray

from stages.expression import chart
from stages.faces import layouts
from stages.packets import Floats

Indices = NDArray[np.int32]
Mask = NDArray[np.bool_]

_MIDLINE = (18, 313, 406, 418, 431, 395, 369, 396, 175)
_HALVES: Final = {
    "nose": (8, 417, 465, 437, 420, 429, 358, 327, 326, 2),
    "mouth": (164, 393, 391, 322, 410, 287, 273, 335, 406, 313, 18),
    "chin": _MIDLINE,
}
_RINGS: Final = {
    "forehead": (103, 67, 109, 10, 338, 297, 332, 334, 296, 336, 9, 107, 66, 105),
    "eye_left": (285, 336, 296, 334, 293, 300, 353, 265, 448, 449, 450, 451, 452, 465, 417),
    "cheek_left": (349, 348, 347, 346, 345, 352, 376, 411, 427, 426, 423, 371, 329),
}
REGIONS: Final = ("forehead", "eye_left", "eye_right", "nose", "cheek_left", "cheek_right", "mouth", "chin")
"""What the columns of `packets.Cues.covered` are; an eye has its brow with it, sides are the performer's own."""
MIRRORED: Final = (0, 2, 1, 3, 5, 4, 6, 7)
"""Each region's place on the other side."""

CELL: Final = 12
"""Texels of the chart a side of a cell."""
GRID: Final = chart.SIZE // CELL
FEATURES: Final = 5
"""Of a cell: log luma, log R/G, log B/G, and logarithms of its slope across and down; all less the face's own median,
and colours over how colourful that is: grey things are then as far from pale skin as from ruddy skin."""
TABLE: Final = Path(__file__).with_name("occlusion.npz")
_FLOOR = np.float32(10)  # 8-bit codes added before logarithms: colours of near-black are noise
_LEVEL = np.float32(0.004)  # slope of a flat cell, as a share of its luma
_PALE = np.float32(0.08)  # log ratio of colours below which a face counts as grey
_FACING = 0.35  # share of its own area below which a cell is turned away and says nothing


@dataclass(frozen=True, slots=True)
class Network:
    """One hidden layer. centre, spread: (n,) of the features on people; first: (h, 2 n), bias: (h,), second: (8, h),
    shift: (8,)."""

    centre: Floats
    spread: Floats
    first: Floats
    bias: Floats
    second: Floats
    shift: Floats

    def __call__(self, rows: Floats) -> Floats:
        """(k, n) features -> (k, 8) probabilities 0..1."""
        hidden = np.maximum(self.scaled(rows) @ self.first.T + self.bias, 0)
        odds = hidden @ self.second.T + self.shift
        sure: Floats = (1 / (1 + np.exp(-np.clip(odds, -30, 30)))).astype(np.float32)
        return sure

    def scaled(self, rows: Floats) -> Floats:
        """(k, 2 n) how far features are from those of people, cut off at four times their spread, with sign and
        without: what is covered may be too bright or too dark."""
        off = np.clip((rows - self.centre) / self.spread, -4, 4)
        both: Floats = np.concatenate([off, np.abs(off)], 1)
        return both


@cache
def network() -> Network:
    """The committed table."""
    with np.load(TABLE) as table:
        return Network(*(table[name].astype(np.float32) for name in Network.__slots__))


def covered(face: chart.Chart) -> Floats:
    """(len(REGIONS),) 0..1 how surely something lies over each region."""
    sure: Floats = network()(features(face)[None])[0]
    return sure


def features(face: chart.Chart) -> Floats:
    """(cells * FEATURES,) what the network sees, cell by cell; 0 where the face turns away."""
    cells, skin = grid()
    table = _cells(face.luma, face.colour, cells)
    own = np.median(table[skin], 0)
    table -= own
    table[:, 1:3] /= np.maximum(np.abs(own[1:3]).max(), _PALE)
    table[_shown(face) < _FACING] = 0
    flat: Floats = table.ravel()
    return flat


@cache
def grid() -> tuple[Indices, Mask]:
    """(n, 2) row and column of each cell inside the face, and which of them are plain skin."""
    cells = np.argwhere(_pooled(chart.well_inside()) > 0.95).astype(np.int32)
    return cells, _pooled(chart.plain_skin())[cells[:, 0], cells[:, 1]] > 0.8


@cache
def regions() -> tuple[Mask, ...]:
    """(SIZE, SIZE) texels of each of `REGIONS`."""
    rings = dict(_RINGS)
    for name, half in _HALVES.items():
        rings[name] = half + tuple(layouts.MIRROR[list(half)][::-1].tolist())
    for name in ("eye", "cheek"):
        rings[f"{name}_right"] = tuple(layouts.MIRROR[list(rings[f"{name}_left"])].tolist())
    return tuple(chart.inside(np.array(rings[name], np.int32)) for name in REGIONS)


def mirrored(rows: Floats) -> Floats:
    """(k, n) features of the same faces seen in a mirror."""
    cells, _ = grid()
    place = {(row, column): index for index, (row, column) in enumerate(cells.tolist())}
    other = [place[row, GRID - 1 - column] for row, column in cells.tolist()]
    flat: Floats = rows.reshape(len(rows), len(cells), FEATURES)[:, other].reshape(rows.shape)
    return flat


def _pooled(mask: Mask) -> Floats:
    shares: Floats = mask.reshape(GRID, CELL, GRID, CELL).mean((1, 3)).astype(np.float32)
    return shares


def _shown(face: chart.Chart) -> Floats:
    """(n,) how squarely each cell faced the camera."""
    cells, _ = grid()
    middle = chart.chart_map().owner[cells[:, 0] * CELL + CELL // 2, cells[:, 1] * CELL + CELL // 2]
    return face.front[middle]


@numba.njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _cells(luma: Floats, colour: Floats, cells: Indices) -> Floats:
    """(n, FEATURES), not yet relative."""
    out = np.empty((len(cells), FEATURES), np.float32)
    block = CELL // chart.COARSE
    texels, samples = np.float32(CELL * CELL), np.float32(block * block)
    for n in range(len(cells)):
        top, left = cells[n, 0] * CELL, cells[n, 1] * CELL
        total, across, down = np.float32(0), np.float32(0), np.float32(0)
        for y in range(top, top + CELL):
            for x in range(left, left + CELL):
                total += luma[y, x]
                across += abs(luma[y, x + 1] - luma[y, x - 1])
                down += abs(luma[y + 1, x] - luma[y - 1, x])
        red, green, blue = np.float32(0), np.float32(0), np.float32(0)
        for y in range(cells[n, 0] * block, (cells[n, 0] + 1) * block):
            for x in range(cells[n, 1] * block, (cells[n, 1] + 1) * block):
                red += colour[y, x, 0]
                green += colour[y, x, 1]
                blue += colour[y, x, 2]
        level = total / texels + _FLOOR
        out[n, 0] = np.log(level)
        out[n, 1] = np.log((red / samples + _FLOOR) / (green / samples + _FLOOR))
        out[n, 2] = np.log((blue / samples + _FLOOR) / (green / samples + _FLOOR))
        out[n, 3] = np.log(across / texels / level + _LEVEL)
        out[n, 4] = np.log(down / texels / level + _LEVEL)
    return out
