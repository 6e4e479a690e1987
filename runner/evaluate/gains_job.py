"""Tries gains, and tells. `evaluate_gains` is the main path of `glabella eval gains`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from runner.evaluate.figures import mean
from runner.evaluate.gains import Answer, answers, trials
from runner.evaluate.options import Options
from runner.evaluate.output import open_folder, plain, write
from runner.evaluate.tables import Table, markdown, show
from runner.progress import say
from runner.settings import Settings
from runner.tracking import Tracking

NAMES: Final = ("gains.json", "gains.md")
"""What is written, the main file first."""
SLOPE: Final = (0.9, 1.1)
R2: Final = 0.95
LEAKAGE: Final = 0.15


def evaluate_gains(settings: Settings) -> Path:
    """The path of `gains.json`; `gains.md` beside it has the same as tables, which also go to stdout.

    Raises:
        GlabellaError: one line that says what, where and what to do.
    """
    clock, started = time.perf_counter(), datetime.now(UTC)
    options: Options = settings.stage("eval")
    folder = open_folder(settings, "gains", NAMES, started)
    tracking: Tracking = settings.stage("tracking")
    found = answers(list(trials(settings, options.gains)))
    made = [_verdict(found), _table(found, options.gains.gains)]
    told = {"options": plain(settings["eval"]["gains"]), "answers": [asdict(answer) for answer in found]}
    head = ["# What gains come to", "", f"{started:%Y-%m-%d %H:%M} UTC, preset {settings.choices.get('preset')}."]
    path = write(folder, NAMES, told, markdown(made, head))
    show(made)
    figures = _figures(found) | {"seconds": time.perf_counter() - clock}
    for warning in tracking.log_figures("eval gains", told["options"], figures, folder, NAMES):
        say(f"warning: {warning}")
    return path


def _figures(found: Sequence[Answer]) -> dict[str, float]:
    figures = {"slope": mean([a.slope for a in found]), "r2": mean([a.r2 for a in found])}
    figures |= {"leakage": mean([a.leakage for a in found]), "answers": float(len(found))}
    figures["slope.met"] = float(sum(SLOPE[0] <= a.slope <= SLOPE[1] for a in found))
    figures["r2.met"] = float(sum(a.r2 >= R2 for a in found))
    figures["leakage.met"] = float(sum(a.leakage <= LEAKAGE for a in found))
    return figures


def _verdict(found: Sequence[Answer]) -> Table:
    told, count = _figures(found), len(found)
    leaking = f"{told['leakage.met']:.0f} of {count}, mean {told['leakage']:.2f}"
    rows = [
        ("slope within 10 % of 1", f"{told['slope.met']:.0f} of {count}, mean {told['slope']:.2f}"),
        ("R2 at least .95", f"{told['r2.met']:.0f} of {count}, mean {told['r2']:.3f}"),
        ("change of other units at most 15 % of what was asked", leaking),
    ]
    return Table("Goals", "", ("goal", "reached"), rows)


def _table(found: Sequence[Answer], gains: Sequence[float]) -> Table:
    note = (
        "Achieved on asked over all gains and frames; under each gain the factor that was asked for (less than the gain"
        " where the unit is not measured surely) and what came out. Leakage: the unit that moved most though nobody"
        " asked, as a share of what was asked."
    )
    columns = ("clip", "unit", "rows", "slope", "R2", "leakage", "stray", *(f"x{gain:g}" for gain in gains))
    return Table("Units", note, columns, [(*_cells(a), *(_factors(a, gain) for gain in gains)) for a in found])


def _cells(a: Answer) -> tuple[str, ...]:
    return a.clip, a.unit, str(a.rows), f"{a.slope:.2f}", f"{a.r2:.3f}", f"{a.leakage:.2f}", a.stray


def _factors(a: Answer, gain: float) -> str:
    found = a.gains.get(f"{gain:g}")
    return f"{found[0]:.2f}: {found[1]:.2f}" if found else ""
