"""`landmarks.parquet`: every face's points in three layouts, its box, and how it was found."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from runner.analyse.block import Block

_LISTS: Final = {
    "box": (4, "x0, y0, x1, y1 around the landmarks, luma pixels"),
    "points_478": (478 * 3, "x, y, z of the 478 points of the face mesh, luma pixels; reshape to (478, 3)"),
    "points_106": (106 * 2, "x, y of 106 points in the order of InsightFace's 2d106det; reshape to (106, 2)"),
    "points_68": (68 * 2, "x, y of the 68 points of iBUG 300-W; reshape to (68, 2)"),
}
_PLAIN: Final = {
    "frame": (pa.int32(), "frame number, from 0"),
    "face_id": (pa.int32(), "face track, from 0"),
    "timestamp": (pa.float64(), "presentation time in seconds"),
    "pts": (pa.int64(), "presentation time in units of the clip's time base"),
    "presence": (pa.float32(), "0..1, the landmark model's own confidence that a face is there"),
    "bridged": (pa.bool_(), "true where optical flow carried the points over a gap"),
}


class LandmarksTable:
    """Writes blocks as row groups, so that memory does not grow with the clip.

    Raises:
        OSError: the file cannot be written.
    """

    def __init__(self, path: Path, metadata: Mapping[str, str]) -> None:
        fields = [pa.field(name, kind, metadata={"description": about}) for name, (kind, about) in _PLAIN.items()]
        fields += [
            pa.field(name, pa.list_(pa.float32(), size), metadata={"description": about})
            for name, (size, about) in _LISTS.items()
        ]
        self._schema = pa.schema(fields, metadata={"glabella.schema": "1", **metadata})
        split = {f"{name}.list.element": "BYTE_STREAM_SPLIT" for name in _LISTS}  # a fifth smaller
        self._writer = pq.ParquetWriter(
            path, self._schema, compression="zstd", use_dictionary=False, column_encoding=split
        )

    def __enter__(self) -> LandmarksTable:
        return self

    def __exit__(self, *error: object) -> None:
        self._writer.close()

    def add(self, block: Block) -> None:
        """Append one row group."""
        rows = block.rows
        plain = [rows.frame, rows.track, rows.seconds, rows.pts]
        plain += [np.array([face.presence for face in block.faces]), np.array([face.bridged for face in block.faces])]
        lists = [np.stack([face.box for face in block.faces]), block.points, block.points_106, block.points_68]
        arrays = [pa.array(values, kind) for values, (kind, _) in zip(plain, _PLAIN.values(), strict=True)]
        self._writer.write_table(pa.Table.from_arrays([*arrays, *map(_listed, lists)], schema=self._schema))


def _listed(values: NDArray[np.float32]) -> Any:
    """(n, ...) -> n lists of the same length."""
    return pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), int(values[0].size))
