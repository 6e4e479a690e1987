"""Planted micro-events: how many are found, how many that are found were planted, and how strong they come out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from runner.evaluate import figures
from runner.evaluate.scores.pair import Pair, Scores, counted, row
from stages import facs
from stages.expression.calibration.curves import Pulse
from stages.packets import MicroEvent

SLACK: Final = 2
"""Frames that an apex may lie outside a planted event."""
SAME: Final = {"AU45": "AU43"}
"""What is planted as one unit and told as another: a closure of the eyes."""


def events(pairs: Sequence[Pair]) -> Scores:
    """Per unit: recall, and the median share of the true strength that is told.

    precision: of events told of planted units, the share whose unit was planted there. moments: the same, if any unit
    that was planted at that time will do, so that what one unit's movement adds to another's curve is no false alarm.
    other: events a minute told of units that are never planted.
    """
    numbers = sorted({mark.number for pair in pairs for mark in pair.film.take.marks})
    found = {number: [_found(pair, mark) for pair in pairs for mark in _marks(pair, number)] for number in numbers}
    told = [
        (pair, event) for pair in pairs for event in pair.measured.events if event.brief and _number(event) in numbers
    ]
    right = [(pair, event) for pair, event in told if any(_meets(event, mark) for mark in _marks(pair, _number(event)))]
    moments = [(pair, event) for pair, event in told if any(_at(event, mark) for mark in pair.film.take.marks)]
    others = sum(_number(event) not in numbers for pair in pairs for event in pair.measured.events if event.brief)
    frames = sum(len(pair.truth) for pair in pairs)
    everyone = [hit for hits in found.values() for hit in hits]
    return {
        "recall": _share([hit is not None for hit in everyone]),
        "precision": len(right) / len(told) if told else float("nan"),
        "moments": len(moments) / len(told) if told else float("nan"),
        "others": others / frames,
        "units": {
            str(number): {
                "recall": _share([hit is not None for hit in hits]),
                "strength": figures.median([hit for hit in hits if hit is not None]),
                "events": len(hits),
            }
            for number, hits in found.items()
        },
        **counted(pairs),
    }


def _marks(pair: Pair, number: int) -> list[Pulse]:
    return [mark for mark in pair.film.take.marks if mark.number == number]


def _number(event: MicroEvent) -> int:
    name = facs.NAMES[event.unit]
    return int(SAME.get(name, name).removeprefix("AU"))


def _at(event: MicroEvent, mark: Pulse) -> bool:
    return mark.start - SLACK <= event.apex < mark.stop + SLACK


def _meets(event: MicroEvent, mark: Pulse) -> bool:
    return _number(event) == mark.number and _at(event, mark)


def _found(pair: Pair, mark: Pulse) -> float | None:
    """Told strength as a share of the true one, of the strongest event that meets `mark`; None where none does."""
    told = [event.strength for event in pair.measured.events if event.brief and _meets(event, mark)]
    if not told:
        return None
    truth = pair.truth[mark.start : mark.stop, row(mark.number)]
    true = float((truth.max(axis=0) - truth[[0, -1]].mean(axis=0)).max())
    return max(told) / max(true, figures.STILL)


def _share(hits: Sequence[bool]) -> float:
    return sum(hits) / len(hits) if hits else float("nan")
