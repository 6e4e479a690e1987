"""A picture on the face chart with a weight a texel, and means that go by it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from stages.packets import Floats

FAINT: Final = np.float32(1e-4)
_COARSE: Final = 3.0  # texels of standard deviation that a smoothing needs at least, to be smooth


@dataclass(frozen=True, slots=True)
class Flat:
    """A photo on the chart. texture: (side, side, 3) float32 non-linear R'G'B', what the photo shows where the weight
    is above 0, and goes on smoothly elsewhere. weight: (side, side) 0..1."""

    texture: Floats
    weight: Floats


def smooth(texture: Floats, weight: Floats, sigma: float) -> Floats:
    """The mean around every texel by weight; sigma: of the chart's side. Where nothing is near, from further away."""
    total, count = blurred(texture * weight[..., None], sigma), blurred(weight, sigma)
    near = (total / np.maximum(count, FAINT)[..., None]).astype(np.float32)
    return grown(near, np.clip(count / np.float32(0.02), 0, 1))


def blurred(picture: Floats, sigma: float) -> Floats:
    """A Gaussian smoothing, sigma: of the side; a wide one is done on a smaller picture, which shows no difference."""
    side = len(picture)
    small = max(1, int(sigma * side / _COARSE))
    size = (side // small, side // small)
    reduced = cv2.resize(picture, size, interpolation=cv2.INTER_AREA) if small > 1 else picture
    soft: Floats = cv2.GaussianBlur(reduced, (0, 0), sigma * size[0])
    return cv2.resize(soft, (side, side), interpolation=cv2.INTER_LINEAR) if small > 1 else soft


def grown(texture: Floats, weight: Floats) -> Floats:
    """Everywhere: what is known, by weight 0..1, and what lies around it (push and pull, Gortler et al., 1996)."""
    if min(weight.shape) <= 2:
        total = max(float(weight.sum()), 1e-6)
        return np.broadcast_to((texture * weight[..., None]).sum((0, 1)) / total, texture.shape).astype(np.float32)
    size = (weight.shape[1] // 2, weight.shape[0] // 2)
    share = cv2.resize(weight, size, interpolation=cv2.INTER_AREA)
    mean = cv2.resize(texture * weight[..., None], size, interpolation=cv2.INTER_AREA)
    coarse = grown(mean / np.maximum(share, FAINT)[..., None], np.clip(2 * share, 0, 1))
    below = cv2.resize(coarse, weight.shape[::-1], interpolation=cv2.INTER_LINEAR)
    known = np.clip(weight, 0, 1)[..., None]
    whole: Floats = (known * texture + (1 - known) * below).astype(np.float32)
    return whole


def ramp(values: Floats, none: float, full: float) -> Floats:
    """0 up to `none`, 1 from `full`, smooth between."""
    share = np.clip((values - none) / (full - none), 0, 1)
    smooth_share: Floats = (share * share * (3 - 2 * share)).astype(np.float32)
    return smooth_share
