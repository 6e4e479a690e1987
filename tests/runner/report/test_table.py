from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from runner.report.rows import blocks
from runner.report.table import UnitsTable
from stages import facs
from tests.runner.report.made import TIME_BASE, Line, line, smile


def table(folder: Path, tracks: dict[str, Line], block: int = 64) -> Path:
    path = folder / "units.parquet"
    with UnitsTable(path, tracks, {"time_base": str(TIME_BASE)}) as made:
        for rows in blocks(tracks, block):
            made.add(rows)
    return path


def test_one_row_per_frame_and_track_with_the_values_that_went_in(tmp_path: Path) -> None:
    got = pq.read_table(table(tmp_path, {"measured": line(90, tracks=2), "asked": line(90, 1.5, tracks=2)}))
    assert got.num_rows == 180
    assert got["frame"].to_pylist() == [i for i in range(90) for _ in range(2)]
    assert got["track"].to_pylist() == [0, 1] * 90
    wave = np.array([smile(i) for i in range(90)]).repeat(2)
    np.testing.assert_allclose(got["AU12"].to_numpy(), wave, atol=1e-6)
    np.testing.assert_allclose(got["AU12_left"].to_numpy(), wave + 0.1, atol=1e-6)
    np.testing.assert_allclose(got["AU12_right"].to_numpy(), wave - 0.1, atol=1e-6)
    np.testing.assert_allclose(got["AU12_asked"].to_numpy(), 1.5 * wave, atol=1e-6)
    assert set(got["AU12_confidence"].to_pylist()) == {0.75}
    assert [got[name][0].as_py() for name in ("yaw", "pitch", "roll")] == [1, 2, 3]


def test_time_is_exact(tmp_path: Path) -> None:
    got = pq.read_table(table(tmp_path, {"measured": line(90)}))
    assert got.schema.metadata[b"time_base"] == b"1001/30000"
    assert got["pts"].to_pylist() == list(range(90))
    assert got["time_s"][89].as_py() == pytest.approx(89 * 1001 / 30000, abs=1e-12)


def test_every_au_is_there_and_only_sided_ones_have_sides(tmp_path: Path) -> None:
    names = set(pq.read_schema(table(tmp_path, {"measured": line(3)})).names)
    assert set(facs.NAMES) <= names
    assert {f"{unit.name}_left" for unit in facs.UNITS if unit.sided} == {n for n in names if n.endswith("_left")}
    assert not any(name.endswith(("_asked", "_achieved")) for name in names)


def test_every_column_says_what_it_is(tmp_path: Path) -> None:
    schema = pq.ParquetFile(table(tmp_path, {"measured": line(3)})).schema_arrow
    assert all(schema.field(name).metadata[b"description"] for name in schema.names)
    assert b"brow lowerer" in schema.field("AU04").metadata[b"description"]


def test_frames_without_a_face_have_no_row_and_missing_read_backs_are_null(tmp_path: Path) -> None:
    tracks = {"measured": line(40, there=lambda i: i != 7), "achieved": line(40, 1.2, there=lambda i: i % 10 == 0)}
    got = pq.read_table(table(tmp_path, tracks))
    assert 7 not in got["frame"].to_pylist()
    assert got["AU12_achieved"].null_count == 39 - 4
    assert got["AU12"].null_count == 0


def test_row_groups_stay_small(tmp_path: Path) -> None:
    found = pq.ParquetFile(table(tmp_path, {"measured": line(100)}, block=32)).metadata
    assert [found.row_group(i).num_rows for i in range(found.num_row_groups)] == [32, 32, 32, 4]
