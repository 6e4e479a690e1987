"""Tries replacements, and tells. `evaluate_replace` is the main path of `glabella eval replace`."""

from __future__ import annotations

import csv
import math
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from runner.evaluate.goals import Goal
from runner.evaluate.options import Options
from runner.evaluate.output import open_folder, plain, write
from runner.evaluate.replace import Tried, tries
from runner.evaluate.tables import Table, markdown, show
from runner.progress import say
from runner.settings import Settings
from runner.tracking import Tracking

NAMES: Final = ("replace.json", "replace.md")
"""What is written, the main file first; replace.csv and every render with its report lie beside them."""
CSV: Final = "replace.csv"
ABOVE: Final = 1.2
"""Naturalness above plain overlay pasting."""
UNIT: Final = 0.85
"""Correlation of every unit that the clip shows."""
_BOUNDS: Final = (
    ("identity, median at least .70", "identity.cosine", 0.70, True),
    ("identity, 5th percentile at least .60", "identity.cosine.p05", 0.60, True),
    ("performer, 95th percentile at most .25", "identity.performer.p95", 0.25, False),
    ("pose error, median under 2 degrees", "pose.error_deg", 2.0, False),
    ("flicker at most 1.2", "flicker", 1.2, False),
    ("seam at most 1.2 times the source's, place by place", "seam.delta_e.ratio", 1.2, False),
    ("background identical", "background.identical", 1.0, True),
)
_SHOWN: Final = (
    *("identity.cosine", "identity.cosine.p05", "identity.performer.p95", "expression.correlation", "pose.error_deg"),
    *("flicker", "seam.delta_e.ratio", "skin.delta_e", "sharpness.ratio", "jitter.ratio", "background.identical"),
    "naturalness",
)


def evaluate_replace(settings: Settings) -> Path:
    """The path of `replace.json`; `replace.md` beside it has the same as tables, which also go to stdout.

    Raises:
        GlabellaError: one line that says what, where and what to do.
    """
    clock, started = time.perf_counter(), datetime.now(UTC)
    options: Options = settings.stage("eval")
    folder = open_folder(settings, "replace", NAMES, started)
    tracking: Tracking = settings.stage("tracking")
    found = list(tries(settings, options.replace, folder))
    shutil.rmtree(folder / ".clips", ignore_errors=True)
    made = [_verdict(found), *_tables(found)]
    told = {"options": plain(settings["eval"]["replace"]), "pairs": [asdict(one) for one in found]}
    head = ["# Replacement", "", f"{started:%Y-%m-%d %H:%M} UTC, preset {settings.choices.get('preset')}."]
    _write_csv(folder / CSV, found)
    path = write(folder, NAMES, told, markdown(made, head))
    show(made)
    figures = _figures(found) | {"seconds": time.perf_counter() - clock}
    for warning in tracking.log_figures("eval replace", told["options"], figures, folder, (*NAMES, CSV)):
        say(f"warning: {warning}")
    return path


def goals(one: Tried) -> Iterator[Goal]:
    """What a pair is asked to reach, and whether it does."""
    for what, name, bound, least in _BOUNDS:
        value = one.scores.get(name, math.nan)
        yield Goal(what, f"{value:.3f}", value >= bound if least else value <= bound)
    second = one.second
    words = f"{second.name}: identity in {second.same:.0%}, performer in {second.still:.0%} of the looks"
    yield Goal("the second embedder agrees in 95 %", words, second.same >= 0.95 and second.still <= 0.05)
    short = [f"{name} {r:.2f}" for name, r in one.units.items() if not r >= UNIT]
    least_unit = min(one.units.values(), default=math.nan)
    words = f"{len(one.units) - len(short)} of {len(one.units)}, least {least_unit:.2f}"
    missed = f", not {', '.join(short)}" if short else ""
    yield Goal("expression: every shown unit follows with .85", f"{words}{missed}", bool(one.units) and not short)
    above = one.scores.get("naturalness", math.nan) - one.overlay.get("naturalness", math.nan)
    words = f"{above:+.2f} ({one.scores.get('naturalness', math.nan):.2f})"
    yield Goal("naturalness 1.2 above plain overlay", words, above >= ABOVE)


def _verdict(found: Sequence[Tried]) -> Table:
    rows = []
    for group in zip(*(list(goals(one)) for one in found), strict=True):
        met = f"{sum(goal.met for goal in group)} of {len(group)}"
        rows.append((group[0].what, *(f"{goal.reached}{'' if goal.met else ' (no)'}" for goal in group), met))
    return Table("Goals", "", ("goal", *(one.pair for one in found), "met"), rows)


def _tables(found: Sequence[Tried]) -> Iterator[Table]:
    rows = [(name, *(_n(one.scores.get(name)) for one in found)) for name in _SHOWN]
    rows.append(("render, frames a second", *(f"{one.fps:.1f}" for one in found)))
    yield Table("Scores", "", ("score", *(one.pair for one in found)), rows)
    rows = [(name, *(_n(one.overlay.get(name)) for one in found)) for name in _SHOWN]
    note = "The same mesh and photos, without light, colour, wrinkles or blending."
    yield Table("Plain overlay pasting", note, ("score", *(one.pair for one in found)), rows)
    units = sorted({name for one in found for name in one.units})
    rows = [(name, *(_n(one.units.get(name)) for one in found)) for name in units]
    yield Table("Correlation of what is asked and what is read back", "", ("unit", *(one.pair for one in found)), rows)


def _figures(found: Sequence[Tried]) -> dict[str, float]:
    figures = {f"{one.pair}.{name}": one.scores[name] for one in found for name in _SHOWN if name in one.scores}
    figures |= {f"{one.pair}.overlay.naturalness": one.overlay.get("naturalness", math.nan) for one in found}
    each = [goal.met for one in found for goal in goals(one)]
    return figures | {"goals": float(len(each)), "goals.met": float(sum(each))}


def _write_csv(path: Path, found: Sequence[Tried]) -> None:
    """Every figure of every render, a row a render."""
    rows = [(one.pair, kind, scores) for one in found for kind, scores in (("", one.scores), ("overlay", one.overlay))]
    names = list(dict.fromkeys(name for _, _, scores in rows for name in scores))
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["pair", "as", *names])
        table.writerows([pair, kind, *(scores.get(name, "") for name in names)] for pair, kind, scores in rows)


def _n(value: float | None) -> str:
    return "-" if value is None or math.isnan(value) else f"{value:.3f}"
