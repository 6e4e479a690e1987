"""`glabella analyse` on real material, from the command line to its files."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from xml.etree import ElementTree as ET

import av
import numpy as np
import pyarrow.parquet as pq
import pytest
from pyarrow import csv

from runner.analyse import openface
from runner.analyse.write import NAMES
from runner.cli import main
from stages import facs
from stages.faces import layouts
from tests.runner.report.test_write import Page
from tests.runner.test_run import transcoded

Sample = Callable[[str], Path]
Capture = pytest.CaptureFixture[str]
INTENSITIES = "AU01_r AU02_r AU04_r AU05_r AU06_r AU07_r AU09_r AU10_r AU12_r AU14_r AU15_r AU17_r AU20_r AU23_r AU25_r"
EARLY = "frame face_id timestamp confidence success gaze_angle_x gaze_angle_y pose_Rx pose_Ry pose_Rz"


def analyse(capsys: Capture, tmp_path: Path, *words: str) -> tuple[int, str, str]:
    """Run; returns exit code, stdout and stderr."""
    code = main(["analyse", f"outputs={tmp_path / 'outputs'}", "tracking=off", *words])
    said = capsys.readouterr()
    return code, said.out, said.err


@pytest.fixture(scope="module")
def clip(sample: Sample, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second of a smile."""
    return transcoded(sample("smile_onset"), tmp_path_factory.mktemp("clip") / "smile (take=2).mkv", "yuv420p", 30)


