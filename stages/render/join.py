"""A painted face and the re-shaped performer under it, as one edit of the frame.

What paints, matches and blends a face works on top of what the warp has made; the frame itself knows nothing of it.
Here the two layers become one difference to the frame, so that what neither touches stays as it was, bit by bit. What
is only moved goes on as that, with what is painted on top: it is written code by code, and needs no picture.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from stages.contract import MapStage
from stages.media import layers
from stages.media.planes import draw
from stages.packets import Edits, Faces, Moved, Painted, Region
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
        layers.prepare()

    def process(self, under: Edits, faces: Faces, edits: Edits | None = None) -> Edits:
        """One edit a face. under: the re-shaped performers; edits: painted on them, their `before` is the `after`
        of one of `under`.

        Raises:
            ValueError: a face was painted beyond the edit under it.
        """
        painted = {edit.track: edit for edit in edits.edits} if edits is not None else {}
        soft = Gaussian(width=self.width).process(under, faces)
        return Edits(under.at, tuple(_joined(edit, painted.get(edit.track)) for edit in soft.edits))


def _joined(under: Region, over: Region | None) -> Region:
    if over is None:
        return under
    if isinstance(under, Moved):
        return replace(under, painted=over if isinstance(over, Painted) else draw(over))
    return layers.laid(draw(under), draw(over))
