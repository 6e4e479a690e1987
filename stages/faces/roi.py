"""A rotated square around a face, and the picture inside it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from stages.faces import layouts
from stages.faces.sampling import sample
from stages.media import planes
from stages.once import once
from stages.packets import Bytes, Floats, Frame

Pair = tuple[float, float]

_LEFT_CORNER, _RIGHT_CORNER = 263, 33  # outer eye corners: the eye line


@dataclass(frozen=True, slots=True)
class Roi:
    """A square: centre and side in luma pixels; angle in radians of its upper edge, clockwise as seen, 0 when level."""

    x: float
    y: float
    side: float
    angle: float

    @classmethod
    def around_box(cls, box: Floats, right_eye: Floats, left_eye: Floats, margin: float) -> Roi:
        """Around a detector's box (x0, y0, x1, y1), level with the eyes; `margin` times its longer side."""
        x0, y0, x1, y1 = (float(value) for value in box)
        across = left_eye - right_eye
        side = margin * max(x1 - x0, y1 - y0)
        return cls((x0 + x1) / 2, (y0 + y1) / 2, side, float(np.arctan2(across[1], across[0])))

    @classmethod
    def around_landmarks(cls, landmarks: Floats, margin: float) -> Roi:
        """Around (478, 3) landmarks, level with the eyes; `margin` times their longer extent in that frame of axes."""
        across = landmarks[_LEFT_CORNER, :2] - landmarks[_RIGHT_CORNER, :2]
        angle = float(np.arctan2(across[1], across[0]))
        cos, sin = math.cos(angle), math.sin(angle)
        left, top, right, bottom = _extent(landmarks, layouts.MESH_COUNT, cos, sin)
        x, y = (left + right) / 2, (top + bottom) / 2
        return cls(cos * x - sin * y, sin * x + cos * y, margin * max(right - left, bottom - top), angle)

    def to_frame(self, points: Floats, size: int) -> Floats:
        """(n, 3) points in pixels of the `size` x `size` crop -> luma pixels; z gets the same scale."""
        scale = self.side / size
        turn = scale * math.cos(self.angle), scale * math.sin(self.angle)
        return np.asarray(_placed(points, size / 2, turn, (self.x, self.y), scale))

    def pixels(self, frame: Frame, size: int) -> Bytes:
        """The square as planes (3, size, size), R'G'B'; beyond the frame the edge is repeated.

        Only the face's region is converted. It is halved by area while it stays at least as fine as the crop, in a box
        on the grid of those halvings, so that nothing is resampled twice: against that, reducing straight to the crop's
        scale moved landmarks by 0.4 pixels and added a tenth to their jitter.
        """
        out = np.zeros((3, size, size), np.uint8)
        step = 1
        while self.side >= 2 * step * size:
            step *= 2
        x0, y0, x1, y1 = self._box(2 * step, frame)
        if x0 < x1 and y0 < y1:
            reduced = max((x1 - x0) // step, 2), max((y1 - y0) // step, 2)
            picture = planes.planar8(frame, (x0, y0, x1, y1), reduced)
            ratio = np.array([reduced[0] / (x1 - x0), reduced[1] / (y1 - y0)])
            sample(picture, self._from_crop((x0, y0), ratio, size), out)
        return out

    def _box(self, grid: int, frame: Frame) -> tuple[int, int, int, int]:
        """What the frame has of the level box around the square, one pixel wider, on multiples of `grid`."""
        reach = self.side / 2 * (abs(np.cos(self.angle)) + abs(np.sin(self.angle))) + 1
        x0, y0 = (math.floor((middle - reach) / grid) * grid for middle in (self.x, self.y))
        x1, y1 = (math.ceil((middle + reach) / grid) * grid for middle in (self.x, self.y))
        return max(x0, 0), max(y0, 0), min(x1, frame.width), min(y1, frame.height)

    def _from_crop(self, corner: tuple[int, int], ratio: NDArray[np.float64], size: int) -> NDArray[np.float64]:
        """(2, 3) matrix from pixel centres of the crop to those of a box at `corner`, reduced by `ratio`."""
        linear = _turn(self.angle) * (self.side / size)
        # Continuous coordinates put a pixel's centre at .5, an array at 0.
        first = linear @ np.full(2, 0.5 - size / 2) + (self.x - corner[0], self.y - corner[1])
        return np.column_stack([linear * ratio[:, None], first * ratio - 0.5])


@once
def bounds(landmarks: Floats) -> Floats:
    """(4,) x0, y0, x1, y1 around (478, 3) landmarks."""
    return np.array(_extent(landmarks, layouts.MESH_COUNT, 1.0, 0.0), np.float32)


def overlap(first: Floats, second: Floats) -> float:
    """Intersection over union of two boxes (x0, y0, x1, y1)."""
    sides = np.minimum(first[2:], second[2:]) - np.maximum(first[:2], second[:2])
    shared = float(max(sides[0], 0) * max(sides[1], 0))
    areas = float(np.prod(first[2:] - first[:2]) + np.prod(second[2:] - second[:2]))
    return shared / max(areas - shared, 1e-6)


def _turn(angle: float) -> NDArray[np.float64]:
    cos, sin = math.cos(angle), math.sin(angle)
    return np.array([[cos, -sin], [sin, cos]])


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _extent(points: Floats, count: int, cos: float, sin: float) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of the first `count` points along axes that are turned by an angle."""
    left, top, right, bottom = np.inf, np.inf, -np.inf, -np.inf
    for i in range(count):
        x, y = cos * points[i, 0] + sin * points[i, 1], cos * points[i, 1] - sin * points[i, 0]
        left, right = min(left, x), max(right, x)
        top, bottom = min(top, y), max(bottom, y)
    return left, top, right, bottom


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _placed(points: Floats, half: float, turn: Pair, middle: Pair, scale: float) -> Floats:
    placed = np.empty_like(points)
    for i in range(len(points)):
        x, y = points[i, 0] - half, points[i, 1] - half
        placed[i, 0] = turn[0] * x - turn[1] * y + middle[0]
        placed[i, 1] = turn[1] * x + turn[0] * y + middle[1]
        placed[i, 2] = points[i, 2] * scale
    return placed
