"""Films, measures, scores and tells. `evaluate_units` is the main path."""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from runner.evaluate.goals import Goal, goals
from runner.evaluate.library import Library, studio_code
from runner.evaluate.measuring import Meter
from runner.evaluate.options import Options
from runner.evaluate.output import open_folder, plain, write
from runner.evaluate.scores import SCORED, Pair, Scores
from runner.evaluate.tables import markdown, show, tables
from runner.evaluate.takes import PHOTO, asked
from runner.progress import bar, say
from runner.settings import Settings, flatten
from runner.tracking import Tracking

NAMES: Final = ("units.json", "units.md")
"""What is written, the main file first."""


def evaluate_units(settings: Settings) -> Path:
    """The path of `units.json`; `units.md` beside it has the same as tables, which also go to stdout.

    Raises:
        GlabellaError: one line that says what, where and what to do.
    """
    clock, started = time.perf_counter(), datetime.now(UTC)
    options: Options = settings.stage("eval")
    folder = open_folder(settings, "units", NAMES, started)
    tracking: Tracking = settings.stage("tracking")
    tracking.warm()
    with _place(options) as place, closing(_pairs(settings, options, place)) as pairs:
        scores = _scores(pairs)
    judged = goals(scores)
    told = {"options": plain(settings["eval"]), "goals": [_goal(goal) for goal in judged], "scores": scores}
    made = tables(scores, judged)
    path = write(folder, NAMES, told, markdown(made, _head(options, started)))
    show(made)
    figures = _metrics(scores, judged) | {"seconds": time.perf_counter() - clock}
    for warning in tracking.log_figures("eval units", told["options"], figures, folder, NAMES):
        say(f"warning: {warning}")
    return path


def _pairs(settings: Settings, options: Options, place: Path) -> Generator[Pair]:
    asks = asked(options)
    library = Library(place, options.side, options.rate, int(settings["workers"]), options.film)
    meter, others = Meter(settings, place), 0
    with closing(library.films(asks)) as films, bar("evaluating", len(asks), settings["quiet"]) as advance:
        for i, film in enumerate(films):
            yield Pair(film, meter.measure(film.clip))
            others += film.code != studio_code()
            advance()
            if (i + 1) % 20 == 0:
                say(f"{i + 1} of {len(asks)} clips are measured")
    if others:  # such as those of an earlier release
        say(f"warning: {others} of {len(asks)} clips in {place} were filmed by other code; delete it to film them anew")


def _scores(pairs: Iterator[Pair]) -> dict[str, Scores]:
    sorted_: dict[str, list[Pair]] = {}
    for pair in pairs:
        protocol = pair.film.take.protocol
        sorted_.setdefault("neutral" if protocol == PHOTO else protocol, []).append(pair)
    return {protocol: score(sorted_[protocol]) for protocol, score in SCORED.items() if protocol in sorted_}


@contextmanager
def _place(options: Options) -> Iterator[Path]:
    """The folder that is kept, or one that goes."""
    if options.keep:
        yield Path(options.keep).expanduser()
        return
    with TemporaryDirectory(prefix="glabella-eval-") as folder:
        yield Path(folder)


def _head(options: Options, started: datetime) -> list[str]:
    people = max(options.count(protocol) for protocol in options.protocols)
    return [
        "# Action Units against known curves",
        "",
        f"{started:%Y-%m-%d %H:%M} UTC. People {options.first} to {options.first + people - 1} of the CC0 rig, none of"
        f" them used in calibration, {options.side} pixels square, {options.rate} frames a second, heads turning"
        f" +-{options.turn:g} degrees.",
    ]


def _goal(goal: Goal) -> dict[str, Any]:
    return {"goal": goal.what, "reached": goal.reached, "met": goal.met}


def _metrics(scores: Mapping[str, Scores], judged: Sequence[Goal]) -> dict[str, float]:
    """Every single number of the scores by its dotted key."""
    numbers = {key: value for key, value in flatten(scores).items() if type(value) in (int, float)}
    numbers |= {"goals.met": sum(goal.met for goal in judged), "goals.all": len(judged)}
    return {key: float(value) for key, value in numbers.items() if math.isfinite(value)}
