"""MLflow: one run per delivery, without ever being in a delivery's way.

This is the only module that imports mlflow, and it does so late: the import takes two to three seconds. `warm()` starts
it in the background while the video is processed. Whatever goes wrong here is a warning, after a bounded time.
"""

from __future__ import annotations

import json
import logging
import math
import os
import re
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, TypeVar

from runner.report.plain import without_password
from runner.report.record import RunRecord
from runner.report.summary import CHANGED, PRESENT
from stages.errors import ConfigError

ARTIFACTS: Final = ("report.json", "report.html", "units.parquet", "curves.svg", "contact.jpg")
LONGEST: Final = 500  # characters of a parameter, as MLflow's tables show
_BATCH: Final = 100  # parameters MLflow takes at once
_LEFT_OUT: Final = {"graph", "assets", "bench", "eval", "mermaid", "quiet"}  # wiring and stock, not settings of the run
_SQLITE: Final = "sqlite:///"
_QUIET: Final = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "5",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # the last line there is the delivery's path
}
_store = threading.Lock()
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Tracking:
    """Where runs are tracked, and how long that may take.

    uri: an MLflow tracking URI; a relative `sqlite:///` path is taken from the current folder. artifacts: folder or URI
    for files, used when the experiment is created; empty leaves it to the server. parent: id of the run of the sweep
    that this run belongs to. timeout: seconds that a delivery waits for MLflow, 1..600.

    Raises:
        ConfigError: a value out of range.
    """

    enabled: bool = True
    uri: str = "sqlite:///outputs/mlflow.db"
    artifacts: str = "outputs/mlartifacts"
    experiment: str = "glabella"
    parent: str | None = None
    timeout: float = 30.0

    def __post_init__(self) -> None:
        if self.enabled and not self.uri:
            raise ConfigError(
                "uri: is empty; use sqlite:///outputs/mlflow.db, a server's http(s) address, or tracking=off"
            )
        if self.enabled and not self.experiment.strip():
            raise ConfigError("experiment: is empty; use the show's name, or glabella")
        if not 1 <= self.timeout <= 600:
            raise ConfigError(f"timeout: {self.timeout!r} seconds is out of range; use 1 to 600")

    def warm(self) -> None:
        """Import mlflow and open the store in a thread of its own, so that `log` finds them ready. Returns at once."""
        if self.enabled:
            threading.Thread(target=self._warm, name="mlflow", daemon=True).start()

    def _warm(self) -> None:
        try:
            self._open()
        except Exception as error:  # `log` meets it again and says so
            logging.getLogger(__name__).debug("mlflow is not ready: %s", error)

    def log(
        self,
        record: RunRecord,
        folder: Path | None,
        parent: str | None = None,
        *,
        files: Sequence[str] = ARTIFACTS,
        figures: Mapping[str, float] | None = None,
    ) -> tuple[str, ...]:
        """Track one run: parameters, tags, metrics, and the report's files in `folder`; the master stays where it is.

        files: which of the folder's files are sent. figures: metrics beyond those of the record and `report.json`.
        A record with an error becomes a failed run. parent (or the field of that name) is the sweep's run.

        Returns:
            Warnings: none when everything is tracked. Nothing is raised, whatever MLflow does.
        """
        if not self.enabled:
            return ()
        _, warnings = self._bounded(
            lambda: self._log(record, folder, files, figures or {}, parent or self.parent), record.clip.name
        )
        return warnings

    def log_figures(
        self, name: str, settings: Mapping[str, Any], figures: Mapping[str, float], folder: Path, files: Sequence[str]
    ) -> tuple[str, ...]:
        """Track an evaluation: a run called `name` with its settings as parameters, its figures, and its files.

        Returns:
            Warnings, as `log`.
        """
        if not self.enabled:
            return ()
        paths = [folder / file for file in files]
        _, warnings = self._bounded(lambda: self._log_figures(name, settings, figures, paths), name)
        return warnings

    def _log_figures(
        self, name: str, settings: Mapping[str, Any], figures: Mapping[str, float], files: Sequence[Path]
    ) -> None:
        from mlflow.entities import Metric, Param

        run, now = self._create(name, {"task": "eval", "glabella": version("glabella")}, _now()), _now()
        client, _ = self._open()
        numbers = [Metric(_key(key), value, now, 0) for key, value in figures.items()]
        texts = [Param(_key(key), _cut(str(value))) for key, value in _flat(settings)]
        client.log_batch(run, metrics=numbers[:1000], params=texts[:_BATCH])
        for path in files:
            client.log_artifact(run, str(path))
        client.set_terminated(run, "FINISHED")

    def open_sweep(self, name: str, tags: Mapping[str, str] | None = None) -> tuple[str | None, tuple[str, ...]]:
        """Start the run that a sweep's runs are children of; its id (None without tracking) and warnings."""
        if not self.enabled:
            return None, ()
        return self._bounded(lambda: self._create(name, dict(tags or {}), _now()), name)

    def close_sweep(self, run: str | None, failed: int = 0) -> tuple[str, ...]:
        """End it; `failed` is the number of failed children. Returns warnings."""
        if not self.enabled or run is None:
            return ()
        status = "FAILED" if failed else "FINISHED"
        _, warnings = self._bounded(lambda: self._open()[0].set_terminated(run, status), "sweep")
        return warnings

    def _log(
        self,
        record: RunRecord,
        folder: Path | None,
        files: Sequence[str],
        figures: Mapping[str, float],
        parent: str | None,
    ) -> None:
        started = _milliseconds(record.started)
        what = record.gain if record.task == "run" else record.task
        name = " · ".join(part for part in (record.clip.name, what) if part)
        run = self._create(name, tags(record) | ({"mlflow.parentRunId": parent} if parent else {}), started)
        client, _ = self._open()
        try:
            _send(client, run, record, [folder / name for name in files] if folder else [], figures)
        except Exception:
            client.set_terminated(run, "FAILED")
            raise
        client.set_terminated(run, "FAILED" if record.error else "FINISHED", started + round(1e3 * record.seconds))

    def _create(self, name: str, tagged: dict[str, str], started: int) -> str:
        client, experiment = self._open()
        tagged |= {"mlflow.source.name": "glabella", "mlflow.source.type": "LOCAL"}
        return str(client.create_run(experiment, start_time=started, tags=tagged, run_name=name).info.run_id)

    def _open(self) -> tuple[Any, str]:
        """A client and the experiment's id. A local database is made or migrated by one process at a time."""
        with _store:
            mlflow = _import()
            path = self._database()
            if path is None:
                return _experiment(mlflow, self.uri, self.experiment, self.artifacts)
            path.parent.mkdir(parents=True, exist_ok=True)
            artifacts = (
                self.artifacts if "://" in self.artifacts else Path(self.artifacts or path.parent).absolute().as_uri()
            )
            with _locked(path, self.timeout):
                _make(path, artifacts)
                return _experiment(mlflow, _SQLITE + path.as_posix(), self.experiment, artifacts)

    def _database(self) -> Path | None:
        return Path(self.uri.removeprefix(_SQLITE)).absolute() if self.uri.startswith(_SQLITE) else None

    def _bounded(self, work: Callable[[], T], what: str) -> tuple[T | None, tuple[str, ...]]:
        """Do it in a daemon thread: no answer within the timeout, or an error, is a warning."""
        done: list[T] = []
        failures: list[Exception] = []

        def attempt() -> None:
            try:
                done.append(work())
            except Exception as error:  # tracking must not stop a delivery
                failures.append(error)

        thread = threading.Thread(target=attempt, name="mlflow-log", daemon=True)
        thread.start()
        thread.join(self.timeout)
        if done:
            return done[0], ()
        cause = _cause(failures[0]) if failures else f"no answer within {self.timeout:g} s"
        hint = "start the server, or run with tracking=off" if self._database() is None else "or run with tracking=off"
        return None, (f"{what}: not tracked in MLflow at {without_password(self.uri)}: {cause}; {hint}",)