@pytest.fixture(scope="module")
def made(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What an analysis of it leaves."""
    folder = tmp_path_factory.mktemp("made") / "measured"
    assert main(["analyse", f"clip={clip}", f"out={folder}", "tracking=off"]) == 0
    return folder


def columns(path: Path) -> dict[str, np.ndarray]:
    """A CSV's columns; what is empty is NaN."""
    table = csv.read_csv(path)
    return {name: table[name].to_numpy(zero_copy_only=False) for name in table.column_names}


def report(folder: Path) -> dict:
    """The summary in a folder."""
    (path,) = folder.glob("*.analysis.json")
    return dict(json.loads(path.read_text("utf-8")))


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
    assert "AU18" not in labels  # not measured
    page = Page(path.read_text("utf-8"))
    assert not page.links
    assert "AU12" in path.read_text("utf-8")
    assert "url(" not in path.read_text("utf-8")


def test_a_run_after_it_and_an_analysis_after_a_run_measure_nothing(
    clip: Path, tmp_path: Path, capsys: Capture
) -> None:
    fresh = f"faces.redetect_every={1 + time.time() % 1:.6f}"  # never measured before
    code, _, said = analyse(capsys, tmp_path, f"clip={clip}", fresh)
    assert code == 0
    assert "measured 30 frames" in said
    words = (f"clip={clip}", fresh, f"outputs={tmp_path / 'outputs'}", "tracking=off")
    assert main(["run", *words, "gain=neutral"]) == 0
    assert "nothing to measure" in capsys.readouterr().err
    code, _, said = analyse(capsys, tmp_path, f"clip={clip}", fresh)
    assert code == 0
    assert "nothing to measure" in said
    names = sorted(path.name for path in (tmp_path / "outputs").iterdir())
    assert [name.removeprefix("smile_take_2-") for name in names] == [
        "analysis-001",
        "analysis-002",
        "neutral-broadcast-001",
    ]


@pytest.mark.parametrize("words", [("pipeline=edit",), ("preset=live",)], ids=["edit", "live"])
def test_any_pipeline_that_measures_will_do(clip: Path, tmp_path: Path, capsys: Capture, words: tuple[str]) -> None:
    code, out, _ = analyse(capsys, tmp_path, f"clip={clip}", f"out={tmp_path / 'o'}", *words)
    assert code == 0
    assert pq.read_metadata(out.splitlines()[-1]).num_rows == 30
    assert len(list((tmp_path / "o").iterdir())) == len(NAMES)


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


def test_an_image_sequence_is_a_clip(clip: Path, tmp_path: Path, capsys: Capture) -> None:
    frames = tmp_path / "shot"
    frames.mkdir()
    with av.open(str(clip)) as container:
        for i, frame in zip(range(4), container.decode(video=0), strict=False):
            frame.to_image().save(frames / f"shot.{i:04d}.png")
    code, out, said = analyse(capsys, tmp_path, f"clip={frames}")
    assert code == 0, said
    assert pq.read_table(out.splitlines()[-1])["frame"].to_pylist() == [0, 1, 2, 3]


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


def test_a_sweep_over_clips_shares_a_folder(sample: Sample, clip: Path, tmp_path: Path, capsys: Capture) -> None:
    shots = tmp_path / "shots"
    shots.mkdir()
    for source in (clip, sample("portrait")):
        os.symlink(source, shots / source.name)
    code, out, said = analyse(capsys, tmp_path, "-m", f"clip=glob({shots}/*)", f"out={tmp_path / 'all'}", "quiet=true")
    assert code == 0, said
    tables = [line for line in out.splitlines() if line.endswith(".parquet")]
    assert [Path(line).name for line in tables] == ["portrait.units.parquet", "smile (take=2).units.parquet"]
    assert len(list((tmp_path / "all").iterdir())) == 2 * len(NAMES)


def test_files_that_are_there_are_kept_unless_told(made: Path, clip: Path, tmp_path: Path, capsys: Capture) -> None:
    folder = tmp_path / "o"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    (folder / f"{clip.stem}.units.csv").write_text("old")
    code, _, said = analyse(capsys, tmp_path, f"clip={clip}", f"out={folder}")
    assert code == 2
    assert "units.csv exists; name another folder or add overwrite=true" in said
    assert len(list(folder.iterdir())) == 2
    assert analyse(capsys, tmp_path, f"clip={clip}", f"out={folder}", "overwrite=true")[0] == 0
    assert (folder / "notes.txt").read_text() == "mine"
    assert (folder / f"{clip.stem}.units.csv").read_text() != "old"
    assert len(list(folder.iterdir())) == 1 + len(NAMES)


@pytest.mark.parametrize(
    ("code", "word", "says"),
    [
        (3, "clip=missing.mp4", "missing.mp4: no such clip"),
        (2, "out={tmp}/file", "is a file; name a folder"),
        (6, "out={tmp}/file/under", "cannot write to"),
        (2, "out={tmp}/take.parquet", "names one file and several are made"),
        (2, "analyse.csv=excel", "analyse.csv: must be all or openface, not 'excel'"),
        (2, "analyse.min_confidence=2", "analyse.min_confidence: must be 0 to 1"),
        (2, "analyse.present=0", "analyse.present: must be above 0"),
        (2, "pipeline=passthrough", "report.measured: names no wire"),
        (2, "report.measured=faces", "'faces' is no wire of Action Units"),
        (2, "analyse=null", "analyse: must hold settings"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    clip: Path, tmp_path: Path, capsys: Capture, code: int, word: str, says: str
) -> None:
    (tmp_path / "file").write_text("in the way")
    got, out, said = analyse(capsys, tmp_path, f"clip={clip}", word.format(tmp=tmp_path))
    errors = [line for line in said.splitlines() if line.startswith("error: ")]
    assert (got, len(errors), out) == (code, 1, ""), said
    assert says in errors[0]
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written(clip: Path, tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "closed").mkdir(mode=0o555)
    code, _, said = analyse(capsys, tmp_path, f"clip={clip}", f"out={tmp_path / 'closed'}")
    assert code == 6
    assert "cannot write to" in said


def test_an_interrupt_leaves_nothing(sample: Sample, models: None, tmp_path: Path) -> None:
    words = [f"clip={sample('table_of_three')}", f"out={tmp_path / 'o'}", "tracking=off", "cache.enabled=false"]
    process = subprocess.Popen([sys.executable, "-m", "runner", "analyse", *words], stderr=subprocess.PIPE)
    deadline = time.time() + 60
    while not list(tmp_path.glob(".glabella-*/.analysis/*/.*spool*")) and time.time() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert b"interrupted" in said
    assert not list(tmp_path.iterdir())


def test_mlflow_has_its_figures_and_files(clip: Path, tmp_path: Path, capsys: Capture) -> None:
    import mlflow

    store = f"sqlite:///{tmp_path / 'mlflow.db'}"
    where = (f"tracking.uri={store}", f"tracking.artifacts={tmp_path / 'artifacts'}")
    code = main(["analyse", f"clip={clip}", f"out={tmp_path / 'o'}", *where])
    assert code == 0
    assert "warning" not in capsys.readouterr().err
    client = mlflow.MlflowClient(tracking_uri=store)
    (run,) = client.search_runs([client.get_experiment_by_name("glabella").experiment_id])
    unit = report(tmp_path / "o")["people"][0]["units"]["AU12"]
    assert run.info.run_name == f"{clip.name} · analyse"
    assert run.data.metrics["au.measured.AU12.peak"] == pytest.approx(unit["peak"], abs=1e-4)
    assert run.data.metrics["au.measured.AU12.mean"] == pytest.approx(unit["mean"], abs=1e-4)
    assert (run.data.metrics["frames"], run.data.metrics["faces"]) == (30, 1)
    assert run.data.tags["task"] == "analyse"
    sent = {artifact.path.rsplit(".", 2)[-2] for artifact in client.list_artifacts(run.info.run_id)}
    assert sent == {"units", "analysis", "curves"}


def test_head_rotation_is_read_as_openface_writes_it() -> None:
    turned = openface.rotations(np.array([[20, 0, 0], [0, 10, 0], [0, 0, 15], [25, -12, 8]], np.float32))
    about_x, about_y, about_z = np.degrees(openface.euler(turned)).T
    np.testing.assert_allclose(about_y[:3], [-20, 0, 0], atol=1e-5)  # above 0 toward the performer's right
    np.testing.assert_allclose(about_x[:3], [0, -10, 0], atol=1e-5)  # above 0 down
    np.testing.assert_allclose(about_z[:3], [0, 0, -15], atol=1e-5)
    a, b, c = np.radians([about_x[3], about_y[3], about_z[3]])
    x = [[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]]
    y = [[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]]
    z = [[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]]
    np.testing.assert_allclose(np.array(x) @ y @ z, turned[3], atol=1e-6)


def test_gaze_adds_the_heads_turn_to_the_eyes() -> None:
    looks = np.zeros((4, facs.COUNT))
    looks[0, facs.INDEX["AU61"]] = 2  # left
    looks[1, facs.INDEX["AU64"]] = 1  # down
    looks[2, facs.INDEX["AU62"]] = 5  # right, while the head turns left as far
    looks[3] = np.nan
    reach = 5 * openface.GAZE_DEGREES
    turned = openface.rotations(np.array([[0, 0, 0], [0, 0, 0], [reach, 0, 0], [0, 0, 0]], np.float32))
    x, y = np.degrees(openface.gaze(looks, turned)).T
    np.testing.assert_allclose(x[:3], [2 * openface.GAZE_DEGREES, 0, 0], atol=1e-5)
    np.testing.assert_allclose(y[:3], [0, openface.GAZE_DEGREES, 0], atol=1e-5)
    assert np.isnan([x[3], y[3]]).all()
