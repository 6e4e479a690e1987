"""The upright, cropped face that a recognition network wants: five points brought to their places by a similarity."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stages.faces.roi import Roi
from stages.faces.templates import TEMPLATES, five_points
from stages.packets import Floats, Frame

_EYES_AND_NOSE: Final = (263, 362, 33, 133, 2)
"""Corners of the performer's left and right eye, outer before inner, and the base of the nose."""
_DLIB: Final = (
    (0.8595674595992, 0.2134981538014),
    (0.6460604764104, 0.2289674387677),
    (0.1205750620789, 0.2137274526848),
    (0.3340850613712, 0.2290642403242),
    (0.4901123135679, 0.6277975316475),
)
"""Where dlib's `get_face_chip_details` puts those five, in shares of the face."""
_PADDING: Final = 0.25  # of the face around it, as dlib's network was taught


@dataclass(frozen=True, slots=True)
class Chip:
    """A square picture of a face.

    side: pixels. points: (478, 3) landmarks -> (n, 2). places: (n, 2) where they belong, in shares of the side.
    """

    side: int
    points: Callable[[Floats], Floats]
    places: tuple[tuple[float, float], ...]

    def roi(self, landmarks: Floats) -> Roi:
        """Where the chip lies in a frame: the similarity that brings the points nearest to their places (Umeyama 1991,
        in closed form for the plane).

        landmarks: (478, 3) luma pixels.
        """
        # A similarity of the plane is one complex factor and a shift.
        seen, wanted = _complex(self.points(landmarks)), _complex(np.array(self.places))
        spread = wanted - wanted.mean()
        factor = np.vdot(spread, seen) / np.vdot(spread, spread).real  # chip -> frame
        centre = seen.mean() + factor * (0.5 + 0.5j - wanted.mean())
        return Roi(float(centre.real), float(centre.imag), float(abs(factor)), float(np.angle(factor)))

    def pixels(self, frame: Frame, landmarks: Floats) -> NDArray[np.uint8]:
        """The chip as (side, side, 3) RGB."""
        return np.ascontiguousarray(np.moveaxis(self.roi(landmarks).pixels(frame, self.side), 0, -1))


def _complex(points: NDArray[np.floating]) -> NDArray[np.complex128]:
    return points[:, 0] + 1j * points[:, 1].astype(np.float64)


def _eyes_and_nose(landmarks: Floats) -> Floats:
    return landmarks[list(_EYES_AND_NOSE), :2]


def _padded(value: float) -> float:
    return (value + _PADDING) / (1 + 2 * _PADDING)


CHIPS: Final = {
    "dlib_150": Chip(150, _eyes_and_nose, tuple((_padded(x), _padded(y)) for x, y in _DLIB)),
    "arcface_112_v2": Chip(112, five_points, TEMPLATES["arcface_112_v2"]),
}
"""By the name a configuration gives them: dlib's, and ArcFace's (Deng et al. 2019, as InsightFace aligns)."""
