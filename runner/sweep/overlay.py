"""The curves of several runs on top of one another: one panel per Action Unit that any of them changed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from runner.report.curves import HEIGHT, LEFT, RIGHT, WIDTH, Chart, axes, level_y
from runner.report.decimate import Decimator, Envelope
from runner.report.draw import path
from runner.report.rows import BLOCK, CURVES, Rows
from runner.report.summary import CHANGED, PRESENT
from runner.sweep.scores import Scored
from stages import facs

COLOURS: Final = ("#d9540b", "#1d6fd8", "#0f9d76", "#b0349b", "#b58900", "#6a5be0", "#c02942", "#5b8f00")
"""Told apart on light and dark paper, and by most colour-blind readers in this order."""
MOST_RUNS: Final = len(COLOURS)
_MOST_PANELS: Final = 24

STYLE: Final = (
    "".join(f".run{i}{{--run:{colour}}}.panel .run{i}{{stroke:{colour};fill:none}}" for i, colour in enumerate(COLOURS))
    + """
.panel .line.wanted{stroke-width:1.3}.panel .dots.got{stroke-width:3;opacity:.75}
.panel .line.measured{stroke-width:2.4;opacity:.55}
.key{display:inline-block;width:11px;height:11px;border-radius:50%;background:var(--run);margin-right:7px}
"""
)


def shown(runs: Sequence[Scored], winner: Scored | None, most: int = MOST_RUNS) -> list[Scored]:
    """At most `most` of them, spread evenly, the best among them."""
    if len(runs) <= most:
        return list(runs)
    at = sorted({round(i) for i in np.linspace(0, len(runs) - 1, most)})
    if winner in runs and runs.index(winner) not in at:
        near = min(at, key=lambda i: abs(i - runs.index(winner)))
        at = sorted({*at, runs.index(winner)} - {near})
    return [runs[i] for i in at]


def panels(runs: Sequence[Scored]) -> list[Chart]:
    """By face, the most changed Action Unit first; those that were only there if none was changed.

    Raises:
        OSError: a run's `units.parquet` cannot be read.
    """
    units = _units(runs)
    read = [_read(run, units) for run in runs]
    tracks = sorted({track for one in read if one for track in one.tracks})
    end = max((one.end for one in read if one), default=0.0)
    at = [(track, unit) for track in tracks for unit in units][:_MOST_PANELS]
    return [
        _panel([one.tracks.get(track) if one else None for one in read], _changers(runs, unit), unit, track, end)
        for track, unit in at
    ]


def _changers(runs: Sequence[Scored], unit: str) -> set[int]:
    """Which of the runs changed a unit: the curves of the others would hide the measured one."""
    return {i for i, run in enumerate(runs) if unit in run.units and run.units[unit]["change"] > CHANGED}


def _units(runs: Sequence[Scored]) -> list[str]:
    change = {name: max(run.units[name]["change"] for run in runs if name in run.units) for name in _named(runs)}
    changed = sorted((name for name, most in change.items() if most > CHANGED), key=lambda name: -change[name])
    return changed or [name for name in change if max(run.units[name]["measured"]["peak"] for run in runs) > PRESENT]


def _named(runs: Sequence[Scored]) -> list[str]:
    return list(dict.fromkeys(name for run in runs for name in run.units))


def _read(run: Scored, units: Sequence[str]) -> Decimator | None:
    assert run.record is not None
    assert run.entry.report is not None
    file = run.entry.report / "units.parquet"
    if not file.exists():
        return None
    curves = Decimator(frames=run.record.frames)
    for rows in _rows(file, units):
        curves.add(rows)
    return curves


def _rows(file: Path, units: Sequence[str]) -> Iterator[Rows]:
    """What `units.parquet` holds of some units; both sides have their mean."""
    with pq.ParquetFile(file) as table:
        there = set(table.schema_arrow.names)
        wanted = {
            name: (facs.INDEX[unit], curve)
            for unit in units
            for curve, suffix in enumerate(("", *(f"_{name}" for name in CURVES[1:])))
            if (name := f"{unit}{suffix}") in there
        }
        for batch in table.iter_batches(BLOCK, columns=["frame", "pts", "time_s", "track", *wanted]):
            rows = Rows.empty(batch.num_rows)
            for column, target in (
                ("frame", rows.frame),
                ("pts", rows.pts),
                ("time_s", rows.seconds),
                ("track", rows.track),
            ):
                target[:] = batch.column(column).to_numpy()
            for name, (index, curve) in wanted.items():
                rows.values[:, curve, index] = batch.column(name).to_numpy(zero_copy_only=False)[:, None]
            yield rows


def _panel(envelopes: Sequence[Envelope | None], changers: set[int], unit: str, track: int, end: float) -> Chart:
    there = [(i, one) for i, one in enumerate(envelopes) if one is not None]  # at least one: its track was found
    index = facs.INDEX[unit]
    most = max(float(np.nanmax(one.high[:, :, index], initial=0.0)) for _, one in there)
    top = min(max(1, math.ceil(most)), math.ceil(facs.MAX_ASKED))
    label = facs.UNITS[index].label
    parts = [
        f'<svg class="panel" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img" '
        f'aria-label="{unit} {escape(label)}: measured, and asked and achieved of each run">',
        f'<text x="{LEFT}" y="16"><tspan class="name">{unit}</tspan> {escape(label)}</text>',
        *axes(top, end),
        *_measured(there[0][1], index, top, end),
        *(part for i, one in there if i in changers for part in _one(one, index, top, end, i)),
        "</svg>",
    ]
    return Chart(unit=unit, label=label, track=track, svg="".join(parts))


def _x(envelope: Envelope, end: float) -> NDArray[np.float64]:
    return LEFT + envelope.seconds() / max(end, 1e-9) * (RIGHT - LEFT)


def _measured(envelope: Envelope, unit: int, top: int, end: float) -> Iterator[str]:
    """The same in every run: they share the analysis."""
    yield f'<path class="line measured" d="{path(_x(envelope, end), level_y(envelope.mean(0, unit), top))}"/>'


def _one(envelope: Envelope, unit: int, top: int, end: float, run: int) -> Iterator[str]:
    x = _x(envelope, end)
    wanted = path(x, level_y(envelope.mean(1, unit), top))
    yield f'<path class="line wanted run{run}" d="{wanted}"/>' if wanted else ""
    got = level_y(envelope.mean(2, unit), top)
    dots = "".join(f"M{a:.1f} {b:.1f}h0" for a, b in zip(x, got, strict=True) if math.isfinite(a + b))
    yield f'<path class="dots got run{run}" d="{dots}"/>' if dots else ""
