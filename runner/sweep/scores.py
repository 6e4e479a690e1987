"""The figures of a sweep's runs: one table, in which a new score appears by itself, and which run is best."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from runner.instantiate import did_you_mean
from runner.report.record import RunRecord
from runner.sweep.jobs import label, values
from runner.sweep.ledger import Entry
from runner.sweep.options import Options
from runner.tracking import LOAD, UNIT, figures, metrics
from stages.errors import ConfigError

Figures = Mapping[str, float]
UNIT_FIGURE: Final = ".*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """A run of the sweep with its figures by name; a failed one has none, nor a record. units: as in `report.json`."""

    entry: Entry
    record: RunRecord | None = None
    units: Mapping[str, Any] = field(default_factory=dict)
    figures: Figures = field(default_factory=dict)

    @property
    def label(self) -> str:
        """The run in a few words."""
        return label(self.entry.words)

    @property
    def values(self) -> dict[str, Any]:
        """Setting -> value on each axis."""
        return values(self.entry.words)


def scored(entry: Entry) -> Scored:
    """Read a finished run's figures from its report.

    Raises:
        DeliveryError: the report is not one.
    """
    if entry.report is None:
        return Scored(entry=entry)
    text = (entry.report / "report.json").read_text("utf-8")
    record, told = RunRecord.from_json(text), json.loads(text)
    return Scored(entry=entry, record=record, units=told.get("units", {}), figures=figures(metrics(record, told)))


def whole(runs: Sequence[Scored]) -> list[str]:
    """Names of the figures that tell of a whole delivery, in order of appearance."""
    names = dict.fromkeys(name for run in runs for name in run.figures)
    return [name for name in names if not UNIT.search(name) and not LOAD.match(name)]


def by_unit(runs: Sequence[Scored]) -> tuple[list[str], list[tuple[str, list[tuple[Scored, list[float | None]]]]]]:
    """Figures of the Action Units that any run changed: their names with `UNIT_FIGURE` for the unit, and per unit a row
    a run that changed it."""
    table: dict[str, dict[str, dict[str, float]]] = {}
    for number, run in enumerate(runs):
        for name, value in run.figures.items():
            unit = UNIT.search(name)
            if unit and not LOAD.match(name) and f"au.commanded.{unit[1]}" in run.figures:
                table.setdefault(unit[1], {}).setdefault(str(number), {})[UNIT.sub(UNIT_FIGURE, name)] = value
    columns = list(dict.fromkeys(name for rows in table.values() for row in rows.values() for name in row))
    made = [
        (unit, [(runs[int(number)], [row.get(name) for name in columns]) for number, row in rows.items()])
        for unit, rows in sorted(table.items())
    ]
    return columns, made


def best(runs: Sequence[Scored], options: Options) -> Scored | None:
    """The run that the objective prefers; the earlier of two equals. None without objective, or if no run finished.

    Raises:
        ConfigError: no finished run has such a figure.
    """
    done = [run for run in runs if run.figures]
    if not options.objective or not done:
        return None
    found: Scored | None = None
    for run in done:
        value = run.figures.get(options.objective)
        if value is not None and (found is None or options.better(value, found.figures[options.objective])):
            found = run
    if found is None:
        known = dict.fromkeys(name for run in done for name in run.figures)
        raise ConfigError(f"sweep.objective: no run has {options.objective!r}{did_you_mean(options.objective, known)}")
    return found


def write_csv(path: Path, runs: Sequence[Scored]) -> None:
    """Every figure of every run, a row a run: number, axes, result, then the figures, empty where a run has none.

    Raises:
        OSError: the file cannot be written.
    """
    axes = list(dict.fromkeys(key for run in runs for key in run.values))
    order = whole(runs)
    rest = dict.fromkeys(name for run in runs for name in run.figures if name not in order)
    names = [*order, *rest]
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["run", *axes, "delivery", "error", *names])
        for run in runs:
            place = [run.values.get(key, "") for key in axes]
            what = [run.entry.delivery.as_posix() if run.entry.delivery else "", run.entry.error]
            table.writerow([run.entry.number, *place, *what, *(_cell(run.figures.get(name)) for name in names)])


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"
