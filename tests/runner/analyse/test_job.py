"""`glabella analyse` on real material, from the command line to its last line."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import av
import pyarrow.parquet as pq
import pytest

from runner.analyse.write import NAMES
from runner.cli import main
from tests.runner.analyse.steps import Capture, Sample, analyse, report


def test_a_run_after_it_finds_no_face_again_and_an_analysis_after_a_run_measures_nothing(
    clip: Path, tmp_path: Path, capsys: Capture
) -> None:
    fresh = f"faces.redetect_every={1 + time.time() % 1:.6f}"  # never measured before
    code, _, said = analyse(capsys, tmp_path, f"clip={clip}", fresh)
    assert code == 0
    assert "measured 30 frames" in said
    words = (f"clip={clip}", fresh, f"outputs={tmp_path / 'outputs'}", "tracking=off")
    assert main(["run", *words, "gain=neutral"]) == 0
    delivery = Path(capsys.readouterr().out.splitlines()[-1])
    timed = json.loads((delivery.parent / "report.json").read_text())["stage_ms"]
    assert "pages" in timed  # which only a render needs
    assert not {"faces", "scores", "cues", "units"} & timed.keys()
    assert main(["run", *words, "gain=subtle"]) == 0
    assert "nothing to measure" in capsys.readouterr().err
    code, _, said = analyse(capsys, tmp_path, f"clip={clip}", fresh)
    assert code == 0
    assert "nothing to measure" in said
    names = sorted(path.name for path in (tmp_path / "outputs").iterdir())
    assert [name.removeprefix("smile_take_2-") for name in names] == [
        "analysis-001",
        "analysis-002",
        "neutral-broadcast-001",
        "subtle-broadcast-001",
    ]


@pytest.mark.parametrize("words", [("pipeline=edit",), ("preset=live",)], ids=["edit", "live"])
def test_any_pipeline_that_measures_will_do(clip: Path, tmp_path: Path, capsys: Capture, words: tuple[str]) -> None:
    code, out, _ = analyse(capsys, tmp_path, f"clip={clip}", f"out={tmp_path / 'o'}", *words)
    assert code == 0
    assert pq.read_metadata(out.splitlines()[-1]).num_rows == 30
    assert len(list((tmp_path / "o").iterdir())) == len(NAMES)


def test_an_image_sequence_is_a_clip(clip: Path, tmp_path: Path, capsys: Capture) -> None:
    frames = tmp_path / "shot"
    frames.mkdir()
    with av.open(str(clip)) as container:
        for i, frame in zip(range(4), container.decode(video=0), strict=False):
            frame.to_image().save(frames / f"shot.{i:04d}.png")
    code, out, said = analyse(capsys, tmp_path, f"clip={frames}")
    assert code == 0, said
    assert pq.read_table(out.splitlines()[-1])["frame"].to_pylist() == [0, 1, 2, 3]


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
    assert sent == {"units", "events", "analysis", "curves"}
    assert run.data.metrics["events"] == len(report(tmp_path / "o")["events"]["events"])
