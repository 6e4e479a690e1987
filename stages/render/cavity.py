"""An opening mouth: let its dark parts stretch and keep the teeth as long as they are.

Moving skin cannot show what is behind the lips; a mouth that opens further stretches what it shows already. Spread
evenly that makes long teeth, so that the stretch goes where the picture is dark, the gap between the teeth and the
depth of the mouth.
"""

# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

from typing import Final

import cv2
import numba
import numpy as np

from stages.media import planes
from stages.packets import Floats, Frame
from stages.render import mesh
from stages.render.openings import along

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
    dark, bright = np.interp(np.array([0.05, 0.95]) * (seen.size - 1), np.arange(seen.size), np.sort(seen, axis=None))
    dull = np.clip((bright - seen) / (bright - dark + 0.05), 0, 1)
    give = _RIGID + np.square(dull)
    shared: Floats = (give / give.sum(1, keepdims=True)).astype(np.float32)
    return shared


def stretched(offsets: Floats, face: Floats, moves: Floats, down: Floats, give: Floats) -> Floats:
    """The mouth's inner offsets with its opening shared out by `give`; as they were where it does not open.

    offsets: (inner points, 2) pixels, see `stages.render.deform.Deformed`. face, moves: (468, 2) pixels.
    """
    rims = np.stack([mesh.MOUTH.upper, mesh.MOUTH.lower])
    given = (part.astype(np.float32) for part in (offsets, face[rims], face[rims] + moves[rims], down, give))
    mixed: Floats = _stretched(*given)
    return mixed


@numba.njit(cache=True, nogil=True)
def _stretched(offsets: Floats, rims: Floats, after: Floats, down: Floats, give: Floats) -> Floats:
    """`stretched`, column by column. rims, after: (2, columns, 2)."""
    steps, mixed = len(mesh.FRACTIONS), offsets.copy()
    for c in range(rims.shape[1]):
        gap, height = max(along(rims[0, c], rims[1, c], down), 1e-3), max(along(after[0, c], after[1, c], down), 1e-3)
        opened = min(max((1 - gap / height) / 0.25, 0.0), 1.0) * min(max(gap / 4 - 0.5, 0.0), 1.0)
        was, until, further, kept = 0, 0.0, 0.0, min(gap / height, 1.0)
        for k, at in enumerate(mesh.FRACTIONS):
            while until + further < at and was < give.shape[1]:  # the depth that comes to lie at `at`
                until += further
                further = kept / give.shape[1] + give[c, was] * (1 - kept)
                was += 1
            depth = (was - 1 + (at - until) / further) / give.shape[1]
            for x in range(2):
                shared = rims[0, c, x] * (1 - depth) + rims[1, c, x] * depth
                shared -= after[0, c, x] * (1 - at) + after[1, c, x] * at
                mixed[c * steps + k, x] += opened * (shared - mixed[c * steps + k, x])
    return mixed