def params(record: RunRecord) -> dict[str, str]:
    """The resolved configuration by dotted key, and what identifies clip, delivery and models. Long values are cut."""
    flat = dict(_flat({key: value for key, value in record.config.items() if key not in _LEFT_OUT}))
    flat |= {"clip.path": record.clip.path, "clip.sha256": record.clip_sha256}
    if record.delivery:
        flat |= {"delivery.path": record.delivery.path, "delivery.sha256": record.delivery.sha256}
    for model in record.models:
        flat |= {f"model.{model.name}.sha256": model.sha256, f"model.{model.name}.provider": model.provider}
    return {_key(key): _cut(without_password(str(value))) for key, value in flat.items()}


def tags(record: RunRecord) -> dict[str, str]:
    """What runs are found by in MLflow."""
    found = {
        "clip": record.clip.name,
        "task": record.task,
        "production": record.production,
        "preset": record.preset,
        "gain": record.gain,
        "analysis": record.analysis.source,
        "glabella": record.glabella,
        "delivery": record.delivery.path.as_posix() if record.delivery else "",
        "error": record.error,
        "warnings": "\n".join(record.warnings),
        "mlflow.note.content": f"**Failed:** {record.error}" if record.error else "",
    }
    return {name: value[:5000] for name, value in found.items() if value}


def metrics(record: RunRecord, units: Mapping[str, Any]) -> dict[str, float]:
    """Run facts, stage times, quality scores, and the figures of each Action Unit of `report.json` that moves."""
    found: dict[str, float | None] = {
        "fps": record.fps,
        "seconds": record.seconds,
        "frames": record.frames,
        "warnings": len(record.warnings),
        "faces.tracks": record.faces.tracks,
        "faces.lost": record.faces.lost,
        "faces.frames_without": record.faces.frames_without,
        **{f"ms.{stage}": ms for stage, ms in record.stage_ms.items()},
        **record.scores,
    }
    for name, unit in units.items():
        if unit["change"] > CHANGED or unit["measured"]["peak"] > PRESENT:
            found |= _unit_metrics(name, unit)
    return {_key(name): float(value) for name, value in found.items() if value is not None and math.isfinite(value)}


