"""What a photo shows beside the skin, taken out as far as that helps: hair, one-sided light, its expression."""

from __future__ import annotations

from functools import cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from stages import facs
from stages.expression import chart, occlusion
from stages.expression.textures import regions
from stages.expression.textures.stage import PAINTED, usual
from stages.expression.trust import hidden
from stages.faces import layouts
from stages.identity.flat import Flat, blurred, ramp, smooth
from stages.identity.merge import filled
from stages.packets import Floats

FOREIGN: Final = (2.1, 3.3)
"""Standard deviations of the face's own skin by which what reaches in from the outline may still be skin, and is not:
hair, a cap, the background behind a narrow face."""
_LEAST: Final = np.array([0.10, 0.03, 0.05], np.float32)  # of log luma, log R/G and log B/G: skin is never more even
HAIRLINE: Final = (3.0, 10.0)
"""Texels from what reaches in over which the weight rises from none to full: hair throws a shade, and a mask that ends
there must be soft."""
SHADED: Final = (8.0, 14.0)
"""The same on forehead and brows, where a fringe's ends and their shade reach further. Where the other brow is clear of
hair, it is taken from there."""
_STRANDS: Final = 2.0  # texels: standard deviation of a smoothing over strands of hair with skin between
_FLOOR: Final = np.float32(0.02)  # added to nominal R'G'B' before logarithms
FRINGE: Final = 0.3
"""Share of doubt in a covered forehead: most of the time it is hair, which `without_hair` finds texel by texel."""
BROAD: Final = 0.07
"""Of the chart's side: standard deviation of what counts as light and not as the face."""
EVEN: Final = 0.6
"""Share of the light's one-sidedness that is taken out: all of it would take a crooked nose's shade along."""
MOST: Final = 0.5
"""Natural logarithms of R'G'B' by which light is changed at most."""
CAST: Final = 0.03
"""Of the chart's side: standard deviation of the shadows that a nose and brows throw."""
LIFT: Final = 0.75
"""Share of such a shadow that is taken out."""
ALIKE: Final = 0.08
"""Natural logarithms of R'G'B' by which both sides differ where it surely is a shadow."""
REST: Final = 0.8
"""Share of what the rig's skin does at the measured intensities that is taken out."""


def without_hair(flat: Flat) -> Flat:
    """No weight for what reaches in from the outline and is not of the skin's colour; a brow that lies in its shade is
    taken from the other side, if that is clear there."""
    size = (chart.SIZE, chart.SIZE)
    small = cv2.resize(flat.texture, size, interpolation=cv2.INTER_AREA)
    colours = cv2.GaussianBlur(_colours(small), (0, 0), _STRANDS)
    seen = cv2.resize(flat.weight, size, interpolation=cv2.INTER_AREA)
    plain = chart.plain_skin() & (seen > 0.3)
    if plain.sum() < 100:
        return flat
    middle = np.median(colours[plain], 0)
    spread = np.maximum(1.48 * np.median(np.abs(colours[plain] - middle), 0), _LEAST)
    off = ramp(np.sqrt(np.square((colours - middle) / spread).mean(-1)), *FOREIGN)
    foreign = _reaching((off > 0.3) & _beside())
    skin = _middle_part(~foreign)
    depth = distance_transform_edt(np.pad(skin, 1, constant_values=True))[1:-1, 1:-1]
    kept, clear = (_sized(ramp(depth.astype(np.float32), *limits), flat) for limits in (HAIRLINE, SHADED))
    below = _sized(_below_brows(), flat)
    own = np.maximum(np.maximum(clear, 1 - clear[:, ::-1]), below)
    return Flat(filled(flat.texture, flat.weight * own), flat.weight * (clear + below * (kept - clear)))


def uncovered(flat: Flat, covered: Floats) -> Flat:
    """No weight where something lies over the face; covered: (len(REGIONS),) as of `Cues`."""
    hiding = np.zeros((chart.SIZE, chart.SIZE), np.float32)
    for name, share, region in zip(occlusion.REGIONS, hidden(covered), occlusion.regions(), strict=True):
        most = FRINGE if name == "forehead" else 1.0
        hiding = np.maximum(hiding, np.float32(most * share) * region)
    free = np.float32(1) - np.clip(1.5 * cv2.GaussianBlur(hiding, (0, 0), 3.0), 0, 1)
    return Flat(flat.texture, flat.weight * _sized(free, flat))


