"""Head pose: the similarity between a face's landmarks and the mean face.

Two spaces. *Image space* is luma pixels: x right, y down, z away from the camera. *Face space* is the mean face's own:
the same axes with the head straight, in units of its interocular distance (between the outer eye corners, points 33
and 263), so the performer's left is +x. The fit is Umeyama, *Least-squares estimation of transformation parameters
between two point patterns*, 1991, over points that muscles move least.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from numba import njit
from numpy.typing import NDArray

from stages.expression import basis
from stages.faces import layouts
from stages.once import once
from stages.packets import Floats

Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Pose:
    """Face space -> image space: `x_image = scale * rotation @ x_face + translation`.

    scale: pixels per interocular distance. rotation: (3, 3). translation: (3,) pixels. yaw, pitch, roll: degrees,
    signed as in `packets.FaceUnits`.
    """

    scale: float
    rotation: Doubles
    translation: Doubles

    def to_image(self, points: NDArray[np.floating]) -> Floats:
        """(n, 3) face-space points -> pixels."""
        placed: Floats = (points @ (self.scale * self.rotation.T) + self.translation).astype(np.float32)
        return placed

    def to_face(self, landmarks: NDArray[np.floating]) -> Floats:
        """(n, 3) pixels -> face space; the inverse of `to_image`."""
        placed: Floats = ((landmarks - self.translation) @ (self.rotation / self.scale)).astype(np.float32)
        return placed

    def turn(self, displacements: NDArray[np.floating]) -> Floats:
        """(n, 3) face-space displacements -> displacements in pixels (rotated and scaled, not translated)."""
        turned: Floats = (displacements @ (self.scale * self.rotation.T)).astype(np.float32)
        return turned

    @property
    def angles(self) -> Floats:
        """(3,) yaw, pitch, roll in degrees."""
        return np.array([self.yaw, self.pitch, self.roll], np.float32)

    @property
    def yaw(self) -> float:
        """Degrees; above 0 the face turns toward the performer's left."""
        return math.degrees(math.atan2(-self.rotation[0, 2], self.rotation[2, 2]))

    @property
    def pitch(self) -> float:
        """Degrees; above 0 the face looks up."""
        return math.degrees(math.asin(min(max(self.rotation[1, 2], -1.0), 1.0)))

    @property
    def roll(self) -> float:
        """Degrees; above 0 the head tilts toward the performer's right shoulder."""
        return math.degrees(math.atan2(-self.rotation[1, 0], self.rotation[1, 1]))


def rotation(yaw: float, pitch: float, roll: float) -> Doubles:
    """The (3, 3) rotation with these angles in degrees; roll is applied first, yaw last."""
    y, p, r = np.radians([-yaw, -pitch, -roll])
    about_y = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(p), -np.sin(p)], [0, np.sin(p), np.cos(p)]])
    about_z = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    turned: Doubles = about_y @ about_x @ about_z
    return turned


def fit(landmarks: NDArray[np.floating], mean: NDArray[np.floating]) -> Pose:
    """The pose that carries `mean` (478, 3), in face space, onto `landmarks` (478, 3), in pixels.

    Only `layouts.RIGID` points count, each by its steadiness (`weights`). Least squares, so it always answers.
    """
    source, target = (points[layouts.RIGID].astype(np.float64) for points in (mean, landmarks))
    return Pose(*_similarity(source, target, weights()))


@once
def of(landmarks: Floats) -> Pose:
    """The pose of a face with these (478, 3) landmarks: `fit` with the average face, once for all who ask."""
    return fit(landmarks, basis.load().mean)


@once
def turned(landmarks: Floats) -> Floats:
    """(478, 3) what the head's turn adds to a face with these landmarks, in face space (`Basis.turned`)."""
    return basis.load().turned(of(landmarks).angles)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _similarity(source: Doubles, target: Doubles, share: Doubles) -> tuple[float, Doubles, Doubles]:
    """Scale, rotation and translation that carry `source` (n, 3) onto `target`, least squares with weights `share` that
    sum to 1."""
    middle, origin = share @ target, share @ source
    placed, plain = target - middle, source - origin
    u, singular, vt = np.linalg.svd((placed * share.reshape(-1, 1)).T @ plain)
    if np.linalg.det(u @ vt) < 0:
        u[:, 2] *= -1
        singular[2] *= -1
    turned = u @ vt
    scale = singular.sum() / (share * np.square(plain).sum(1)).sum()
    return scale, turned, middle - scale * (turned @ origin)


@cache
def weights() -> Doubles:
    """(len(layouts.RIGID),) shares that sum to 1.

    The forehead's middle rides on the brows and the temples are the tracker's own guess, so both count less than the
    eye corners and the bridge of the nose.
    """
    unsteady = {8: 0.5, 9: 0.25, 151: 0.25, 10: 0.5, 109: 0.4, 338: 0.4, 67: 0.4, 297: 0.4}
    raw = np.array([unsteady.get(int(point), 1.0) for point in layouts.RIGID])
    share: Doubles = raw / raw.sum()
    share.setflags(write=False)
    return share
