"""`units.parquet` and `units.csv`: one row a face and frame, OpenFace 2's columns first, then ours."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from runner.analyse.block import Block
from runner.analyse.levels import codes, levels
from runner.analyse.openface import INTENSITIES, PRESENCES
from runner.analyse.options import Options
from stages import facs

_FACS: Final = "FACS intensity, 0..5 (A..E = 1..5)"
_DIGITS: Final = 4  # of floats in the CSV; a ten-thousandth of a pixel, an intensity step or a radian


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its Arrow type, what it holds, and how it is read off a block. `openface`: OpenFace 2 has it too."""

    name: str
    kind: Any
    about: str
    of: Callable[[Block], NDArray[Any] | list[Any]]
    openface: bool = False


def columns(options: Options) -> tuple[Column, ...]:
    """All columns in order."""
    return (*_openface(options), *_ours(options))


class UnitsTables:
    """Writes blocks as Parquet row groups and CSV lines, so that memory does not grow with the clip.

    Raises:
        OSError: a file cannot be written.
    """

    def __init__(self, parquet: Path, csv: Path, options: Options, metadata: Mapping[str, str]) -> None:
        self._columns = columns(options)
        fields = [pa.field(one.name, one.kind, metadata={"description": one.about}) for one in self._columns]
        self._schema = pa.schema(fields, metadata={"glabella.schema": "1", **metadata})
        self._shown = [one.name for one in self._columns if one.openface or options.csv == "all"]
        self._parquet = pq.ParquetWriter(parquet, self._schema, compression="zstd")
        self._file = csv.open("wb")
        self._file.write((",".join(self._shown) + "\n").encode())  # by hand: Arrow puts every name in quotes
        plain = pa.csv.WriteOptions(include_header=False, quoting_style="needed")
        self._csv = pa.csv.CSVWriter(self._file, self._schema_of_csv(), write_options=plain)

    def __enter__(self) -> UnitsTables:
        return self

    def __exit__(self, *error: object) -> None:
        self._parquet.close()
        self._csv.close()
        self._file.close()

    def add(self, block: Block) -> None:
        """Append one block."""
        arrays = [pa.array(one.of(block), one.kind, from_pandas=True) for one in self._columns]  # NaN becomes null
        table = pa.Table.from_arrays(arrays, schema=self._schema)
        self._parquet.write_table(table)
        short = [_rounded(table[name]) for name in self._shown]
        self._csv.write_table(pa.Table.from_arrays(short, schema=self._schema_of_csv()))

    def _schema_of_csv(self) -> Any:
        return pa.schema([pa.field(name, _wide(self._schema.field(name).type)) for name in self._shown])


def _wide(kind: Any) -> Any:
    """Rounded float32 is shown with all its digits, float64 is not."""
    return pa.float64() if pa.types.is_floating(kind) else kind


def _rounded(column: Any) -> Any:
    return pc.round(column.cast(pa.float64()), _DIGITS) if pa.types.is_floating(column.type) else column


def _openface(options: Options) -> Iterator[Column]:
    """In OpenFace's order."""
    yield Column("frame", pa.int32(), "frame number, from 0", lambda b: b.rows.frame, True)
    yield Column("face_id", pa.int32(), "face track, from 0; the same person while the track lasts", _track, True)
    yield Column("timestamp", pa.float64(), "presentation time in seconds", lambda b: b.rows.seconds, True)
    yield Column("confidence", pa.float32(), "of the unit seen best, 0..1", lambda b: b.confidence, True)
    seen = f"1 where confidence is at least {options.min_confidence:g}"
    yield Column("success", pa.int8(), seen, lambda b: b.confidence >= options.min_confidence, True)
    for i, way in enumerate(("toward the performer's left", "down")):
        about = f"gaze of both eyes in the camera's space, radians, above 0 {way}"
        yield Column(f"gaze_angle_{'xy'[i]}", pa.float32(), about, lambda b, i=i: b.gaze[:, i], True)  # type: ignore[misc]
    for i, around in enumerate("xyz"):
        about = f"head rotation about {around}, radians, Rx @ Ry @ Rz; x right, y down, z away from the camera"
        yield Column(f"pose_R{around}", pa.float32(), about, lambda b, i=i: b.euler[:, i], True)  # type: ignore[misc]
    for axis, i in product(range(2), range(68)):
        yield Column(f"{'xy'[axis]}_{i}", pa.float32(), f"iBUG point {i}, luma pixels", _point(i, axis), True)
    for name in INTENSITIES:
        yield Column(f"{name}_r", pa.float32(), f"{_label(name)}, {_FACS}", _both(name), True)
    for name in PRESENCES:
        about = f"{_label(name)}, 1 where intensity is at least {options.present:g}"
        yield Column(f"{name}_c", pa.int8(), about, _present(name, options.present), True)


def _ours(options: Options) -> Iterator[Column]:
    yield Column("pts", pa.int64(), "presentation time in units of the clip's time base", lambda b: b.rows.pts)
    for i, name in enumerate(("yaw", "pitch", "roll")):
        way = ("toward the performer's left", "up", "toward the performer's right shoulder")[i]
        about = f"head {name} in degrees, above 0 {way}"
        yield Column(name, pa.float32(), about, lambda b, i=i: b.rows.pose[:, i])  # type: ignore[misc]
    yield Column("facs", pa.string(), "the frame as FACS codes; L and R where the sides differ", _codes)
    for unit in facs.UNITS:
        yield from _unit(unit)
    for i, unit in enumerate(facs.HEAD):
        about = f"{unit.label}, intensity 0..5 of the pose"
        yield Column(unit.name, pa.float32(), about, lambda b, i=i: b.head[:, i])  # type: ignore[misc]


def _unit(unit: facs.ActionUnit) -> Iterator[Column]:
    i = facs.INDEX[unit.name]
    yield Column(unit.name, pa.float32(), f"{unit.label}, {_FACS}, mean of both sides", _both(unit.name))
    if unit.sided:
        for side, name in enumerate(("left", "right")):
            about = f"{unit.label}, {_FACS}, performer's {name}"
            yield Column(f"{unit.name}_{name}", pa.float32(), about, lambda b, s=side: b.sides[:, i, s])  # type: ignore[misc]
    about = f"{unit.label}, confidence of the measurement, 0..1"
    yield Column(f"{unit.name}_confidence", pa.float32(), about, lambda b: b.rows.confidence[:, i])


def _track(block: Block) -> NDArray[Any]:
    return block.rows.track


def _codes(block: Block) -> list[str]:
    return codes(levels(block.sides), levels(block.head))


def _point(index: int, axis: int) -> Callable[[Block], NDArray[Any]]:
    return lambda block: block.points_68[:, index, axis]


def _both(name: str) -> Callable[[Block], NDArray[Any]]:
    return lambda block: block.both[:, facs.INDEX[name]]


def _present(name: str, least: float) -> Callable[[Block], NDArray[Any]]:
    def of(block: Block) -> NDArray[Any]:
        value = block.both[:, facs.INDEX[name]]
        return np.where(np.isnan(value), np.nan, value >= least)

    return of


def _label(name: str) -> str:
    return facs.UNITS[facs.INDEX[name]].label
