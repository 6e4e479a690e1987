"""Who a photo shows, by every embedder that will be asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

import av
import numpy as np

from stages.faces.embed import Embedder
from stages.identity.photos import Shot
from stages.packets import Colour, Floats, Frame, Stamp


def vectors(shot: Shot, embedders: Sequence[Embedder]) -> Mapping[str, Floats]:
    """By the embedders' keys, as `stages.identity.likeness.Portrait` keeps them."""
    codes = np.rint(np.clip(shot.picture, 0, 1) * 255).astype(np.uint8)
    native = av.VideoFrame.from_ndarray(np.ascontiguousarray(codes), format="rgb24")
    frame = Frame(Stamp(shot.name, 0, 0, Fraction(1, 25)), native, Colour(matrix=0, full_range=True))
    return {embedder.key: embedder.vector(frame, shot.landmarks) for embedder in embedders}
