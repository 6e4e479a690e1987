"""The smooth surface that a boundary spans: Laplace's equation inside a mask, the values around it given.

Poisson cloning (Pérez, Gangnet & Blake, *Poisson image editing*, 2003) of a picture into another one is the picture
plus the membrane of their difference along the mask's boundary. The membrane is solved for directly, by full multigrid
(Brandt, *Multi-level adaptive solutions to boundary-value problems*, 1977): the problem is shrunk by halves down to a
few samples; on the way back up every level starts from the one below and removes what is left of its residual in
V-cycles. Two damped Jacobi steps with Chebyshev's weights smooth; both vectorise.

Only what lies next to the mask is a boundary: coarser levels average those samples and none further out, so that they
pose the same problem. Away from its boundary a membrane is smooth, so the finest levels are not solved for: they are
interpolated from a half, and relaxed in a band along the boundary only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from stages.packets import Floats
from stages.render import multigrid
from stages.render.multigrid import Bytes

Bools = NDArray[np.bool_]

_SMALLEST: Final = 4
_SMALL: Final = 256
"""Samples a side up to which a grid is solved for as it is: it costs little, and its boundary is close everywhere."""
_LARGEST: Final = 1024
"""Samples a side of the finest level that is solved for: half of 2048 pixels."""
_BAND: Final = 4
"""Samples from the boundary inward in which finer levels are relaxed; fine variation dies out there."""
_BOX: Final = np.ones((3, 3), np.uint8)
_CROSS: Final = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))


def membrane(difference: Floats, inside: Bools, cycles: int = 2) -> Floats:
    """Fill `difference` (h, w, channels) smoothly inside `inside` (h, w) from its values next to it outside.

    Only the eight neighbours of what is inside are looked at. cycles: V-cycles on every level but the finest. Returns a
    new array, equal to `difference` outside. Zero inside if there is no outside.
    """
    filled = difference.copy()
    if not inside.any() or inside.all():
        filled[inside] = 0
        return filled
    y0, y1, x0, x1 = _around(inside)
    part = np.ascontiguousarray(inside[y0:y1, x0:x1]).view(np.uint8)
    solved = _spanned(np.ascontiguousarray(difference[y0:y1, x0:x1]), part, cycles)
    multigrid.fill(solved, part, filled[y0:y1, x0:x1])
    return filled


@dataclass(frozen=True, slots=True)
class _Grid:
    """What is given at one resolution: values (h, w, channels) by `state` (h, w), each of `weight` (h, w) samples."""

    values: Floats
    weight: Floats
    state: Bytes

    def halved(self) -> _Grid:
        rows, columns, channels = self.values.shape
        shape = -(-rows // 2), -(-columns // 2)
        half = _Grid(np.empty((*shape, channels), np.float32), np.empty(shape, np.float32), np.empty(shape, np.uint8))
        multigrid.halve(self.values, self.weight, self.state, half.values, half.weight, half.state)
        return half

    def refined(self, coarse: Floats, name: str) -> Floats:
        """(h, w, channels): a solution of half as many samples, interpolated, then relaxed along the boundary."""
        rows, columns, channels = self.values.shape
        height, width = 2 * coarse.shape[0], 2 * coarse.shape[1]
        fine = multigrid.scratch(name, (height, width, channels))
        cv2.resize(coarse, (width, height), dst=fine, interpolation=cv2.INTER_LINEAR)
        inside = (self.state == multigrid.INSIDE).view(np.uint8)
        deep = cv2.erode(inside, _CROSS, iterations=_BAND, borderType=cv2.BORDER_REPLICATE)
        multigrid.seat(self.values, self.state, deep, fine)
        return fine[:rows, :columns]


def _spanned(difference: Floats, inside: Bytes, cycles: int) -> Floats:
    """(h, w, channels): the surface where `inside` and next to it, in the thread's scratch memory."""
    # Corner, rim and inside, as multigrid counts them.
    state = cv2.dilate(inside, _BOX) + cv2.dilate(inside, _CROSS) + inside
    grids = [_Grid(difference, np.empty((0, 0), np.float32), state)]
    while min(grids[-1].state.shape) > _SMALLEST:
        grids.append(grids[-1].halved())
    first = 0
    while first < len(grids) - 1 and max(grids[first].state.shape) > (_LARGEST if first else _SMALL):
        first += 1
    solved = multigrid.Levels.of([(grid.values, grid.state) for grid in grids[first:]]).solve(cycles)
    for k in range(first - 1, -1, -1):
        solved = grids[k].refined(solved, f"finer by {k}")
    return solved


def _around(inside: Bools) -> tuple[int, int, int, int]:
    """Bounds of the mask and the ring of samples next to it."""
    rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    height, width = inside.shape
    return max(rows[0] - 1, 0), min(rows[-1] + 2, height), max(columns[0] - 1, 0), min(columns[-1] + 2, width)
