"""Seams: the step of colour across the mask's edge, and how far light and tone of the face left the performer's.

Along the contour of the mask colours are taken a little inside and a little outside, on the contour's normals, and
their CIEDE2000 difference is averaged; the source has a step in the same places too (folds, hair, the jaw against the
background), so that the one says something only beside the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from stages.media.planes import align, crop
from stages.packets import Colour, Floats, Frame
from stages.quality.ciede2000 import difference, lab

Box = tuple[int, int, int, int]
Mask = tuple[Box, Floats]
Doubles = NDArray[np.float64]
Edge = tuple[Floats, Floats]
"""(n, 2) points x, y inside, and as many outside."""

_AWAY: Final = 0.025
"""Interocular distances from the contour to either sample: a mask feathered by default is at .2 and .8 there."""
_LEAST: Final = 2.0  # pixels of the same, so that the two do not share a chroma sample
_SMOOTH: Final = 0.25
"""Standard deviation in interocular distances of what counts as light and tone; features are smaller."""
_ALONG: Final = 0.1
"""Standard deviation in interocular distances over which colours are averaged along the contour."""
_SEEN: Final = 1.0  # CIEDE2000
_ROWS: Final = 30000  # of one map of OpenCV's, which ends at 32767
_SIDE: Final = 64  # pixels of the longer side at which light and tone are compared


@dataclass(frozen=True, slots=True)
class Seam:
    """CIEDE2000: mean `step` across the edge of the output, of the `source`, and `skin` between both inside the mask.

    ratio: weighted geometric mean over the contour of step over the source's, 1 (just about seen) added to both; a
    place weighs by one over the square of the source's: a step on bare skin counts, one beside hair or an outline
    hardly does, as the eye has it. NaN where there is no edge, or no mask.
    """

    step: float
    source: float
    ratio: float
    skin: float


def seam(before: Frame, after: Frame, mask: Mask, scale: float) -> Seam:
    """Hold `after` against `before` around and inside `mask` (box in luma pixels, (h, w) 0..1).

    scale: pixels per interocular distance.
    """
    away = max(_AWAY * scale, _LEAST)
    box, weights = _framed(mask, before, round(2 * away) + 2)
    old, new = crop(before, box), crop(after, box)
    skin = _skin(old, new, weights, before.colour, _SMOOTH * scale)
    edges = list(_edges(weights, away))
    if not edges:
        return Seam(np.nan, np.nan, np.nan, skin)
    source, step = (_steps(picture, edges, away, _ALONG * scale, before.colour) for picture in (old, new))
    bare = 1 / (source + _SEEN) ** 2
    ratio = np.exp((np.log((step + _SEEN) / (source + _SEEN)) * bare).sum() / bare.sum())
    return Seam(float(step.mean()), float(source.mean()), float(ratio), skin)


def _steps(picture: Floats, edges: Sequence[Edge], away: float, along: float, colour: Colour) -> Doubles:
    """(n,) CIEDE2000 across every point of every edge."""
    soft = cv2.GaussianBlur(picture, (0, 0), away / 3)  # grain is no step
    sides = ([_run(lab(_sampled(soft, points), colour), along) for points in edge] for edge in edges)
    return np.concatenate([difference(near, far) for near, far in sides])


def _run(colours: Doubles, sigma: float) -> Doubles:
    """(n, 3) along a closed contour, smoothed: a seam runs on, a pore or a lash does not."""
    smooth: Doubles = gaussian_filter1d(colours, sigma, axis=0, mode="wrap")
    return smooth


def _framed(mask: Mask, frame: Frame, margin: int) -> Mask:
    """The mask in a box that is larger by `margin`, inside the frame."""
    (x0, y0, x1, y1), weights = mask
    box = align((x0 - margin, y0 - margin, x1 + margin, y1 + margin), frame)
    whole = np.zeros((box[3] - box[1], box[2] - box[0]), np.float32)
    whole[y0 - box[1] : y1 - box[1], x0 - box[0] : x1 - box[0]] = weights
    return box, whole


def _edges(weights: Floats, away: float) -> Iterator[Edge]:
    """Of every contour at .5 the points inside and outside; both within the picture."""
    found, _ = cv2.findContours((weights >= 0.5).astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    soft = cv2.GaussianBlur(weights, (0, 0), away)
    slope = np.stack([cv2.Sobel(soft, cv2.CV_32F, 1, 0), cv2.Sobel(soft, cv2.CV_32F, 0, 1)], -1)
    height, width = weights.shape
    for contour in found:
        points = contour[:, 0]
        inward = slope[points[:, 1], points[:, 0]]
        length = np.linalg.norm(inward, axis=1, keepdims=True)
        inward = inward / np.maximum(length, 1e-6)
        near, far = (
            points + (away - 0.5) * inward,
            points - (away + 0.5) * inward,
        )  # the edge is half a pixel farther out
        kept = (length[:, 0] > 1e-4) & _within(near, width, height) & _within(far, width, height)
        if kept.any():
            yield near[kept].astype(np.float32), far[kept].astype(np.float32)


def _within(points: NDArray[np.floating], width: int, height: int) -> NDArray[np.bool_]:
    x, y = points[:, 0], points[:, 1]
    return (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)


def _sampled(picture: Floats, points: Floats) -> Floats:
    """(n, 3) colours at points (n, 2)."""
    parts = np.array_split(points, len(points) // _ROWS + 1)
    rows = [cv2.remap(picture, part[:, :1], part[:, 1:], cv2.INTER_LINEAR)[:, 0] for part in parts]
    return np.concatenate(rows)


def _skin(old: Floats, new: Floats, weights: Floats, colour: Colour, sigma: float) -> float:
    """Mean CIEDE2000 inside the mask of what is left of both when all features are smoothed away."""
    scale = min(1.0, _SIDE / max(weights.shape))
    size = max(4, round(weights.shape[1] * scale)), max(4, round(weights.shape[0] * scale))
    small = cv2.resize(weights, size, interpolation=cv2.INTER_AREA)
    total = float(small.sum())
    if total <= 0:
        return float("nan")
    blur = max(sigma * scale, 0.5)
    share = np.maximum(cv2.GaussianBlur(small, (0, 0), blur), 1e-6)[..., None]
    tones = []
    for picture in (old, new):
        within = cv2.resize(picture, size, interpolation=cv2.INTER_AREA) * small[..., None]
        tones.append(lab(cv2.GaussianBlur(within, (0, 0), blur) / share, colour))
    return float((difference(tones[0], tones[1]) * small).sum()) / total
