"""The upright, cropped face that a recognition network wants: five points brought to their places by a similarity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stages.faces.layouts import LEFT_IRIS, RIGHT_IRIS
from stages.faces.roi import Roi
from stages.packets import Floats, Frame

_PADDING: Final = 0.25  # of the face around it, as dlib's network was trained


@dataclass(frozen=True, slots=True)
class Chip:
    """A square picture of a face.

    side: pixels. points: landmarks of the mesh. places: (points, 2) where they belong, in shares of the side.
    """

    side: int
    points: tuple[int, ...]
    places: tuple[tuple[float, float], ...]

    def roi(self, landmarks: Floats) -> Roi:
        """Where the chip lies in a frame: the similarity that brings the points nearest to their places (Umeyama 1991,
        in closed form for the plane).

        landmarks: (478, 3) luma pixels.
        """
        # Complex numbers: a similarity of the plane is one factor and one shift.
        seen = _complex(landmarks[list(self.points), :2].astype(np.float64))
        wanted = _complex(np.array(self.places))
        spread = wanted - wanted.mean()
        factor = np.vdot(spread, seen - seen.mean()) / np.vdot(spread, spread).real  # chip -> frame
        centre = seen.mean() + factor * (0.5 + 0.5j - wanted.mean())
        return Roi(float(centre.real), float(centre.imag), float(abs(factor)), float(np.angle(factor)))

    def pixels(self, frame: Frame, landmarks: Floats) -> NDArray[np.uint8]:
        """The chip as (side, side, 3) RGB."""
        return self.roi(landmarks).pixels(frame, self.side)


def _complex(points: NDArray[np.float64]) -> NDArray[np.complex128]:
    return np.ascontiguousarray(points).view(np.complex128)[:, 0]


def _padded(place: tuple[float, float]) -> tuple[float, float]:
    x, y = ((value + _PADDING) / (1 + 2 * _PADDING) for value in place)
    return x, y


DLIB_150: Final = Chip(
    150,
    (263, 362, 33, 133, 2),
    tuple(
        _padded(place)
        for place in (
            (0.8595674595992, 0.2134981538014),
            (0.6460604764104, 0.2289674387677),
            (0.1205750620789, 0.2137274526848),
            (0.3340850613712, 0.2290642403242),
            (0.4901123135679, 0.6277975316475),
        )
    ),
)
"""dlib's `get_face_chip_details` for its five points: the corners of the performer's left and right eye, outer before
inner, and the base of the nose."""

ARCFACE_112: Final = Chip(
    112,
    (int(RIGHT_IRIS[0]), int(LEFT_IRIS[0]), 1, 61, 291),
    ((0.34191607, 0.46157411), (0.65653393, 0.45983393), (0.50022500, 0.64050536), (0.37097589, 0.82469196), (0.63151696, 0.82325089)),
)
"""ArcFace's template for 112 pixels (Deng et al. 2019, as InsightFace aligns): pupils, tip of the nose, corners of the
mouth, the performer's right before the left."""

CHIPS: Final = {"dlib_150": DLIB_150, "arcface_112_v2": ARCFACE_112}
"""By the name a configuration gives them."""
