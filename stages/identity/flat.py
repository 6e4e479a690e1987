"""A picture on the face chart with a weight a texel, and means that go by it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from stages.packets import Floats

FAINT: Final = np.float32(1e-4)


@dataclass(frozen=True, slots=True)
class Flat:
    """A photo on the chart. texture: (side, side, 3) float32 non-linear R'G'B', what the photo shows where the weight
    is above 0, and goes on smoothly elsewhere. weight: (side, side) 0..1."""

    texture: Floats
    weight: Floats


def smooth(texture: Floats, weight: Floats, sigma: float) -> Floats:
    """The mean around every texel by weight; sigma: of the chart's side. Where nothing is near, from further away."""
    total = cv2.GaussianBlur(texture * weight[..., None], (0, 0), sigma * len(weight))
    count = cv2.GaussianBlur(weight, (0, 0), sigma * len(weight))
    near = total / np.maximum(count, FAINT)[..., None]
    share = np.clip(count / np.float32(0.02), 0, 1)[..., None]
    mean: Floats = (share * near + (1 - share) * grown(near, count)).astype(np.float32)
    return mean


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
