"""What the measurement is asked to reach on people it was not calibrated on, and whether it does."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

Scores = Mapping[str, Any]

CLEAR: Final = (1, 2, 4, 10, 12, 15, 17, 20, 26, 43)
"""Units that geometry shows clearly."""
HARDER: Final = (5, 7, 14, 25)
CORRELATION: Final = {**dict.fromkeys(CLEAR, 0.95), **dict.fromkeys(HARDER, 0.85)}
"""Unit -> correlation on isolated pulses."""
CORRELATION_LOW: Final = dict.fromkeys(CLEAR, 0.90)
"""And at the lowest level alone."""
SLOPE: Final = (0.85, 1.15)
TOGETHER: Final = 0.85
"""Mean correlation of overlapping units."""
ERROR: Final = 0.6
"""Mean absolute error of overlapping units, on 0..5."""
SHORT: Final = 0.8
"""Share of a micro-expression's amplitude."""
PLANTED: Final = 0.9
"""Recall and precision of planted micro-events."""
AT_REST: Final = 0.5
"""95th percentile of any unit on neutral faces."""


@dataclass(frozen=True)
class Goal:
    """what is asked for, `reached` in words, and whether that is it."""

    what: str
    reached: str
    met: bool


def goals(scores: Mapping[str, Scores]) -> list[Goal]:
    """Those that the evaluated protocols can tell about."""
    return [goal for protocol, told in scores.items() for goal in _JUDGES.get(protocol, _nothing)(told)]


def _nothing(told: Scores) -> Iterator[Goal]:
    yield from ()


def _pulses(told: Scores) -> Iterator[Goal]:
    units = told["units"]
    yield from _each("pulses: r at least .95 (.85: AU5, 7, 14, 25)", units, "r", CORRELATION)
    yield from _each("pulses at the lowest level: r at least .9", units, "r_low", CORRELATION_LOW)
    known = {number: unit["slope"] for number in CORRELATION if (unit := units.get(str(number)))}
    if known:
        far = {number: abs(value - 1) if not math.isnan(value) else math.inf for number, value in known.items()}
        outside = [n for n, value in known.items() if not SLOPE[0] <= value <= SLOPE[1]]
        worst = max(far, key=lambda number: far[number])
        yield Goal("pulses: slope between .85 and 1.15", _words(known, outside, worst), not outside)


def _each(what: str, units: Scores, key: str, wanted: Mapping[int, float]) -> Iterator[Goal]:
    known = {number: units[str(number)][key] for number in wanted if str(number) in units}
    if known:
        short = [number for number, value in known.items() if not value >= wanted[number]]
        worst = min(known, key=lambda n: known[n] - wanted[n] if not math.isnan(known[n]) else -math.inf)
        yield Goal(what, _words(known, short, worst), not short)


def _words(known: Mapping[int, float], short: list[int], worst: int) -> str:
    missed = f", not {', '.join(f'AU{number}' for number in short)}" if short else ""
    reached = "not shown" if math.isnan(known[worst]) else f"{known[worst]:.2f}"
    return f"{len(known) - len(short)} of {len(known)}{missed}; farthest AU{worst}: {reached}"


def _overlapping(told: Scores) -> Iterator[Goal]:
    yield Goal("overlapping: mean r at least .85", f"{told['r']:.3f}", told["r"] >= TOGETHER)
    yield Goal("overlapping: mean absolute error at most .6", f"{told['error']:.3f}", told["error"] <= ERROR)


def _micro(told: Scores) -> Iterator[Goal]:
    wanted = {int(number): SHORT for number in told["units"]}
    yield from _each("micro: at least 80 % of the amplitude", told["units"], "share", wanted)


def _neutral(told: Scores) -> Iterator[Goal]:
    for kind in ("clips", "photos"):
        known = {int(number): value for number, value in told[f"in_{kind}"].items()}
        high = [number for number, value in known.items() if not value <= AT_REST]
        worst = max(known, key=lambda number: known[number] if not math.isnan(known[number]) else math.inf)
        yield Goal(f"neutral {kind}: 95th percentile at most .5", _words(known, high, worst), not high)


def _events(told: Scores) -> Iterator[Goal]:
    for what in ("recall", "precision"):
        yield Goal(f"events: {what} at least .9", f"{told[what]:.3f}", told[what] >= PLANTED)


_JUDGES: Final = {
    "pulses": _pulses,
    "overlapping": _overlapping,
    "micro": _micro,
    "neutral": _neutral,
    "events": _events,
}
