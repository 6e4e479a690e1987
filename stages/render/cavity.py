"""An opening mouth: let its dark parts stretch and keep the teeth as long as they are.

Moving skin cannot show what is behind the lips; a mouth that opens further stretches what it shows already. Spread
evenly that makes long teeth, so that the stretch goes where the picture is dark, the gap between the teeth and the
depth of the mouth.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np

from stages.media import planes
from stages.packets import Floats, Frame
from stages.render import mesh

SAMPLES: Final = 24
"""Depths between the lips at which the picture is looked at."""

_RIGID: Final = 0.25
"""What the brightest part yields against the darkest."""


def yielding(frame: Frame, face: Floats) -> Floats | None:
    """(columns of the mouth, SAMPLES) how readily each depth stretches, each column's sum 1; face: (468+, 2) pixels.

    None if the mouth is not in the frame.
    """
    rims = face[np.concatenate([mesh.MOUTH.upper, mesh.MOUTH.lower])]
    box = planes.align((*(rims.min(0) - 1), *(rims.max(0) + 2)), frame)
    if box[2] - box[0] < 2 or box[3] - box[1] < 2:
        return None
    return shares(planes.crop(frame, box)[..., 1], face - np.array(box[:2], np.float32))


def shares(light: Floats, face: Floats) -> Floats:
    """As `yielding`, in any picture: light (h, w) in which the face (468+, 2) lies at these pixels."""
    at = ((np.arange(SAMPLES, dtype=np.float32) + 0.5) / SAMPLES)[:, None]
    place = (face[mesh.MOUTH.upper][:, None] * (1 - at) + face[mesh.MOUTH.lower][:, None] * at).astype(np.float32)
    light = np.ascontiguousarray(light)
    seen = cv2.remap(light, place[..., 0], place[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    # Neighbours share, so that a grain or a tooth's edge does not jump between frames.
    seen = cv2.GaussianBlur(seen, (5, 7), 1.2, borderType=cv2.BORDER_REPLICATE)
    dark, bright = np.percentile(seen, (5, 95))
    dull = np.clip((bright - seen) / (bright - dark + 0.05), 0, 1)
    give = _RIGID + np.square(dull)
    shared: Floats = (give / give.sum(1, keepdims=True)).astype(np.float32)
    return shared


def stretched(offsets: Floats, face: Floats, moves: Floats, down: Floats, give: Floats) -> Floats:
    """The mouth's inner offsets with its opening shared out by `give`; as they were where it does not open.

    offsets: (inner points, 2) pixels, see `stages.render.deform.Deformed`. face, moves: (468, 2) pixels.
    """
    rims = np.stack([mesh.MOUTH.upper, mesh.MOUTH.lower])
    (upper, lower), (above, below) = face[rims], face[rims] + moves[rims]
    gap, height = np.maximum((lower - upper) @ down, 1e-3), np.maximum((below - above) @ down, 1e-3)
    opened = np.clip((1 - gap / height) / 0.25, 0, 1) * np.clip(gap / 4 - 0.5, 0, 1)
    places = above[:, None] * (1 - mesh.FRACTIONS[:, None]) + below[:, None] * mesh.FRACTIONS[:, None]
    depth = _depths(gap / height, give)[..., None]
    shared = upper[:, None] * (1 - depth) + lower[:, None] * depth - places
    weight = np.repeat(opened, len(mesh.FRACTIONS))[:, None]
    mixed: Floats = (offsets * (1 - weight) + shared.reshape(-1, 2) * weight).astype(np.float32)
    return mixed


def _depths(kept: Floats, give: Floats) -> Floats:
    """(columns, steps) depth 0..1 in the mouth as it was, of each inner point of the mouth as it will be."""
    was = np.linspace(0, 1, SAMPLES + 1)
    stretch = np.concatenate([np.zeros((len(give), 1)), np.cumsum(give, 1)], 1)
    share = np.minimum(kept, 1)[:, None]
    becomes = was * share + stretch * (1 - share)
    found = [np.interp(mesh.FRACTIONS, column, was) for column in becomes]
    return np.array(found, np.float32)
