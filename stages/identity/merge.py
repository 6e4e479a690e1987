"""Several photos laid flat as one: every texel from whoever shows it best, in the colours of the best photo.

Two bands, after Burt & Adelson, *A multiresolution spline with application to image mosaics*, 1983: what varies slowly
is the weighted mean of all, what is fine comes from the photo that shows the texel best, for a mean of pores is none.
What nobody shows is taken from the other half of the face, and then grown in smoothly from what lies around it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np

from stages.identity.flat import FAINT, Flat, blurred, grown, ramp, smooth
from stages.packets import Floats

SLOW: Final = 0.025
"""Of the chart's side: standard deviation of the smoothing that parts slow from fine."""
LIGHT: Final = 0.08
"""Of the chart's side: standard deviation of what counts as light and colour cast."""
SHARPLY: Final = 6.0
"""Power of the weights by which the fine band is chosen."""
FEW: Final = 4
"""Photos from which on what most of them show can be told from what few do."""
ODD: Final = 0.15
"""Natural logarithms of R'G'B' by which a photo differs from the middle one where it counts half."""
_MEDIAN: Final = 96  # texels on a side are enough to compare what varies slowly
_SEEN: Final = (0.02, 0.25)  # weights up to which a texel counts as not shown, and from which as shown


def merged(flats: Sequence[Flat]) -> Flat:
    """One of all, best first, all of one size; whole where any of them or its mirror image shows something."""
    best = flats[0]
    alike = [best, *(harmonised(flat, best) for flat in flats[1:])]
    weights = np.stack([flat.weight for flat in alike]) * _agreeing(alike)
    shown = weights.max(0)
    slow, fine = _mixed(alike, weights)
    return Flat(filled(slow + fine, shown), shown)


def whole(flat: Flat) -> Flat:
    """A photo with what it does not show filled in; its weight says where."""
    return Flat(filled(flat.texture, flat.weight), flat.weight)


def _agreeing(flats: Sequence[Flat]) -> Floats:
    """(n, side, side) 0..1: low where a photo shows something else than most do, a hand or a shadow."""
    if len(flats) < FEW:
        return np.ones((len(flats), *flats[0].weight.shape), np.float32)
    bases = np.stack([cv2.resize(smooth(flat.texture, flat.weight, SLOW), (_MEDIAN, _MEDIAN)) for flat in flats])
    logs = np.log(np.maximum(bases, 0.02)).mean(-1)
    off = np.abs(logs - np.median(logs, axis=0)) / np.float32(ODD)
    agreeing = 1 / (1 + off**4)
    return np.stack([cv2.resize(one, flats[0].weight.shape[::-1]) for one in agreeing.astype(np.float32)])


def _mixed(flats: Sequence[Flat], weights: Floats) -> tuple[Floats, Floats]:
    soft = weights / np.maximum(weights.sum(0), FAINT)
    hard = (weights / np.maximum(weights.max(0), FAINT)) ** SHARPLY
    hard = np.stack([cv2.GaussianBlur(one, (0, 0), 1.5) for one in hard]) * (weights > _SEEN[0])
    hard /= np.maximum(hard.sum(0), FAINT)
    slow, fine = np.zeros_like(flats[0].texture), np.zeros_like(flats[0].texture)
    for flat, calm, keen in zip(flats, soft, hard, strict=True):
        base = smooth(flat.texture, flat.weight, SLOW)
        slow += calm[..., None] * base
        fine += keen[..., None] * (flat.texture - base)
    return slow, fine


def harmonised(flat: Flat, best: Flat) -> Flat:
    """A photo with the light and colour cast of the best one, as far as both show the same skin."""
    both = np.minimum(flat.weight, best.weight)
    own, wanted = (np.log(np.maximum(smooth(one.texture, both, LIGHT), 0.02)) for one in (flat, best))
    trust = blurred(both, LIGHT)[..., None]
    whole = ((wanted - own) * trust).sum((0, 1)) / max(float(trust.sum()), 1e-6)
    share = trust / (trust + np.float32(0.05))
    gain = np.exp(np.clip(share * (wanted - own) + (1 - share) * whole, -1, 1)).astype(np.float32)
    return Flat(flat.texture * gain, flat.weight)


def filled(texture: Floats, weight: Floats) -> Floats:
    """Whole: the other half of the face where only that is shown, and smooth growth where neither is."""
    other, there = texture[:, ::-1], weight[:, ::-1]
    seen, lendable = ramp(weight, *_SEEN), ramp(there, *_SEEN)
    lent = lendable * (1 - seen)
    level = smooth(texture, seen, LIGHT) - smooth(other, lendable, LIGHT)
    both = seen[..., None] * texture + lent[..., None] * (other + np.float32(0.5) * level)
    share = (seen + lent).astype(np.float32)
    return grown((both / np.maximum(share, FAINT)[..., None]).astype(np.float32), share)
