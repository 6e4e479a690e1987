"""Where MLflow keeps runs: a server, or a local database that is made and migrated by one process at a time."""

from __future__ import annotations

import logging
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

from runner.tracking.values import plain_key

_SQLITE: Final = "sqlite:///"
_QUIET: Final = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "5",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # the last line there is the delivery's path
}
_store = threading.Lock()


def opened(uri: str, name: str, artifacts: str, timeout: float) -> tuple[Any, str]:
    """A client and the id of the experiment `name`. A local database is made or migrated by one process at a time."""
    with _store:
        mlflow, path = _imported(), database(uri)
        if path is None:
            return _experiment(mlflow, uri, name, artifacts)
        path.parent.mkdir(parents=True, exist_ok=True)
        kept = artifacts if "://" in artifacts else Path(artifacts or path.parent).absolute().as_uri()
        with _locked(path, timeout):
            _make(path, kept)
            return _experiment(mlflow, _SQLITE + path.as_posix(), name, kept)


def database(uri: str) -> Path | None:
    """The file of a local database; None for a server."""
    return Path(uri.removeprefix(_SQLITE)).absolute() if uri.startswith(_SQLITE) else None


def _imported() -> Any:
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
            client.create_experiment(name, artifact_location=f"{artifacts}/{plain_key(name)}" if artifacts else None)
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
