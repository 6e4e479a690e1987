"""Against real MLflow stores: SQLite files in a temporary folder, and sockets that refuse or never answer."""

from __future__ import annotations

import logging
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from runner.report import write
from runner.tracking import ARTIFACTS, LONGEST, Tracking, params
from runner.tracking.values import plain_key
from stages.errors import ConfigError
from tests.runner.report.made import NAME, line, record


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database and its artifacts folder, empty: making one takes a second, copying it nothing."""
    folder = tmp_path_factory.mktemp("mlflow")
    assert local(folder).log(record(), None) == ()
    return folder


@pytest.fixture
def store(made: Path, tmp_path: Path) -> Tracking:
    shutil.copy(made / "mlflow.db", tmp_path / "mlflow.db")
    with sqlite3.connect(tmp_path / "mlflow.db") as database:
        database.execute("PRAGMA foreign_keys = OFF")
        for table in ("runs", "metrics", "latest_metrics", "params", "tags"):
            database.execute(f"DELETE FROM {table}")
        database.execute("DELETE FROM experiments WHERE name = 'glabella'")
    return local(tmp_path)


def local(folder: Path, **fields: Any) -> Tracking:
    uri = f"sqlite:///{(folder / 'mlflow.db').as_posix()}"
    return Tracking(**({"uri": uri, "artifacts": str(folder / "artifacts"), "timeout": 60} | fields))


def runs(store: Tracking) -> list[Any]:
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=store.uri)
    experiment = client.get_experiment_by_name(store.experiment)
    assert experiment is not None
    return list(client.search_runs([experiment.experiment_id], order_by=["attributes.start_time ASC"]))


def test_a_delivery_is_a_finished_run_with_all_its_figures(store: Tracking, tmp_path: Path) -> None:
    measured, asked = line(60), line(60, 1.5)
    write(tmp_path / "report", record(), {"measured": measured, "asked": asked, "achieved": line(60, 1.4)}, [])
    assert store.log(record(), tmp_path / "report") == ()
    (run,) = runs(store)
    assert run.info.status == "FINISHED"
    assert run.info.end_time - run.info.start_time == 8000
    assert run.data.tags["clip"] == NAME
    assert run.data.tags["preset"] == "broadcast"
    assert run.data.params["encode.crf"] == "12"
    assert run.data.params["gain.au_gain.AU12"] == "1.5"
    assert run.data.params["delivery.sha256"] == "cd" * 32
    got = run.data.metrics
    assert got["fps"] == pytest.approx(12.5)
    assert got["ms.warped"] == 6.0
    assert got["faces.lost"] == 2
    assert got["identity.cosine"] == 0.93
    assert got["au.commanded.AU12"] == pytest.approx(1.5, abs=1e-3)
    assert got["au.achieved.AU12"] == pytest.approx(1.4, abs=1e-3)
    assert "au.commanded.AU04" not in got


def test_reports_are_kept_and_the_master_is_not(store: Tracking, tmp_path: Path) -> None:
    report = tmp_path / "report"
    write(report, record(), {"measured": line(60)}, [])
    (report / "delivery.mov").write_bytes(b"a master")
    assert store.log(record(), report) == ()
    kept = {path.name for path in (tmp_path / "artifacts").rglob("*") if path.is_file()}
    assert kept == {name for name in ARTIFACTS if (report / name).exists()}
    assert "report.html" in kept


def test_a_failed_job_is_a_failed_run_that_says_why(store: Tracking) -> None:
    assert store.log(record(error="frame 5: gain produced NaN for AU12", delivery=None), None) == ()
    (run,) = runs(store)
    assert run.info.status == "FAILED"
    assert run.data.tags["error"] == "frame 5: gain produced NaN for AU12"


def test_a_sweep_is_a_run_with_children(store: Tracking) -> None:
    sweep, warnings = store.open_sweep("gains", {"clip": NAME})
    assert warnings == ()
    assert sweep
    assert store.log(record(), None, parent=sweep) == ()
    assert local(Path(store.artifacts).parent, parent=sweep).log(record(error="no"), None) == ()
    assert store.close_sweep(sweep, "FAILED") == ()
    found = runs(store)
    assert [run.data.tags.get("mlflow.parentRunId") for run in found if run.info.run_id != sweep] == [sweep, sweep]
    assert next(run.info.status for run in found if run.info.run_id == sweep) == "FAILED"


def test_a_sweep_that_was_cut_short_goes_on_in_its_run(store: Tracking) -> None:
    sweep, _ = store.open_sweep("gains", {})
    assert store.close_sweep(sweep, "KILLED") == ()
    assert store.open_sweep("gains", {}, sweep) == (sweep, ())
    assert [run.info.status for run in runs(store)] == ["RUNNING"]
    assert store.close_sweep(sweep, "FINISHED", tagged={"best": "subtle"}, figures={"best.fps": 3.0}) == ()
    assert [(run.info.status, run.data.metrics) for run in runs(store)] == [("FINISHED", {"best.fps": 3.0})]
    other, _ = store.open_sweep("gains", {}, "0" * 32)
    assert other != sweep


def test_a_run_that_failed_before_its_clip_was_opened_is_a_failed_child(store: Tracking) -> None:
    sweep, _ = store.open_sweep("gains", {})
    assert store.log_failure("AU12=3", "gain: 3 is above 2", sweep) == ()
    failed = next(run for run in runs(store) if run.info.run_id != sweep)
    assert (failed.info.status, failed.data.tags["error"]) == ("FAILED", "gain: 3 is above 2")
    assert failed.data.tags["mlflow.parentRunId"] == sweep


def test_long_and_many_settings_fit(store: Tracking) -> None:
    config = {"long": "x" * 9000, "group (odd), name=": {str(i): i for i in range(230)}}
    assert store.log(record(config=config), None) == ()
    (run,) = runs(store)
    assert len(run.data.params["long"]) == LONGEST
    assert run.data.params["long"].endswith("(cut; whole in report.json)")
    assert sum(key.startswith("group _odd__ name_.") for key in run.data.params) == 230


def test_undefined_scores_are_left_out(store: Tracking) -> None:
    assert store.log(record(scores={"flicker": float("nan"), "jitter": 0.5}), None) == ()
    assert "flicker" not in runs(store)[0].data.metrics


def test_parameters_are_settings_not_copies_wiring_or_passwords() -> None:
    detect = {"_target_": "stages.x.Near", "model": {"_target_": "stages.y.Model"}, "min_score": 0.5}
    config = {
        "graph": {"faces": {"stage": detect}},
        "assets": {"rig": {"_target_": "z"}},
        "detect": detect,
        "tracking": {"uri": "http://me:secret@host"},
    }
    found = params(record(config=config))
    assert {key for key in found if not key.startswith(("clip.", "delivery.", "model."))} == {
        "detect._target_",
        "detect.min_score",
        "tracking.uri",
    }
    assert found["tracking.uri"] == "http://***@host"


def test_models_are_parameters() -> None:
    assert params(record())["model.mesh478.provider"] == "CPUExecutionProvider"


@pytest.mark.slow
def test_six_processes_may_make_the_database_at_once(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from runner.tracking import Tracking;"
        "from tests.runner.report.made import record;"
        f"store = Tracking(uri='sqlite:///{(tmp_path / 'new' / 'mlflow.db').as_posix()}',"
        f"                 artifacts='{(tmp_path / 'artifacts').as_posix()}', timeout=300);"
        "store.warm(); print(store.log(record(), None))"
    )
    root = Path(__file__).parents[3]
    jobs = [
        subprocess.Popen(
            [sys.executable, "-c", script], cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(6)
    ]
    answers = [job.communicate(timeout=300) for job in jobs]
    assert answers == [("()\n", "")] * 6  # no warning, and no chatter either
    assert len(runs(local(tmp_path / "new"))) == 6
    with sqlite3.connect(tmp_path / "new" / "mlflow.db") as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_database_that_was_being_made_when_the_power_went_is_made_again(tmp_path: Path) -> None:
    for name in (".mlflow.db.new", ".mlflow.db.new-journal"):
        (tmp_path / name).write_bytes(b"half")
    store = local(tmp_path)
    assert store.log(record(), None) == ()
    assert len(runs(store)) == 1
    assert not list(tmp_path.glob(".mlflow*"))


def test_an_older_database_is_migrated_and_a_copy_kept(store: Tracking, tmp_path: Path) -> None:
    assert store.log(record(), None) == ()
    _downgrade(tmp_path / "mlflow.db")
    assert store.log(record(), None) == ()
    assert len(runs(store)) == 2
    assert len(list(tmp_path.glob("mlflow.db.before-*"))) == 1


def _downgrade(path: Path) -> None:
    """Set it back by one revision that only added a column or index; skip if the newest cannot be undone so."""
    from alembic import command
    from alembic.script import ScriptDirectory
    from mlflow.store.db.utils import _get_alembic_config

    config = _get_alembic_config(f"sqlite:///{path.as_posix()}")
    try:
        command.downgrade(config, "-1")
    except NotImplementedError:
        pytest.skip("this MLflow's newest migration has no way back")
    with sqlite3.connect(path) as database:
        (revision,) = database.execute("SELECT version_num FROM alembic_version").fetchone()
    assert revision not in ScriptDirectory.from_config(config).get_heads()


@pytest.fixture
def silent() -> Iterator[int]:
    """A server that accepts and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_server_that_never_answers_costs_a_bounded_time_and_a_warning(silent: int) -> None:
    store = Tracking(uri=f"http://127.0.0.1:{silent}", artifacts="", timeout=1)
    started = time.perf_counter()
    (warning,) = store.log(record(), None)
    assert time.perf_counter() - started < 3
    assert warning.startswith(f"{NAME}: not tracked in MLflow")
    assert "no answer within 1 s" in warning