def evenly_lit(flat: Flat) -> Flat:
    """With the light of both sides nearer to each other; broad shades only, and only where both sides are seen."""
    weight = flat.weight * _sized(_lit(), flat)
    log = np.log(np.maximum(smooth(flat.texture, weight, BROAD), 0) + _FLOOR).mean(-1)
    both = np.sqrt(blurred(weight, BROAD) * blurred(weight[:, ::-1], BROAD))
    gain = np.clip(np.float32(EVEN / 2) * (log[:, ::-1] - log) * ramp(both, 0.05, 0.4), -MOST, MOST)
    return _without_shadows(Flat(flat.texture * np.exp(gain)[..., None], flat.weight), weight)


def _without_shadows(flat: Flat, weight: Floats) -> Flat:
    """What is darker than the same spot of the other side, beside a nose or under a brow, brought nearer to that."""
    log = np.log(np.maximum(smooth(flat.texture, weight, CAST), 0) + _FLOOR)
    both = np.minimum(blurred(weight, CAST), blurred(weight[:, ::-1], CAST))
    lighter = log[:, ::-1] - log
    share = np.float32(LIFT) * ramp(lighter.mean(-1), 0, ALIKE) * ramp(both, 0.05, 0.35)
    gain = blurred(share[..., None] * lighter, CAST / 2)
    return Flat(flat.texture * np.exp(np.minimum(gain, MOST)), flat.weight)


def at_rest(flat: Flat, units: Floats) -> Flat:
    """Less the folds and shades that the photo's own expression makes, (facs.COUNT, 2) intensities, on a usual skin."""
    left = regions.left()
    change = np.zeros((chart.SIZE, chart.SIZE), np.float32)
    for number, one in zip(PAINTED, usual(), strict=True):
        shown = units[facs.INDEX[f"AU{number:02d}"]]
        change += one * (shown[0] * left + shown[1] * (1 - left)).astype(np.float32)
    whole = cv2.resize(change, flat.weight.shape[::-1], interpolation=cv2.INTER_CUBIC)
    gain = np.exp(-np.float32(REST) * whole)[..., None]
    return Flat((flat.texture * gain).astype(np.float32), flat.weight)


def _sized(chart_picture: Floats, flat: Flat) -> Floats:
    """A picture of the chart at a texture's own size."""
    return np.asarray(cv2.resize(chart_picture, flat.weight.shape[::-1], interpolation=cv2.INTER_LINEAR), np.float32)


def _colours(texture: Floats) -> Floats:
    red, green, blue = np.moveaxis(np.log(np.maximum(texture, 0) + _FLOOR), -1, 0)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    return np.stack([luma, red - green, blue - green], -1).astype(np.float32)


def _reaching(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The parts of a mask that touch the outline."""
    _, labels = cv2.connectedComponents(mask.astype(np.uint8))
    touching = np.unique(labels[mask & _outline()])
    found: NDArray[np.bool_] = np.isin(labels, touching) & mask
    return found


def _middle_part(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The part of a mask that holds the nose: a patch of forehead beyond a fringe is none of it."""
    _, labels = cv2.connectedComponents(mask.astype(np.uint8))
    column, row = np.rint(chart.places()[4]).astype(int)
    part: NDArray[np.bool_] = labels == labels[row, column]
    return part


@cache
def _outline() -> NDArray[np.bool_]:
    ring: NDArray[np.bool_] = chart.inside(layouts.OVAL) & ~chart.inside(layouts.OVAL, -5)
    return ring


@cache
def _beside() -> NDArray[np.bool_]:
    """Where hair may hang in: the forehead, the temples and the rim of the cheeks."""
    brow = int(chart.places()[layouts.BROWS, 1].min()) - 3
    rows = np.arange(chart.SIZE)[:, None]
    rim = ~chart.inside(layouts.OVAL, -24)
    chin = int(chart.places()[17, 1])
    found: NDArray[np.bool_] = (rows < brow) | (rim & (rows < chin))
    return found


@cache
def _below_brows() -> Floats:
    """(SIZE, SIZE) 0 down to the eyes' upper rims, 1 below them, softly."""
    brow, lid = chart.places()[layouts.BROWS, 1].max(), chart.places()[layouts.RIGHT_EYE, 1].min()
    return np.repeat(ramp(np.arange(chart.SIZE, dtype=np.float32), brow, lid)[:, None], chart.SIZE, 1)


@cache
def _lit() -> Floats:
    """(SIZE, SIZE) 1 on skin that tells of light: not brows, eyes and lips."""
    rims = (layouts.LEFT_EYE, layouts.RIGHT_EYE, layouts.LIPS_OUTER, layouts.LEFT_BROW, layouts.RIGHT_BROW)
    other = np.any([chart.inside(rim, 3) for rim in rims], axis=0)
    return np.asarray(1 - other, np.float32)
