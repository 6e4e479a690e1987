"""A painted face and the re-shaped performer under it, as one edit of the frame.

What paints, matches and blends a face works on top of what the warp has made; the frame itself knows nothing of it.
Here the two layers become one difference to the frame, so that what neither touches stays as it was, bit by bit.
"""

# mypy: disable-error-code="untyped-decorator"
from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np

from stages.contract import MapStage
from stages.media.planes import drawn
from stages.packets import Edit, Edits, Faces, Floats
from stages.render.blend import Gaussian


@dataclass(frozen=True, kw_only=True)
class Join(MapStage):
    """Lay painted faces over the edits they were painted on.

    width: 0..0.5 interocular distances, the feather of the edits underneath.
    """

    width: float = 0.03

    def __post_init__(self) -> None:
        Gaussian(width=self.width)

    def prepare(self) -> None:
        """Compile."""
        picture, mask = np.zeros((1, 1, 3), np.float32), np.zeros((1, 1), np.float32)
        _lay(picture, picture, picture, picture, mask, mask, picture.copy())

    def process(self, under: Edits, faces: Faces, edits: Edits | None = None) -> Edits:
        """One edit a face. under: the re-shaped performers; edits: painted on them, their `before` is the `after`
        of one of `under`."""
        painted = {edit.track: edit for edit in drawn(edits)} if edits is not None else {}
        soft = Gaussian(width=self.width).process(under, faces)
        return Edits(under.at, tuple(_joined(edit, painted.get(edit.track)) for edit in drawn(soft)))


def _joined(under: Edit, over: Edit | None) -> Edit:
    if over is None:
        return under
    if over.box != under.box:
        raise ValueError(f"a face was painted over {over.box}, its edit covers {under.box}")
    after, mask = np.empty_like(under.after), under.mask.copy()
    _lay(under.before, under.after, over.before, over.after, mask, over.mask, after)
    return Edit(under.track, under.box, under.before, after, mask, over.places, under.sources)


@numba.njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _lay(
    before: Floats, moved: Floats, plain: Floats, painted: Floats, mask: Floats, over: Floats, after: Floats
) -> None:
    """Both layers into `after`; the mask becomes 1 wherever one of them is."""
    for y in range(before.shape[0]):
        for x in range(before.shape[1]):
            m, o = mask[y, x], over[y, x]
            for k in range(3):
                low = before[y, x, k] + m * (moved[y, x, k] - before[y, x, k])
                after[y, x, k] = low + o * (painted[y, x, k] - plain[y, x, k])
            if m > 0 or o > 0:
                mask[y, x] = 1
