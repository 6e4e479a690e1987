"""Isolated pulses, long and short."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from runner.evaluate import figures
from runner.evaluate.scores.pair import Pair, Scores, counted, row
from stages import facs
from stages.expression.calibration.curves import Pulse, raised_cosine

Doubles = NDArray[np.float64]

INVOLVED: Final = 0.25
"""Intensity from which another unit really changes with a pulse: AU45 with AU43, AU25 with whatever parts the lips."""


def pulses(pairs: Sequence[Pair]) -> Scores:
    """Per unit: r over all levels and over the lowest alone, slope, largest change of a unit that takes no part.

    Means over people; `r_least` is the worst person's. leak: in intensities, at the highest level's peak.
    """
    numbers = dict.fromkeys(mark.number for pair in pairs for mark in pair.film.take.marks)
    return {"units": {str(number): _pulsed(pairs, number) for number in numbers}, **counted(pairs)}


def _pulsed(pairs: Sequence[Pair], number: int) -> Scores:
    one = [_of_person(pair, number) for pair in pairs]
    leaks = np.mean([leak for *_, leak in one], axis=0)
    leaks[row(number)] = 0
    worst = int(np.abs(leaks).argmax())
    r, low, steep = [o[0] for o in one], [o[1] for o in one], [o[2] for o in one]
    return {
        "r": figures.mean(r),
        "r_least": figures.quantile(r, 0.0),
        "r_low": figures.mean(low),
        "slope": figures.mean(steep),
        "slope_least": figures.quantile(steep, 0.0),
        "slope_most": figures.quantile(steep, 1.0),
        "leak": float(leaks[worst]),
        "leak_unit": facs.NAMES[worst],
    }


def _of_person(pair: Pair, number: int) -> tuple[float, float, float, Doubles]:
    """r, r at the lowest level, slope, and (facs.COUNT,) what all units change too much at the highest level's peak."""
    marks = [mark for mark in pair.film.take.marks if mark.number == number]
    levels = [mark.level for mark in marks]
    true, found, whole = pair.shown(number), pair.found(number), _window(pair, marks)
    low = _window(pair, [mark for mark in marks if mark.level == min(levels)])
    highest = [mark for mark in marks if mark.level == max(levels)]
    leak = np.mean([_change(pair, mark) for mark in highest], axis=0)
    return (
        figures.correlation(found[whole], true[whole]),
        figures.correlation(found[low], true[low]),
        figures.slope(found[whole], true[whole]),
        leak,
    )


def _change(pair: Pair, mark: Pulse) -> Doubles:
    """(facs.COUNT,) what units change with a pulse that do not take part; by regression on its curve, without noise."""
    where, curve = _window(pair, [mark]), _curve(pair, mark)
    found, true = pair.measured.values[where].mean(2), pair.truth[where].mean(2)
    seen = ~np.isnan(found).any(1)
    centred = curve[seen] - curve[seen].mean()
    reader = centred / max(float(centred @ centred), figures.STILL)
    change: Doubles = np.where(np.abs(reader @ true[seen]) < INVOLVED, reader @ found[seen], 0)
    return change


def _curve(pair: Pair, mark: Pulse) -> Doubles:
    """The pulse over its window, 1 at its peak."""
    rest = (len(_window(pair, [mark])) - (mark.stop - mark.start)) // 2
    return np.pad(raised_cosine(mark.stop - mark.start), rest)


def _window(pair: Pair, marks: Sequence[Pulse]) -> NDArray[np.intp]:
    """Frames of pulses, and of the rest before and after them."""
    starts = [mark.start for mark in pair.film.take.marks]
    rest = min(starts)
    return np.concatenate([np.arange(mark.start - rest, mark.stop + rest) for mark in marks])


def micro(pairs: Sequence[Pair]) -> Scores:
    """Per unit: the share of a short pulse's amplitude that comes through, the median over all pulses.

    share: by regression of the measured window on the true pulse, which noise does not bias. peak: by the highest
    value, which noise raises.
    """
    found: dict[int, list[tuple[float, float]]] = {}
    for pair in pairs:
        for mark in pair.film.take.marks:
            where = _window(pair, [mark])
            true, seen = pair.shown(mark.number)[where], pair.found(mark.number)[where]
            found.setdefault(mark.number, []).append((figures.slope(seen, true), _peak(seen, true)))
    units = {
        str(number): {
            "share": figures.median([share for share, _ in shares]),
            "share_quarter": figures.quantile([share for share, _ in shares], 0.25),
            "peak": figures.median([peak for _, peak in shares]),
            "pulses": len(shares),
        }
        for number, shares in found.items()
    }
    return {"units": units, **counted(pairs)}


def _peak(seen: Doubles, true: Doubles) -> float:
    if np.isnan(seen).all():
        return float("nan")
    return float((np.nanmax(seen) - np.nanmedian(seen[true == 0])) / true.max())
