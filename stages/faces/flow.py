"""Carry landmarks over a short gap by optical flow.

Pyramidal Lucas-Kanade (Bouguet 2000) on the landmarks, forward and back; points that do not come back to where they
started are moved with the rest of the face instead (Kalal et al., *Forward-backward error*, 2010).
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from stages.faces import layouts
from stages.faces.roi import bounds
from stages.media import planes
from stages.packets import Floats, Frame

_FACE = 192  # pixels across the face at which flow is computed: finer is slower and no more certain
_ROUND_TRIP = 0.01  # of the face's size: how far a point may end from its start and still count as followed
_STRAY = 0.03  # of the face's size: how far a point may move against the rest; beyond, it slid along an edge
_MARGIN = 0.35  # of the face's size, on each side: how far a face may move between two frames
_WINDOW, _LEVELS = (15, 15), 3


def carry(before: Frame, now: Frame, landmarks: Floats) -> Floats | None:
    """Landmarks of `before` -> where they are `now`, (478, 3); None when too few of them can be followed."""
    box, scale = _region(landmarks)
    start = (landmarks[:, :2] - box[:2]) * scale - 0.5
    moved, good = _follow(_grey(before, box, scale), _grey(now, box, scale), start.astype(np.float32))
    if good[: layouts.MESH_COUNT].mean() < 0.5:
        return None
    fitted, _ = cv2.estimateAffinePartial2D(start[good], moved[good], ransacReprojThreshold=_FACE * 0.02)
    if fitted is None:
        return None
    rigid = (start @ fitted[:, :2].T + fitted[:, 2]).astype(np.float32)
    stray = ~good | (np.linalg.norm(moved - rigid, axis=1) > _FACE * _STRAY)
    moved[stray] = rigid[stray]
    growth = float(np.hypot(fitted[0, 0], fitted[1, 0]))
    return np.column_stack([(moved + 0.5) / scale + box[:2], landmarks[:, 2] * growth]).astype(np.float32)


def _region(landmarks: Floats) -> tuple[tuple[int, int, int, int], float]:
    x0, y0, x1, y1 = (float(value) for value in bounds(landmarks))
    size = max(x1 - x0, y1 - y0)
    margin = _MARGIN * size
    box = (int(x0 - margin), int(y0 - margin), int(x1 + margin) + 1, int(y1 + margin) + 1)
    return box, min(1.0, _FACE / size)


def _grey(frame: Frame, box: tuple[int, int, int, int], scale: float) -> NDArray[np.uint8]:
    size = round((box[2] - box[0]) * scale), round((box[3] - box[1]) * scale)
    grey: NDArray[np.uint8] = cv2.cvtColor(planes.rgb8(frame, box, size), cv2.COLOR_RGB2GRAY)
    return grey


def _follow(before: NDArray[np.uint8], now: NDArray[np.uint8], start: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Where the points went, and which of them came back."""
    moved, there, _ = cv2.calcOpticalFlowPyrLK(before, now, start, None, None, None, _WINDOW, _LEVELS)
    back, again, _ = cv2.calcOpticalFlowPyrLK(now, before, moved, None, None, None, _WINDOW, _LEVELS)
    error = np.linalg.norm(back - start, axis=1)
    good = (there[:, 0] == 1) & (again[:, 0] == 1) & (error < _FACE * _ROUND_TRIP)
    return moved, good
