"""What an analysis leaves, file by file."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path
from xml.etree import ElementTree as ET

import av
import numpy as np
import pyarrow.parquet as pq
import pytest

from runner.analyse.write import NAMES
from stages import facs
from stages.faces import layouts
from tests.runner.analyse.steps import Capture, Sample, analyse, columns, report
from tests.runner.report.test_write import Page

INTENSITIES = "AU01_r AU02_r AU04_r AU05_r AU06_r AU07_r AU09_r AU10_r AU12_r AU14_r AU15_r AU17_r AU20_r AU23_r AU25_r"
EARLY = "frame face_id timestamp confidence success gaze_angle_x gaze_angle_y pose_Rx pose_Ry pose_Rz"


def test_every_file_is_there_and_nothing_else(made: Path, clip: Path) -> None:
    assert {path.name for path in made.iterdir()} == {name.format(clip.stem) for name in NAMES}


def test_a_notebook_for_openface_finds_its_columns(made: Path) -> None:
    (path,) = made.glob("*.units.csv")
    header = path.read_text("utf-8").splitlines()[0].split(",")
    assert " ".join(header[:10]) == EARLY
    assert header[10:146] == [f"{axis}_{i}" for axis in "xy" for i in range(68)]
    intensities = [name for name in header if name.endswith("_r")]
    assert " ".join(intensities) == f"{INTENSITIES} AU26_r AU45_r"
    presences = [name for name in header if name.endswith("_c")]
    assert presences == [name.replace("_r", "_c") for name in intensities[:-1]] + ["AU28_c", "AU45_c"]
    got = columns(path)
    assert set(got["success"]) == {1}
    for name in intensities:
        known = got[name][~np.isnan(got[name].astype(float))]
        assert ((known >= 0) & (known <= 5)).all()
    np.testing.assert_allclose(np.diff(got["timestamp"]), 1 / 30, atol=1e-3)
    assert np.ptp(got["AU12_r"]) > 2  # the clip is of a smile's onset
    np.testing.assert_array_equal(got["AU12_c"], got["AU12_r"] >= 0.5)


def test_what_was_not_measured_is_empty_and_not_zero(made: Path) -> None:
    (path,) = made.glob("*.units.parquet")
    table = pq.read_table(path)
    for name in facs.NAMES:
        unsure = table[f"{name}_confidence"].to_numpy() == 0
        assert np.array_equal(np.isnan(table[name].to_numpy()), unsure), name
    assert all(table[f"{name}_confidence"].null_count == 0 for name in facs.NAMES)


def test_csv_and_parquet_hold_the_same(made: Path) -> None:
    (path,), (other,) = made.glob("*.units.csv"), made.glob("*.units.parquet")
    got, table = columns(path), pq.read_table(other)
    assert list(got) == table.column_names
    assert len(got["frame"]) == table.num_rows == 30
    for name in ("x_30", "AU12_left", "pose_Rx", "yaw", "AU54"):
        np.testing.assert_allclose(got[name], table[name].to_numpy(), atol=6e-5)
    assert table.schema.field("AU12_left").metadata[b"description"].startswith(b"lip corner puller, FACS intensity")
    assert list(got["facs"]) == table["facs"].to_pylist()


def test_sides_their_mean_and_the_codes_agree(made: Path) -> None:
    (path,) = made.glob("*.units.parquet")
    table = pq.read_table(path)
    left, right = (table[f"AU12_{side}"].to_numpy() for side in ("left", "right"))
    np.testing.assert_allclose(table["AU12"].to_numpy(), (left + right) / 2, atol=1e-6)
    np.testing.assert_array_equal(table["AU12"].to_numpy(), table["AU12_r"].to_numpy())
    for score, a, b in zip(table["facs"].to_pylist(), left.tolist(), right.tolist(), strict=True):
        found = dict(re.findall(r"(?:^|\+)([LR]?)12([A-E])", score))
        want = {"L": facs.letter(a), "R": facs.letter(b)}
        assert found == ({"": want["L"]} if want["L"] == want["R"] != "" else {k: v for k, v in want.items() if v})


def test_landmarks_in_three_layouts_are_those_of_the_table(made: Path) -> None:
    (path,), (other,) = made.glob("*.landmarks.parquet"), made.glob("*.units.parquet")
    table, units = pq.read_table(path), pq.read_table(other)
    points = {n: np.stack(table[f"points_{n}"].to_numpy()) for n in (478, 106, 68)}
    mesh = points[478].reshape(-1, 478, 3)
    np.testing.assert_allclose(points[68].reshape(-1, 68, 2), layouts.TO_68 @ mesh[:, :, :2], atol=1e-3)
    np.testing.assert_allclose(points[106].reshape(-1, 106, 2), layouts.TO_106 @ mesh[:, :, :2], atol=1e-3)
    np.testing.assert_array_equal(points[68].reshape(-1, 68, 2)[:, 8, 1], units["y_8"].to_numpy())
    box = np.stack(table["box"].to_numpy())
    assert (mesh[:, :468, 0] >= box[:, :1] - 1).all()
    assert (mesh[:, :468, 0] <= box[:, 2:3] + 1).all()
    assert table["presence"].to_numpy().min() > 0.9
    assert not any(table["bridged"].to_pylist())


def test_the_summary_is_of_the_table(made: Path, clip: Path) -> None:
    found, (path,) = report(made), made.glob("*.units.parquet")
    table = pq.read_table(path)
    (face,) = found["people"]
    unit = face["units"]["AU12"]
    stronger = np.maximum(table["AU12_left"].to_numpy(), table["AU12_right"].to_numpy())
    assert unit["peak"] == pytest.approx(stronger.max(), abs=1e-5)
    assert unit["peak_frame"] == stronger.argmax()
    assert unit["peak_s"] == pytest.approx(table["timestamp"][int(stronger.argmax())].as_py())
    assert unit["mean"] == pytest.approx(table["AU12"].to_numpy().mean(), abs=1e-5)
    assert sum(unit["letters"].values()) == pytest.approx(1)
    assert unit["letters"]["absent"] == pytest.approx((stronger < 0.5).mean())
    assert unit["frames"] + unit["below_floor"] == face["frames"] == found["frames"] == 30
    assert face["head"]["yaw"]["low"] == pytest.approx(table["yaw"].to_numpy().min(), abs=1e-4)
    assert set(face["units"]) | set(face["unmeasured"]) == {*facs.NAMES, *(unit.name for unit in facs.HEAD)}
    assert found["clip"]["name"] == clip.name
    assert {model["name"] for model in found["models"]} >= {"face_landmarks", "face_blendshapes"}
    assert all(len(model["sha256"]) == 64 for model in found["models"])
    assert found["config"]["units"]
    assert found["versions"]["numpy"]
    assert found["task"] == "analyse"


def test_curves_and_page_stand_alone(made: Path) -> None:
    (drawing,), (path,) = made.glob("*.curves.svg"), made.glob("*.analysis.html")
    root = ET.parse(drawing).getroot()
    labels = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"AU12", "AU25", "yaw", "performer's left"} <= set(labels)
    page = Page(path.read_text("utf-8"))
    assert not page.links
    assert "AU12" in path.read_text("utf-8")
    assert "url(" not in path.read_text("utf-8")


def test_a_photo_has_bars_instead_of_curves(sample: Sample, tmp_path: Path, capsys: Capture) -> None:
    code, out, _ = analyse(capsys, tmp_path, f"clip={sample('portrait')}", "analyse.csv=openface")
    assert code == 0
    folder = Path(out.splitlines()[-1]).parent
    got = columns(folder / "portrait.units.csv")
    assert not [name for name in got if re.search(r"_r|_c", name) and not re.fullmatch(r"AU\d\d_[rc]", name)]
    assert got["AU12_r"][0] > 2  # she smiles
    drawing = (folder / "portrait.curves.svg").read_text("utf-8")
    assert "<rect" in drawing
    assert "5 E" in drawing


def test_no_face_is_said_and_leaves_empty_tables(tmp_path: Path, capsys: Capture) -> None:
    with av.open(str(tmp_path / "empty.mkv"), "w") as out:
        stream = out.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        for i in range(3):
            frame = av.VideoFrame.from_ndarray(np.full((120, 160, 3), 90 + i, np.uint8), format="rgb24")
            frame.pts, frame.time_base = i, Fraction(1, 25)
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    code, said, told = analyse(capsys, tmp_path, f"clip={tmp_path / 'empty.mkv'}")
    assert code == 0
    assert "warning: empty.mkv: no face in any frame; the tables are empty" in told
    folder = Path(said.splitlines()[-1]).parent
    assert pq.read_table(folder / "empty.units.parquet").num_rows == 0
    assert pq.read_table(folder / "empty.landmarks.parquet").num_rows == 0
    assert (folder / "empty.units.csv").read_text("utf-8").count("\n") == 1
    assert (report(folder)["people"], report(folder)["frames"]) == ([], 3)
    ET.parse(folder / "empty.curves.svg")
    Page((folder / "empty.analysis.html").read_text("utf-8"))


def test_every_event_stands_in_both_tables_and_in_the_summary(made: Path, clip: Path) -> None:
    told = report(made)["events"]["events"]
    table = pq.read_table(made / f"{clip.stem}.events.parquet")
    assert table.num_rows == len(told)
    assert columns(made / f"{clip.stem}.events.csv").keys() == set(table.column_names)
    for row, event in zip(table.to_pylist(), told, strict=True):
        assert (row["unit"], row["onset"], row["letter"]) == (event["unit"], event["onset"], event["letter"])
        assert row["onset_s"] < row["apex_s"] < row["offset_s"]
