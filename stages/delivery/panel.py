"""The bars of a review film: every Action Unit of one face, as it was measured, asked for and achieved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from stages import facs
from stages.delivery.lettering import Colour, fill, width, write
from stages.packets import Bytes, Floats, MicroEvent

GROUND: Final[Colour] = (18, 19, 21)
INK: Final[Colour] = (236, 236, 236)
DIM: Final[Colour] = (150, 152, 156)
FAINT: Final[Colour] = (84, 86, 90)
RULE: Final[Colour] = (44, 46, 50)
CURVES: Final[dict[str, Colour]] = {"measured": (168, 168, 168), "asked": (251, 146, 60), "achieved": (45, 212, 191)}
"""As in the curves of the report."""
MARK: Final[Colour] = (250, 204, 21)
SHOWN: Final = tuple(i for i, unit in enumerate(facs.UNITS) if unit.number not in facs.ALIASES)
"""AU43 stands for blinks and winks too."""
SIDES: Final = (" left", " right", "")
COLUMNS: Final = 3
_ROWS: Final = -(-len(SHOWN) // COLUMNS)
_PRESENT: Final = 0.1  # intensity below which a row is written small
_DRAWN_FOR: Final = 1280  # pixels of width that the lengths below are given for
_HEAD, _ROW, _FOOT, _MARGIN = 40, 25, 56, 18
_NAME, _BARS, _BAR, _FIGURES = 62, 196, 118, (346, 376, 406)  # from the column's left; figures end there
_THICK: Final = {"measured": (4, 3), "asked": (8, 6), "achieved": (15, 6)}  # from the row's top, height


@dataclass(frozen=True, slots=True)
class Happened:
    """A micro-event that has begun.

    when: a timecode. seconds: how long it lasts. share: of the clip that lies before it, where that is known.
    """

    event: MicroEvent
    when: str
    seconds: float
    share: float | None


@dataclass(frozen=True, slots=True)
class Reading:
    """What the panel shows of a frame.

    curves: report's name of a curve -> (facs.COUNT, 2) intensities. about: the head line, left and right. share: of the
    clip that lies before this frame, if it is known. now: events under way; past: the latest first.
    """

    curves: dict[str, Floats]
    about: tuple[str, str]
    achieved_at: str
    share: float | None
    now: Sequence[MicroEvent]
    past: Sequence[Happened]


@dataclass(frozen=True)
class Panel:
    """Draws readings, `width` pixels wide and `height` high."""

    width: int

    @property
    def height(self) -> int:
        """Pixels, even."""
        return round(self._scale * (_HEAD + _ROWS * _ROW + _FOOT)) // 2 * 2

    def draw(self, reading: Reading) -> Bytes:
        """(height, width, 3) R'G'B'."""
        picture = self._empty.copy()
        self._head(picture, reading)
        under_way = {_row_of(one.unit): one for one in reading.now}
        for place, unit in enumerate(SHOWN):
            self._row(picture, place, unit, reading.curves, under_way.get(unit))
        self._foot(picture, reading)
        return picture

    @property
    def _scale(self) -> float:
        return self.width / _DRAWN_FOR

    @cached_property
    def _empty(self) -> Bytes:
        """What is the same on every frame."""
        picture = np.full((self.height, self.width, 3), GROUND, np.uint8)
        for place in range(len(SHOWN)):
            left, top = self._corner(place)
            for level in range(6):
                x = left + self._scale * (_BARS + _BAR * level / facs.MAX_INTENSITY)
                low, high = top + 3 * self._scale, top + 23 * self._scale
                fill(picture, (x, low, x + max(1, self._scale), high), RULE)
        return picture

    def _corner(self, place: int) -> tuple[float, float]:
        column, row = divmod(place, _ROWS)
        return self.width * column / COLUMNS, self._scale * (_HEAD + _ROW * row)

    def _head(self, picture: Bytes, reading: Reading) -> None:
        s, base = self._scale, 26 * self._scale
        left, right = reading.about
        write(picture, left, (_MARGIN * s, base), 16 * s, INK, 600)
        write(picture, right, (self.width - _MARGIN * s, base), 16 * s, INK, 600, right=True)
        names = {"measured": "measured", "asked": "commanded", "achieved": f"achieved {reading.achieved_at}".rstrip()}
        shown = [name for name in names if name in reading.curves]
        room = sum(width(names[name], 14 * s) + 40 * s for name in shown)
        x = (self.width - room) / 2
        for name in shown:
            fill(picture, (x, base - 9 * s, x + 14 * s, base - 1 * s), CURVES[name])
            write(picture, names[name], (x + 20 * s, base), 14 * s, DIM)
            x += width(names[name], 14 * s) + 40 * s

    def _row(self, picture: Bytes, place: int, unit: int, curves: dict[str, Floats], event: MicroEvent | None) -> None:
        (left, top), s, about = self._corner(place), self._scale, facs.UNITS[unit]
        if event is not None:
            fill(picture, (left + 6 * s, top + s, left + 412 * s, top + (_ROW - 1) * s), MARK, 0.16)
            fill(picture, (left + 6 * s, top + s, left + 9 * s, top + (_ROW - 1) * s), MARK)
        there = any(values[unit].max() >= _PRESENT for values in curves.values())
        base = top + 18 * s
        write(picture, about.name, (left + _MARGIN * s, base), 14 * s, INK if there else FAINT, 600)
        write(picture, about.label, (left + _NAME * s, base), 12 * s, DIM if there else FAINT)
        if event is not None and about.sided:  # the performer's side
            write(
                picture,
                SIDES[event.side].strip()[:1].upper(),
                (left + (_BARS - 7) * s, base),
                12 * s,
                MARK,
                600,
                right=True,
            )
        for (name, values), end in zip(curves.items(), _FIGURES, strict=False):
            self._bar(picture, (left + _BARS * s, top), name, values[unit])
            mean = float(values[unit].mean())
            if there:
                write(picture, f"{mean:.1f}", (left + end * s, base), 13 * s, CURVES[name], 500, right=True)

    def _bar(self, picture: Bytes, corner: tuple[float, float], name: str, sides: Floats) -> None:
        """Full to the weaker side, faint from there to the stronger one."""
        (x, y), s = corner, self._scale
        full = facs.MAX_INTENSITY
        low, high = (min(float(value), full) / full * _BAR * s for value in (sides.min(), sides.max()))
        top, thick = _THICK[name]
        rows = y + top * s, y + (top + thick) * s
        fill(picture, (x, rows[0], x + low, rows[1]), CURVES[name])
        fill(picture, (x + low, rows[0], x + high, rows[1]), CURVES[name], 0.45)

    def _foot(self, picture: Bytes, reading: Reading) -> None:
        s, top = self._scale, self.height - _FOOT * self._scale
        x0, x1, line = _MARGIN * s, self.width - _MARGIN * s, top + 14 * s
        fill(picture, (x0, line, x1, line + 3 * s), RULE)
        if reading.share is not None:
            fill(picture, (x0, line, x0 + (x1 - x0) * reading.share, line + 3 * s), DIM)
        for one in reading.past:
            if one.share is not None:
                x = x0 + (x1 - x0) * one.share
                fill(picture, (x - s, line - 5 * s, x + s, line + 8 * s), MARK)
        self._told(picture, reading.past, self.height - 16 * s)

    def _told(self, picture: Bytes, past: Sequence[Happened], base: float) -> None:
        """As many of the latest events as there is room for."""
        s, x = self._scale, _MARGIN * self._scale
        for one in past:
            unit = facs.UNITS[one.event.unit]
            side = SIDES[one.event.side] if unit.sided else ""
            text = f"{one.when}   {unit.name} {unit.label}{side}   {one.seconds:.2f} s   +{one.event.strength:.1f}"
            room = width(text, 13 * s) + 44 * s
            if x + room > self.width:
                return
            fill(picture, (x, base - 9 * s, x + 4 * s, base + s), MARK)
            write(picture, text, (x + 12 * s, base), 13 * s, DIM)
            x += room


def _row_of(unit: int) -> int:
    """AU43's row shows blinks and winks."""
    return facs.INDEX["AU43"] if facs.UNITS[unit].number in facs.ALIASES else unit