def _unit_metrics(name: str, unit: Mapping[str, Any]) -> dict[str, float | None]:
    found: dict[str, float | None] = {
        f"au.{curve}.{name}.{figure}": unit[curve][figure]
        for curve in ("measured", "asked")
        for figure in ("mean", "p95")
    }
    if unit["change"] > CHANGED:
        found[f"au.commanded.{name}"] = unit["gain"] if unit.get("commanded") is None else unit["commanded"]
    if unit["achieved"]:
        found[f"au.achieved.{name}"] = unit["achieved"]["gain"]
        found |= {f"au.achieved.{name}.{figure}": unit["achieved"][figure] for figure in ("slope", "r2", "mae")}
    return found


def _send(client: Any, run: str, record: RunRecord, files: Sequence[Path], figures: Mapping[str, float]) -> None:
    from mlflow.entities import Metric, Param

    there = [path for path in files if path.is_file()]
    report = next((path for path in there if path.name == "report.json"), None)
    units = json.loads(report.read_text("utf-8")).get("units", {}) if report else {}
    now = _now()
    found = metrics(record, units) | {_key(name): value for name, value in figures.items()}
    numbers = [Metric(name, value, now, 0) for name, value in found.items()]
    texts = [Param(name, value) for name, value in params(record).items()]
    client.log_batch(run, metrics=numbers[:1000], params=texts[:_BATCH])
    for start in range(_BATCH, len(texts), _BATCH):
        client.log_batch(run, params=texts[start : start + _BATCH])
    for path in there:
        client.log_artifact(run, str(path))


def _import() -> Any:
    """mlflow, told to be quick and quiet. A user's own environment settings win."""
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    import mlflow

    for name in ("mlflow", "alembic", "sqlalchemy"):
        logging.getLogger(name).setLevel(logging.ERROR)
    return mlflow


def _experiment(mlflow: Any, uri: str, name: str, artifacts: str) -> tuple[Any, str]:
    client = mlflow.MlflowClient(tracking_uri=uri)
    found = client.get_experiment_by_name(name)
    if found is None:
        return client, str(
            client.create_experiment(name, artifact_location=f"{artifacts}/{_key(name)}" if artifacts else None)
        )
    if found.lifecycle_stage == "deleted":
        raise RuntimeError(f"experiment {name!r} was deleted in MLflow; restore it there or set tracking.experiment")
    return client, str(found.experiment_id)


@contextmanager
def _locked(path: Path, timeout: float) -> Iterator[None]:
    """Hold `path` for this process. The lock is an SQLite transaction: it works on every system and dies with us."""
    with closing(sqlite3.connect(f"{path}.lock", timeout=timeout, isolation_level=None)) as lock:
        lock.execute("BEGIN EXCLUSIVE")
        yield


def _make(path: Path, artifacts: str) -> None:
    """Make the database beside its place and rename it, so that one half made is never found; migrate an old one."""
    if not path.exists():
        from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

        fresh = path.with_name(f".{path.name}.new")
        for left in path.parent.glob(f"{fresh.name}*"):
            left.unlink()  # with its journal, which SQLite would play back into the new file
        store = SqlAlchemyStore(_SQLITE + fresh.as_posix(), artifacts)
        store.engine.dispose()
        os.replace(fresh, path)
    elif _revision(path) != _latest():
        _migrate(path)


def _migrate(path: Path) -> None:
    kept = path.with_name(f"{path.name}.before-{_revision(path)}")
    with closing(sqlite3.connect(path)) as old, closing(sqlite3.connect(kept)) as copy:
        old.backup(copy)
    command = [sys.executable, "-m", "mlflow", "db", "upgrade", _SQLITE + path.as_posix()]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        raise RuntimeError(
            f"{path.name} is of another MLflow and could not be migrated: {lines[-1]} (copy: {kept.name})"
        )


def _revision(path: Path) -> str:
    with closing(sqlite3.connect(path)) as database:
        row = database.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(row[0]) if row else ""


def _latest() -> str:
    from mlflow.store.db.utils import _get_latest_schema_revision

    return str(_get_latest_schema_revision())


def _flat(value: Mapping[str, Any], at: str = "") -> Iterator[tuple[str, Any]]:
    for key, item in value.items():
        if at and isinstance(item, Mapping) and "_target_" in item:
            continue  # a copy of another group, such as a detector within faces
        if isinstance(item, Mapping) and item:
            yield from _flat(item, f"{at}{key}.")
        else:
            yield f"{at}{key}", item


def _key(name: str) -> str:
    return re.sub(r"[^\w\-. /]", "_", name)[:250]


def _cut(text: str) -> str:
    note = " … (cut; whole in report.json)"
    return text if len(text) <= LONGEST else text[: LONGEST - len(note)] + note


def _cause(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {without_password(lines[0])[:200]}" if lines else type(error).__name__


def _milliseconds(started: str) -> int:
    return round(1e3 * datetime.fromisoformat(started).timestamp())


def _now() -> int:
    return round(1e3 * time.time())
