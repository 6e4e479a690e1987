"""Leave alone what lies before a face: where a hand is, the picture stays as it was.

A cover is known on the face chart (`stages.expression.cover`). It is laid where the mesh is in the frame, because there
the hand is seen, and where the edit has put the mesh, because there the hand's pixels would have gone; the edit is
written back in neither place.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import Final, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from stages.contract import MapStage
from stages.expression import chart
from stages.faces import layouts
from stages.packets import Bytes, Covers, Edits, Face, Faces, Floats, Moved, Region
from stages.render import mesh, raster

COARSE: Final = 4
"""Pixels a side of a sample: a texel of a cover is three times as large in a face of 800 pixels."""

_Region = TypeVar("_Region", bound=Region)


@dataclass(frozen=True, kw_only=True)
class Uncover(MapStage):
    """Take what is covered out of the edits' masks."""

    def prepare(self) -> None:
        """Lay out the chart."""
        _rows()

    def process(self, edits: Edits, faces: Faces, covers: Covers | None = None) -> Edits:
        """The edits with less mask; the very same packet where nothing is covered."""
        if covers is None:
            return edits
        shown = {face.track: face for face in faces.faces}
        return edits.having(tuple(self._edit(edit, shown.get(edit.track), covers) for edit in edits.edits))

    def _edit(self, edit: Region, face: Face | None, covers: Covers) -> Region:
        left = _left(edit, face, covers)
        if isinstance(left, Moved) and left.painted is not None:
            return replace(left, painted=_left(left.painted, face, covers))
        return left


def _left(edit: _Region, face: Face | None, covers: Covers) -> _Region:
    covered = hidden(edit, face, covers)
    return replace(edit, mask=edit.mask * (1 - covered)) if covered is not None else edit


def hidden(edit: Region, face: Face | None, covers: Covers | None) -> Floats | None:
    """How much of each sample of the edit's mask shows what lies before the face, in the frame or in `after`, 0..1;
    None if nothing does, and where no mesh was drawn."""
    cover = covers.of(edit.track) if covers is not None else None
    if cover is None or face is None or not len(edit.places):
        return None
    coarse = np.maximum(*(laid(cover.hidden, edit, face, points) for points in (edit.sources, edit.places)))
    return enlarged(coarse, edit.mask.shape, COARSE // edit.stride) if coarse.any() else None


def enlarged(coarse: Floats, shape: tuple[int, ...], times: int = COARSE) -> Floats:
    """(h, w) of what `laid` gives, `times` as large."""
    fine = cv2.resize(coarse, None, fx=times, fy=times, interpolation=cv2.INTER_LINEAR)
    return np.asarray(fine[: shape[0], : shape[1]], np.float32)


def laid(hidden: Bytes, edit: Region, face: Face, points: Floats) -> Floats:
    """(ceil(h / COARSE), ceil(w / COARSE)) 0..1 of the edit's box: a cover on the mesh whose vertices lie at `points`,
    (mesh.COUNT, 2) luma pixels.

    Beyond the outline it goes on as at the nearest point of it.
    """
    x0, y0, x1, y1 = edit.box
    shape = -(-(y1 - y0) // COARSE), -(-(x1 - x0) // COARSE)
    placed = (points - np.array([x0, y0], np.float32) - (COARSE - 1) / 2) / COARSE
    depth = face.landmarks[: layouts.MESH_COUNT, 2]
    skin = _face()[np.argsort(-depth[_face()].sum(1), kind="stable")]
    triangles = np.concatenate([_around(), skin])
    rows = _rows() * np.array([len(hidden) / chart.SIZE, len(hidden) / chart.SIZE, 1], np.float32)
    u, v, on = raster.rasterise(triangles, placed.astype(np.float32), rows, shape)
    shift = np.float32((len(hidden) / chart.SIZE - 1) / 2)  # a texel's centre lies at a whole number on either chart
    seen = cv2.remap(hidden, u + shift, v + shift, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(seen * (on / np.float32(255)), np.float32)


@cache
def _around() -> NDArray[np.int32]:
    """Triangles between the outline and the rings."""
    return np.asarray(mesh.TRIANGLES[(mesh.TRIANGLES >= mesh.FIRST_RING).any(1)], np.int32)


@cache
def _face() -> NDArray[np.int32]:
    """Triangles of the face, eyes and mouth filled: what covers a mouth covers what is in it."""
    return mesh.clockwise(layouts.TRIANGLES)


@cache
def _rows() -> Floats:
    """(mesh.COUNT, 3) column and row on the chart, and 1; a ring's are those of the outline beside it."""
    rows = np.ones((mesh.COUNT, 3), np.float32)
    rows[: layouts.MESH_COUNT, :2] = chart.places()
    rows[mesh.FIRST_RING :, :2] = np.tile(chart.places()[layouts.OVAL], (len(mesh.RINGS), 1))
    rows.setflags(write=False)
    return rows
