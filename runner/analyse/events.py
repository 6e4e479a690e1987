"""`events.parquet` and `events.csv`: one row a micro-event, by onset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from runner.report.events import Event

_DIGITS: Final = 4  # of floats in the CSV
_COLUMNS: Final[Mapping[str, tuple[Any, str]]] = {
    "face_id": (pa.int32(), "face track, from 0"),
    "unit": (pa.string(), "Action Unit"),
    "label": (pa.string(), "its name"),
    "side": (pa.string(), "the performer's left or right, or both"),
    **{f"{name}_s": (pa.float64(), f"{name}, presentation time in seconds") for name in ("onset", "apex", "offset")},
    **{f"{name}_frame": (pa.int32(), f"{name}, frame from 0") for name in ("onset", "apex", "offset")},
    **{name: (pa.string(), f"{name}, HH:MM:SS:FF from the clip's start") for name in ("onset", "apex", "offset")},
    "strength": (pa.float32(), "intensity 0..5 of the apex above the course under it"),
    "letter": (pa.string(), "FACS letter of the strength, empty below a trace"),
    "confidence": (pa.float32(), "0..1"),
    "brief": (pa.bool_(), "at most half a second long; if not, only its onset is quick"),
}


def write_events(parquet: Path, csv: Path, events: Sequence[Event], metadata: Mapping[str, str]) -> None:
    """Write both tables; without events they have columns and no rows.

    Raises:
        OSError: a file cannot be written.
    """
    fields = [pa.field(name, kind, metadata={"description": about}) for name, (kind, about) in _COLUMNS.items()]
    schema = pa.schema(fields, metadata={"glabella.schema": "1", **metadata})
    pq.write_table(pa.Table.from_pylist([asdict(event) for event in events], schema), parquet, compression="zstd")
    rounded = [
        {name: round(value, _DIGITS) if isinstance(value, float) else value for name, value in asdict(event).items()}
        for event in events
    ]
    plain = [pa.field(one.name, pa.float64() if one.type == pa.float32() else one.type) for one in schema]
    with csv.open("wb") as file:
        file.write((",".join(_COLUMNS) + "\n").encode())  # by hand: Arrow puts every name in quotes
        options = pa.csv.WriteOptions(include_header=False, quoting_style="needed")
        pa.csv.write_csv(pa.Table.from_pylist(rounded, pa.schema(plain)), file, options)
