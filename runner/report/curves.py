"""The curves of a clip as SVG: one panel per Action Unit that moves.

Drawn by hand rather than by a plotting library: a panel is a few paths, takes its colours from the page (light or
dark), is read back by the page's pointer, and costs under a millisecond.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from runner.report.decimate import Decimator, Envelope
from runner.report.draw import band, path, ticks
from runner.report.rows import CURVES
from runner.report.summary import CHANGED, PRESENT, UnitSummary
from stages import facs

WIDTH: Final = 360
HEIGHT: Final = 150
LEFT, RIGHT, TOP, BOTTOM = 22.0, 350.0, 32.0, 130.0
_COLUMNS: Final = 3
_GAP: Final = 16
_DENSE: Final = 120  # dots beyond which they would run together

STYLE: Final = """
:root{--paper:#f4f4f4;--ink:#1d1d1d;--dim:#6b6b6b;--rule:#d8d8d8;--measured:#7a7a7a;--asked:#c2410c;--achieved:#0f766e}
@media(prefers-color-scheme:dark){:root{--paper:#171717;--ink:#ececec;--dim:#9a9a9a;--rule:#333;--measured:#a3a3a3;
--asked:#fb923c;--achieved:#2dd4bf}}
svg{background:var(--paper)}
"""
PANEL_STYLE: Final = """
.panel text{font:10px system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;fill:var(--dim)}
.panel .name{font-size:12px;font-weight:600;fill:var(--ink)}.panel .gain{fill:var(--asked);font-size:12px}
.panel .rule{stroke:var(--rule);stroke-width:1;fill:none}
.panel .band{stroke:none;opacity:.22}.panel .line{fill:none;stroke-width:1.4;stroke-linejoin:round;stroke-linecap:round}
.panel .line.measured{stroke:var(--measured)}.panel .band.measured{fill:var(--measured)}
.panel .line.asked{stroke:var(--asked)}.panel .band.asked{fill:var(--asked)}
.panel .dots{fill:none;stroke:var(--achieved);stroke-width:3;stroke-linecap:round}.panel .dots.dense{stroke-width:1.6}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """One panel: an Action Unit of one face. `svg` is a whole `<svg>` element of `WIDTH` x `HEIGHT` user units."""

    unit: str
    label: str
    track: int
    svg: str


def charts(decimator: Decimator, units: Sequence[UnitSummary]) -> tuple[Chart, ...]:
    """Panels by face, the most changed Action Unit first; units that neither moved nor were changed are left out."""
    order = sorted((unit for unit in units if unit.moves), key=lambda unit: (-unit.change, -unit.measured.peak))
    return tuple(
        _chart(envelope, unit, track, decimator.end)
        for track, envelope in sorted(decimator.tracks.items())
        for unit in order
        if _moves(envelope, facs.INDEX[unit.name])
    )


def sheet(panels: Sequence[Chart], title: str) -> str:
    """All panels as one stand-alone SVG file, light or dark as the viewer's system is."""
    rows = max(1, math.ceil(len(panels) / _COLUMNS))
    width = _COLUMNS * WIDTH + (_COLUMNS + 1) * _GAP
    height = rows * HEIGHT + (rows + 1) * _GAP
    placed = "".join(
        f'<g transform="translate({_GAP + i % _COLUMNS * (WIDTH + _GAP)} {_GAP + i // _COLUMNS * (HEIGHT + _GAP)})">'
        f"{panel.svg}</g>"
        for i, panel in enumerate(panels)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
        f"<title>{escape(title)}</title><style>{STYLE}{PANEL_STYLE}</style>{placed}</svg>\n"
    )


def _moves(envelope: Envelope, unit: int) -> bool:
    present = float(np.nanmax(envelope.high[0, :, unit], initial=0.0)) > PRESENT
    apart = np.abs(envelope.mean(1, unit) - envelope.mean(0, unit))
    return present or float(np.nanmax(apart, initial=0.0)) > CHANGED


def _chart(envelope: Envelope, unit: UnitSummary, track: int, end: float) -> Chart:
    index = facs.INDEX[unit.name]
    most = float(np.nanmax(envelope.high[:, :, index], initial=0.0))
    top = min(max(1, math.ceil(most)), math.ceil(facs.MAX_ASKED))
    x = LEFT + envelope.seconds() / max(end, 1e-9) * (RIGHT - LEFT)
    gain = f'<text class="gain" x="{RIGHT}" y="16" text-anchor="end">×{unit.wanted:.2f}</text>' if unit.changed else ""
    parts = [
        f'<svg class="panel" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img" '
        f'data-top="{top}" data-end="{end:.3f}" aria-label="{_spoken(unit)}">',
        f'<text x="{LEFT}" y="16"><tspan class="name">{unit.name}</tspan> {escape(unit.label)}</text>{gain}',
        *axes(top, end),
        *_drawn(envelope, index, x, top, CURVES[: 2 if unit.changed else 1]),
        "</svg>",
    ]
    return Chart(unit=unit.name, label=unit.label, track=track, svg="".join(parts))


def _spoken(unit: UnitSummary) -> str:
    return escape(
        f"{unit.name} {unit.label}: measured mean {unit.measured.mean:.2f}, peak {unit.measured.peak:.2f}; "
        f"asked mean {unit.asked.mean:.2f}, peak {unit.asked.peak:.2f}"
    )


def axes(top: int, end: float) -> Iterator[str]:
    """Rules and numbers of a panel whose intensities end at `top` and whose time ends at `end` seconds."""
    for level in range(top + 1):
        y = float(level_y(np.array(level), top))
        yield f'<path class="rule" d="M{LEFT} {y:.1f}H{RIGHT}"/>'
        if level in (0, top):
            yield f'<text x="{LEFT - 5}" y="{y + 3.5:.1f}" text-anchor="end">{level}</text>'
    for seconds, label in ticks(end):
        x = LEFT + seconds / max(end, 1e-9) * (RIGHT - LEFT)
        anchor = "start" if seconds == 0 else "end" if x > RIGHT - 8 else "middle"
        yield f'<text x="{x:.1f}" y="{BOTTOM + 14}" text-anchor="{anchor}">{label}</text>'


def _drawn(envelope: Envelope, unit: int, x: NDArray[np.float64], top: int, shown: Sequence[str]) -> Iterator[str]:
    """Asked is drawn only where it differs: an unchanged curve would hide the measured one."""
    for curve, name in enumerate(shown):
        if envelope.rows[curve, :, unit].max(initial=0) > 1:
            low, high = level_y(envelope.low[curve, :, unit], top), level_y(envelope.high[curve, :, unit], top)
            yield f'<path class="band {name}" d="{band(x, low, high)}"/>'
        line = path(x, level_y(envelope.mean(curve, unit), top))
        yield f'<path class="line {name}" data-curve="{name}" d="{line}"/>' if line else ""
    back = level_y(envelope.mean(2, unit), top)
    dots = "".join(f"M{a:.1f} {b:.1f}h0" for a, b in zip(x, back, strict=True) if math.isfinite(a + b))
    dense = " dense" if dots.count("M") > _DENSE else ""
    yield f'<path class="dots{dense}" data-curve="achieved" d="{dots}"/>' if dots else ""


def level_y(value: NDArray[Any], top: int) -> NDArray[Any]:
    """Where intensities lie in a panel whose intensities end at `top`."""
    return np.asarray(BOTTOM - np.minimum(value, top) / top * (BOTTOM - TOP))
