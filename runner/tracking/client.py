"""MLflow: one run per delivery, without ever being in a delivery's way.

mlflow is imported late: the import takes two to three seconds. `warm()` starts it in the background while the video is
processed. Whatever goes wrong here is a warning, after a bounded time.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

from runner.report.plain import without_password
from runner.report.record import RunRecord
from runner.tracking import store
from runner.tracking.values import flatter, metrics, params, plain_key, shortened, tags
from stages.errors import ConfigError

ARTIFACTS: Final = ("report.json", "report.html", "units.parquet", "curves.svg", "contact.jpg")
_BATCH: Final = 100  # parameters MLflow takes at once
Status = Literal["FINISHED", "FAILED", "KILLED"]
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Tracking:
    """Where runs are tracked, and how long that may take.

    uri: an MLflow tracking URI; a relative `sqlite:///` path is taken from the current folder. artifacts: folder or URI
    for files, used when the experiment is created; empty leaves it to the server. parent: id of the run of the sweep
    that this run belongs to. label: what the run is called beside its clip; empty takes the gain profile. timeout:
    seconds that a delivery waits for MLflow, 1..600.

    Raises:
        ConfigError: a value out of range.
    """

    enabled: bool = True
    uri: str = "sqlite:///outputs/mlflow.db"
    artifacts: str = "outputs/mlartifacts"
    experiment: str = "glabella"
    parent: str | None = None
    label: str | None = None
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
        tagged: Mapping[str, str] | None = None,
    ) -> tuple[str, ...]:
        """Track one run: parameters, tags, metrics, and the report's files in `folder`; the master stays where it is.

        files: which of the folder's files are sent. figures, tagged: metrics and tags beyond those of the record and
        `report.json`. A record with an error becomes a failed run. parent (or the field of that name) is the sweep's
        run.

        Returns:
            Warnings: none when everything is tracked. Nothing is raised, whatever MLflow does.
        """
        if not self.enabled:
            return ()
        above = {"mlflow.parentRunId": chosen} if (chosen := parent or self.parent) else {}
        about = {**tags(record), **(tagged or {}), **above}
        _, warnings = self._bounded(lambda: self._log(record, folder, files, figures or {}, about), record.clip.name)
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
        client, _ = self._open()
        run = self._create(name, {"task": "eval", "glabella": version("glabella")}, _now())
        from mlflow.entities import Param

        texts = [Param(plain_key(key), shortened(str(value))) for key, value in flatter(settings)]
        client.log_batch(run, params=texts[:_BATCH])
        _send_figures(client, run, figures)
        for path in files:
            client.log_artifact(run, str(path))
        client.set_terminated(run, "FINISHED")

    def open_sweep(
        self, name: str, tagged: Mapping[str, str], run: str | None = None
    ) -> tuple[str | None, tuple[str, ...]]:
        """Start the run that a sweep's runs are children of; its id (None without tracking) and warnings.

        run: the id of a sweep that was cut short, to be gone on with.
        """
        if not self.enabled:
            return None, ()
        return self._bounded(lambda: self._open_sweep(name, dict(tagged), run), name)

    def _open_sweep(self, name: str, tagged: dict[str, str], run: str | None) -> str:
        client, _ = self._open()  # imports mlflow; a part of it imported beside `warm`, half-way through, may not come
        from mlflow.exceptions import MlflowException

        try:
            if run:
                client.update_run(run, status="RUNNING")
                return run
        except MlflowException:  # it was deleted, or this is another store
            pass
        return self._create(name, tagged | {"task": "sweep", "glabella": version("glabella")}, _now())

    def close_sweep(
        self,
        run: str | None,
        status: Status,
        *,
        tagged: Mapping[str, str] | None = None,
        figures: Mapping[str, float] | None = None,
        files: Sequence[Path] = (),
    ) -> tuple[str, ...]:
        """End it, with what its runs came to. Returns warnings."""
        if not self.enabled or run is None:
            return ()
        _, warnings = self._bounded(lambda: self._close_sweep(run, status, tagged or {}, figures or {}, files), "sweep")
        return warnings

    def _close_sweep(
        self, run: str, status: Status, tagged: Mapping[str, str], figures: Mapping[str, float], files: Sequence[Path]
    ) -> None:
        client, _ = self._open()
        try:
            for name, value in tagged.items():
                client.set_tag(run, name, value[:5000])
            _send_figures(client, run, figures)
            for path in files:
                client.log_artifact(run, str(path))
        finally:
            client.set_terminated(run, status)

    def log_failure(
        self, name: str, error: str, parent: str | None = None, tagged: Mapping[str, str] | None = None
    ) -> tuple[str, ...]:
        """Track a run that failed before there was anything to say of it but its error. Returns warnings."""
        if not self.enabled:
            return ()
        about = {"task": "run", "glabella": version("glabella"), "error": error[:5000], **(tagged or {})}
        about |= {"mlflow.note.content": f"**Failed:** {error}"[:5000]}
        about |= {"mlflow.parentRunId": parent} if parent else {}
        _, warnings = self._bounded(lambda: self._log_failure(name, about), name)
        return warnings

    def forget(self, tag: str, value: str) -> tuple[str, ...]:
        """Delete the runs of the experiment with this tag, such as one that was being sent when we were killed.

        Returns:
            Warnings, as `log`.
        """
        if not self.enabled:
            return ()
        return self._bounded(lambda: self._forget(tag, value), value)[1]

    def _forget(self, tag: str, value: str) -> None:
        client, experiment = self._open()
        for run in client.search_runs([experiment], f"tags.`{tag}` = '{value}'"):
            client.delete_run(run.info.run_id)

    def _log_failure(self, name: str, about: dict[str, str]) -> None:
        run = self._create(name, about, _now())
        self._open()[0].set_terminated(run, "FAILED")

    def _log(
        self,
        record: RunRecord,
        folder: Path | None,
        files: Sequence[str],
        figures: Mapping[str, float],
        about: dict[str, str],
    ) -> None:
        started = _milliseconds(record.started)
        what = self.label or (record.gain if record.task == "run" else record.task)
        name = " · ".join(part for part in (record.clip.name, what) if part)
        run = self._create(name, about, started)
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
        return store.opened(self.uri, self.experiment, self.artifacts, self.timeout)

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
        hint = (
            "start the server, or run with tracking=off"
            if store.database(self.uri) is None
            else "or run with tracking=off"
        )
        return None, (f"{what}: not tracked in MLflow at {without_password(self.uri)}: {cause}; {hint}",)


def _send(client: Any, run: str, record: RunRecord, files: Sequence[Path], figures: Mapping[str, float]) -> None:
    from mlflow.entities import Param

    there = [path for path in files if path.is_file()]
    report = next((path for path in there if path.name == "report.json"), None)
    told = json.loads(report.read_text("utf-8")) if report else {}
    texts = [Param(name, value) for name, value in params(record).items()]
    _send_figures(client, run, {**metrics(record, told), **figures})
    for start in range(0, len(texts), _BATCH):
        client.log_batch(run, params=texts[start : start + _BATCH])
    for path in there:
        client.log_artifact(run, str(path))


def _send_figures(client: Any, run: str, figures: Mapping[str, float]) -> None:
    from mlflow.entities import Metric

    now = _now()
    client.log_batch(run, metrics=[Metric(plain_key(name), value, now, 0) for name, value in figures.items()][:1000])


def _cause(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {without_password(lines[0])[:200]}" if lines else type(error).__name__


def _milliseconds(started: str) -> int:
    return round(1e3 * datetime.fromisoformat(started).timestamp())


def _now() -> int:
    return round(1e3 * time.time())
