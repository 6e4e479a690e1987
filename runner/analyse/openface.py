"""OpenFace 2's names and conventions, so that notebooks written for its CSV files read ours.

Baltrusaitis et al., *OpenFace 2.0: facial behavior analysis toolkit*, 2018, and the page "Output Format" of its wiki.
Its camera space is our image space: x right, y down, z away from the camera.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from stages import facs
from stages.expression.pose import rotation
from stages.packets import Floats

INTENSITIES: Final = tuple(f"AU{n:02d}" for n in (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26, 45))
"""The units with an `_r` column (intensity 0..5), in OpenFace's order."""
PRESENCES: Final = (*INTENSITIES[:-1], "AU28", "AU45")
"""The units with a `_c` column (presence 0 or 1)."""
_GAZE: Final = [facs.INDEX[f"AU{n}"] for n in (61, 62, 63, 64)]


def rotations(pose: Floats) -> NDArray[np.float64]:
    """(n, 3) yaw, pitch, roll in degrees, as in `packets.FaceUnits` -> (n, 3, 3) rotations in image space."""
    return np.array([rotation(*map(float, angles)) for angles in pose]).reshape(-1, 3, 3)


def euler(turned: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 3, 3) -> (n, 3) `pose_Rx`, `pose_Ry`, `pose_Rz` in radians, where the rotation is Rx @ Ry @ Rz.

    Rx above 0 looks down, Ry above 0 turns toward the performer's right, Rz above 0 tilts toward their left shoulder.
    """
    about_x = np.arctan2(-turned[:, 1, 2], turned[:, 2, 2])
    about_y = np.arcsin(np.clip(turned[:, 0, 2], -1, 1))
    about_z = np.arctan2(-turned[:, 0, 1], turned[:, 0, 0])
    return np.stack([about_x, about_y, about_z], axis=1)


def gaze(intensities: NDArray[Any], turned: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, facs.COUNT) intensities and (n, 3, 3) head rotations -> (n, 2) `gaze_angle_x`, `gaze_angle_y` in radians.

    The direction of both eyes together in camera space, the turn of the head included: x above 0 looks toward the
    performer's left, y above 0 down. NaN where the eyes were not measured.
    """
    left, right, up, down = intensities[:, _GAZE].astype(np.float64).T
    aside, below = (np.radians(facs.GAZE_DEGREES[axis] * turn) for axis, turn in enumerate((left - right, down - up)))
    ahead = np.stack([np.tan(aside), np.tan(below), -np.ones(len(aside))], axis=1)
    seen = np.einsum("nij,nj->ni", turned, ahead)
    angles: NDArray[np.float64] = np.arctan2(seen[:, :2], -seen[:, 2:])
    return angles
