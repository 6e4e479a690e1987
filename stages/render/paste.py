"""Cut and paste: no blending at all, which is what blending is held against."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from stages.contract import MapStage
from stages.media.planes import drawn
from stages.packets import Edits


@dataclass(frozen=True, kw_only=True)
class Paste(MapStage):
    """Every pixel of which the mask takes half or more is taken whole, every other not at all."""

    def process(self, edits: Edits) -> Edits:
        """The edits with masks of 0 and 1."""
        cut = (replace(edit, mask=(edit.mask >= 0.5).astype(np.float32)) for edit in drawn(edits))
        return Edits(edits.at, tuple(cut))
