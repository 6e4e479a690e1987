"""The scores as tables, for a terminal and for Markdown."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from rich.console import Console
from rich.table import Table as RichTable

from runner.evaluate.goals import Goal
from stages.expression.calibration.curves import SHOWN

Scores = Mapping[str, Any]


@dataclass(frozen=True)
class Table:
    """title and note in words; every row has a cell a column."""

    title: str
    note: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


def tables(scores: Mapping[str, Scores], goals: Sequence[Goal]) -> list[Table]:
    """The verdict, then every protocol."""
    made = [Table("Goals", "", ("goal", "reached", "met"), [(g.what, g.reached, _yes(g.met)) for g in goals])]
    return made + [table for protocol, told in scores.items() for table in _TABLES[protocol](told)]


def markdown(made: Sequence[Table], head: Sequence[str]) -> str:
    """A document."""
    return "\n".join([*head, *(line for table in made for line in _lines(table))]) + "\n"


def show(made: Sequence[Table]) -> None:
    """On stdout."""
    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else 160)
    for table in made:
        console.print(f"\n{table.title}", style="bold")
        if table.note:
            console.print(table.note, soft_wrap=True)
        rich = RichTable(*table.columns, box=None)
        for row in table.rows:
            rich.add_row(*row)
        console.print(rich)


def _lines(table: Table) -> Iterator[str]:
    yield from ("", f"## {table.title}", "")
    if table.note:
        yield from (table.note, "")
    yield f"| {' | '.join(table.columns)} |"
    yield f"|{'---|' * len(table.columns)}"
    yield from (f"| {' | '.join(row)} |" for row in table.rows)


def _pulses(told: Scores) -> Iterator[Table]:
    columns = ("unit", "r", "r, worst person", "r, lowest level", "slope", "slope, people", "largest leak")
    rows = [
        (
            f"AU{number}",
            *(_n(unit[key]) for key in ("r", "r_least", "r_low", "slope")),
            f"{_n(unit['slope_least'])} to {_n(unit['slope_most'])}",
            f"{unit['leak_unit']} {unit['leak']:+.2f}",
        )
        for number, unit in told["units"].items()
    ]
    note = "Means over people. Leak: what a unit that takes no part shows at the highest level's peak, on 0..5."
    yield Table("Isolated pulses", f"{_count(told)} {note}", columns, rows)


def _overlapping(told: Scores) -> Iterator[Table]:
    units = {number: unit for number, unit in told["units"].items() if int(number) in SHOWN}
    rows = [
        (f"AU{number}", *(_n(unit[key]) for key in ("r", "r_pooled", "slope", "error")))
        for number, unit in units.items()
    ]
    judged = told["crosstalk"]["units"]
    rows.append((f"mean of {len(judged)}", _n(told["r"]), "", _n(told["slope"]), _n(told["error"])))
    head = ", ".join(f"{name} {value:.1f}" for name, value in told["head"].items())
    note = f"The mean is over {', '.join(f'AU{n}' for n in judged)}. Mean error of the head's angles: {head} degrees."
    yield Table("Overlapping units", f"{_count(told)} {note}", ("unit", "r", "r, pooled", "slope", "error"), rows)
    table = told["crosstalk"]["table"]
    rows = [(f"AU{number}", *(_n(value) for value in row)) for number, row in zip(judged, table, strict=True)]
    note = "Row: what was measured; column: what one intensity of that unit adds to it, all others held."
    yield Table("Cross-talk", note, ("", *(f"AU{number}" for number in judged)), rows)


def _micro(told: Scores) -> Iterator[Table]:
    rows = [
        (f"AU{number}", _n(unit["share"]), _n(unit["share_quarter"]), _n(unit["peak"]), str(unit["pulses"]))
        for number, unit in told["units"].items()
    ]
    note = "Share of the true amplitude, by regression on the pulse (median, lower quartile) and by the highest value."
    columns = ("unit", "share", "lower quartile", "by peak", "pulses")
    yield Table("Micro-expressions", f"{_count(told)} {note}", columns, rows)


def _neutral(told: Scores) -> Iterator[Table]:
    rows = [(f"AU{number}", _n(value), _n(told["in_photos"][number])) for number, value in told["in_clips"].items()]
    note = "95th percentile over people and frames of the stronger side."
    yield Table("Neutral faces", f"{_count(told)} {note}", ("unit", "clips", "photos"), rows)


def _confidence(told: Scores) -> Iterator[Table]:
    rows = [
        (name, f"{i + 1}", *(_n(step[key]) for key in ("confidence", "error", "r", "missing")))
        for name, condition in told["conditions"].items()
        for i, step in enumerate(condition["steps"])
    ]
    each = ", ".join(f"{name} {_n(condition['partial'])}" for name, condition in told["conditions"].items())
    note = (
        f"Rank correlation of a frame's confidence with its error: {_n(told['spearman'])}; how much the face shows set"
        f" aside: {_n(told['partial'])} ({each})."
    )
    columns = ("condition", "quarter of severity", "confidence", "error", "r", "frames without a face")
    yield Table("Confidence", f"{_count(told)} {note}", columns, rows)


def _events(told: Scores) -> Iterator[Table]:
    rows = [
        (f"AU{number}", _n(unit["recall"]), _n(unit["strength"]), str(unit["events"]))
        for number, unit in told["units"].items()
    ]
    rows.append(("all", _n(told["recall"]), "", str(sum(unit["events"] for unit in told["units"].values()))))
    note = (
        f"Precision {_n(told['precision'])}; {_n(told['moments'])} where any unit planted at that time will do;"
        f" {1000 * told['others']:.0f} events in 1000 frames of units never planted. Strength: share of the true one."
    )
    yield Table("Micro-events", f"{_count(told)} {note}", ("unit", "recall", "strength", "planted"), rows)


_TABLES: Final = {
    "pulses": _pulses,
    "overlapping": _overlapping,
    "micro": _micro,
    "neutral": _neutral,
    "confidence": _confidence,
    "events": _events,
}


def _count(told: Scores) -> str:
    missing = f", {told['missing']} of them without a face" if told["missing"] else ""
    return f"{told['people']} people, {told['clips']} clips, {told['frames']} frames{missing}."


def _n(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.2f}"


def _yes(met: bool) -> str:
    return "yes" if met else "no"