def test_a_server_that_is_down_is_a_warning_without_its_password() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    (warning,) = Tracking(uri=f"http://me:secret@127.0.0.1:{port}", artifacts="").log(record(), None)
    assert "tracking=off" in warning
    assert "secret" not in warning
    assert "\n" not in warning


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """A real MLflow server on a free port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    store = [
        "--backend-store-uri",
        f"sqlite:///{tmp_path / 'server.db'}",
        "--artifacts-destination",
        str(tmp_path / "kept"),
    ]
    command = [sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1", *store]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=tmp_path)
    try:
        for _ in range(240):
            with suppress(OSError), urlopen(f"http://127.0.0.1:{port}/health", timeout=2):
                break
            time.sleep(0.5)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


@pytest.mark.slow
def test_a_server_keeps_run_and_report_and_nothing_is_printed(
    server: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    store = Tracking(uri=server, artifacts="")
    write(tmp_path / "report", record(), {"measured": line(60)}, [])
    capfd.readouterr()
    assert store.log(record(), tmp_path / "report") == ()
    assert capfd.readouterr() == ("", "")
    assert [run.info.status for run in runs(store)] == ["FINISHED"]
    assert {path.name for path in (tmp_path / "kept").rglob("*") if path.is_file()} == set(ARTIFACTS) - {"contact.jpg"}


def test_a_broken_database_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_text("this is no database")
    (warning,) = local(tmp_path).log(record(), None)
    assert "file is not a database" in warning
    assert (tmp_path / "mlflow.db").read_text() == "this is no database"


def test_a_deleted_experiment_is_named(store: Tracking) -> None:
    from mlflow import MlflowClient

    assert store.log(record(), None) == ()
    client = MlflowClient(tracking_uri=store.uri)
    client.delete_experiment(client.get_experiment_by_name("glabella").experiment_id)
    (warning,) = store.log(record(), None)
    assert "'glabella' was deleted in MLflow" in warning


def test_off_does_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    off = Tracking(enabled=False)
    off.warm()
    assert off.log(record(), None) == ()
    assert off.open_sweep("s", {}) == (None, ())
    assert list(tmp_path.iterdir()) == []


def test_importing_the_module_does_not_import_mlflow() -> None:
    script = "import sys, runner.tracking; sys.exit('mlflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], cwd=Path(__file__).parents[3], check=False).returncode == 0


AT_ONCE = """
import sys, time
from runner.tracking import Tracking
store = Tracking(uri=sys.argv[1], artifacts=sys.argv[2], timeout=60)
store.warm()
time.sleep(float(sys.argv[3]))
print(store.open_sweep("gains", {}))
"""


@pytest.mark.parametrize("after", [0, 0.05, 0.1])
def test_a_sweep_may_open_its_run_while_mlflow_is_being_imported(store: Tracking, after: float) -> None:
    words = [sys.executable, "-c", AT_ONCE, store.uri, store.artifacts, str(after)]
    done = subprocess.run(words, cwd=Path(__file__).parents[3], capture_output=True, text=True, check=True)
    (run,) = runs(store)
    assert done.stdout.split() == f"('{run.info.run_id}', ())".split()


def test_warming_returns_at_once_and_speaks_to_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = local(tmp_path)
    started = time.perf_counter()
    with caplog.at_level(logging.WARNING):
        store.warm()
        assert time.perf_counter() - started < 0.5
        assert store.log(record(), None) == ()
    assert caplog.text == ""


@pytest.mark.parametrize("wrong", [{"uri": ""}, {"experiment": " "}, {"timeout": 0}])
def test_values_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=rf"^{next(iter(wrong))}: "):
        Tracking(**wrong)


def test_only_plain_characters_reach_mlflows_keys() -> None:
    assert plain_key("a=b(c),d.e/f-g h") == "a_b_c__d.e/f-g h"
