"""`units.parquet`: every curve of the clip, one row per frame and track."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from runner.report.quality import SCORES
from runner.report.rows import CURVES, Rows
from stages import facs

_INTENSITY = "FACS intensity, 0..5 (A..E = 1..5)"


class UnitsTable:
    """Writes blocks of rows as Parquet row groups, so that memory does not grow with the clip."""

    def __init__(self, path: Path, curves: Iterable[str], metadata: dict[str, str], scored: bool = False) -> None:
        """Open `path`. `curves` are the curves that exist; `metadata` is kept in the file's key-value metadata.

        scored: the pictures were scored, so there are columns for that.
        """
        self._scored = scored
        self._curves = [name for name in CURVES if name in curves]
        fields = [pa.field(name, kind, metadata={"description": about}) for name, kind, about in self._columns()]
        self._schema = pa.schema(fields, metadata={"glabella.schema": "1", **metadata})
        self._writer = pq.ParquetWriter(path, self._schema, compression="zstd")

    def __enter__(self) -> UnitsTable:
        return self

    def __exit__(self, *error: object) -> None:
        self._writer.close()

    def add(self, rows: Rows) -> None:
        """Append one row group."""
        arrays = list(self._arrays(rows))
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=self._schema))

    def _columns(self) -> Iterator[tuple[str, Any, str]]:
        yield "frame", pa.int32(), "frame number, from 0"
        yield "pts", pa.int64(), "presentation time in units of the clip's time base (file metadata `time_base`)"
        yield "time_s", pa.float64(), "presentation time in seconds"
        yield "track", pa.int32(), "face track, from 0"
        for name in ("yaw", "pitch", "roll"):
            yield name, pa.float32(), f"head {name} in degrees"
        for unit in facs.UNITS:
            yield from self._unit_columns(unit)
        for name in SCORES if self._scored else ():
            yield name, pa.float32(), "score of the rendered picture (docs/gallery.md); null where none was taken"

    def _unit_columns(self, unit: facs.ActionUnit) -> Iterator[tuple[str, Any, str]]:
        about = f"{unit.label}, {_INTENSITY}"
        yield unit.name, pa.float32(), f"{about}, measured, mean of both sides"
        if unit.sided:
            yield f"{unit.name}_left", pa.float32(), f"{about}, measured, performer's left"
            yield f"{unit.name}_right", pa.float32(), f"{about}, measured, performer's right"
        for curve in self._curves[1:]:
            yield f"{unit.name}_{curve}", pa.float32(), f"{about}, {curve}, mean of both sides"
        yield f"{unit.name}_confidence", pa.float32(), f"{unit.label}, confidence of the measurement, 0..1"

    def _arrays(self, rows: Rows) -> Iterator[pa.Array]:
        yield from (pa.array(rows.frame, pa.int32()), pa.array(rows.pts), pa.array(rows.seconds))
        yield pa.array(rows.track, pa.int32())
        yield from (pa.array(np.ascontiguousarray(rows.pose[:, axis])) for axis in range(3))
        means = np.ascontiguousarray(rows.values.mean(axis=3).transpose(1, 2, 0))
        sides = np.ascontiguousarray(rows.values[:, 0].transpose(1, 2, 0))
        confidence = np.ascontiguousarray(rows.confidence.T)
        for i, unit in enumerate(facs.UNITS):
            yield pa.array(means[0, i])
            if unit.sided:
                yield from (pa.array(sides[i, 0]), pa.array(sides[i, 1]))
            for curve in self._curves[1:]:
                yield pa.array(means[CURVES.index(curve), i], from_pandas=True)  # NaN is absence: null
            yield pa.array(confidence[i])
        for column in rows.scores.T if self._scored else ():
            yield pa.array(np.ascontiguousarray(column), from_pandas=True)
