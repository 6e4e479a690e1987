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
    filled: Floats = np.array(difference, np.float32, order="C")
    if not inside.any() or inside.all():
        filled[inside] = 0
        return filled
    y0, y1, x0, x1 = _around(inside)
    part = np.ascontiguousarray(inside[y0:y1, x0:x1]).view(np.uint8)
    # Corner, rim and inside, as multigrid counts them.
    state = cv2.dilate(part, _BOX) + cv2.dilate(part, _CROSS) + part
    grids = _halved(_Grid(filled, np.empty((0, 0), np.float32), state, y0, x0))
    first = 0
    while first < len(grids) - 1 and max(grids[first].state.shape) > (_LARGEST if first else _SMALL):
        first += 1
    solved = multigrid.Levels.of([(grid.given, grid.state) for grid in grids[first:]]).solve(cycles)
    for k in range(first - 1, 0, -1):
        solved = grids[k].refined(solved, f"finer by {k}")
    if first:
        grids[0].refine(solved)
    else:
        grids[0].fill(solved)
    return filled


@dataclass(frozen=True, slots=True)
class _Grid:
    """What is given at one resolution, by `state` (rows, columns), each of `weight` samples, as large or empty.

    values: (h, w, channels), in which `state`'s first sample is that at `y0`, `x0`.
    """

    values: Floats
    weight: Floats
    state: Bytes
    y0: int = 0
    x0: int = 0

    def halved(self) -> _Grid:
        """At half the samples."""
        shape = -(-self.state.shape[0] // 2), -(-self.state.shape[1] // 2)
        values = np.empty((*shape, self.values.shape[2]), np.float32)
        half = _Grid(values, np.empty(shape, np.float32), np.empty(shape, np.uint8))
        multigrid.halve(self.values, self.weight, self.state, self.y0, self.x0, half.values, half.weight, half.state)
        return half

    @property
    def given(self) -> Floats:
        """(rows, columns, channels) of the values."""
        rows, columns = self.state.shape
        return self.values[self.y0 : self.y0 + rows, self.x0 : self.x0 + columns]

    def refined(self, coarse: Floats, name: str) -> Floats:
        """(rows, columns, channels): a solution of half as many samples, interpolated, then relaxed along the
        boundary; in the thread's memory of that name."""
        rows, columns = self.state.shape
        fine = _doubled(coarse, name)
        multigrid.seat(self.values, self.state, fine)
        multigrid.settle(self.state, _deep(self.state), 0, 0, fine)
        return fine[:rows, :columns]

    def refine(self, coarse: Floats) -> None:
        """The same where the values are."""
        self.fill(_doubled(coarse, "finest"))
        multigrid.settle(self.state, _deep(self.state), self.y0, self.x0, self.values)

    def fill(self, solved: Floats) -> None:
        """Copy what was sought to where the values are. solved: (rows, columns, channels) or larger."""
        flat, whole = (part.reshape(len(part), -1) for part in (solved, self.values))
        multigrid.fill(flat, self.state, self.y0, self.x0, whole)


def _doubled(coarse: Floats, name: str) -> Floats:
    height, width, channels = coarse.shape
    fine = multigrid.scratch(name, (2 * height, 2 * width, channels))
    cv2.resize(coarse, (2 * width, 2 * height), dst=fine, interpolation=cv2.INTER_LINEAR)
    return fine


def _deep(state: Bytes) -> Bytes:
    """(h, w) 1 on what is sought so far inside that interpolating does."""
    inside = (state == multigrid.INSIDE).view(np.uint8)
    return np.asarray(cv2.erode(inside, _CROSS, iterations=_BAND, borderType=cv2.BORDER_REPLICATE), np.uint8)


def _halved(finest: _Grid) -> list[_Grid]:
    """The grid, at half, at a quarter and so on."""
    grids = [finest]
    while min(grids[-1].state.shape) > _SMALLEST:
        grids.append(grids[-1].halved())
    return grids


def _around(inside: Bools) -> tuple[int, int, int, int]:
    """Bounds of the mask and the ring of samples next to it."""
    x, y, wide, high = cv2.boundingRect(inside.view(np.uint8))
    height, width = inside.shape
    return max(y - 1, 0), min(y + high + 1, height), max(x - 1, 0), min(x + wide + 1, width)
