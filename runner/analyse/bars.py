"""A still's face as SVG: one row per unit that is present, a bar for each side on the FACS scale."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from runner.analyse.figures import FaceFigures, UnitFigures
from runner.analyse.svg import LEFT, MIDDLE, RIGHT, TEXT, Picture, heading, picture, text
from stages import facs

_ROW: Final = 34
_TOP: Final = 74
_BAR: Final = 9


def bars(face: FaceFigures, present: float) -> Picture:
    """One face of a single frame; `present`: intensity that gives a unit its row."""
    names = face.present(present)
    names += [unit.name for unit in facs.HEAD if unit.name in face.units and face.units[unit.name].peak >= present]
    bottom = _TOP + _ROW * len(names)
    parts = [*heading(face, legend=False), *_scale(bottom)]
    for i, name in enumerate(names):
        parts += _row(name, face.units[name], _TOP + i * _ROW)
    turned = ", ".join(f"{name} {found.mean:+.1f}°" for name, found in (*face.head.items(), *face.gaze.items()))
    parts.append(text(LEFT, bottom + 22, turned.replace("-", "−")))
    return picture(face, "".join(parts), bottom + 34)


def _scale(bottom: float) -> Iterator[str]:
    for level in range(int(facs.MAX_INTENSITY) + 1):
        x = _x(level)
        yield f'<path class="rule" d="M{x:.1f} {_TOP - 4}V{bottom}"/>'
        yield text(x, _TOP - 10, f"{level}{f' {facs.LETTERS[level - 1]}' if level else ''}", "middle")


def _x(intensity: float) -> float:
    return MIDDLE + intensity / facs.MAX_INTENSITY * (RIGHT - MIDDLE)


def _row(name: str, unit: UnitFigures, y: float) -> Iterator[str]:
    yield text(LEFT, y + 15, name, cls="name") + text(LEFT + 50, y + 15, unit.label)
    sides = {"left": unit.left.peak, "right": unit.right.peak} if unit.left and unit.right else {"both": unit.peak}
    for i, (side, peak) in enumerate(sides.items()):
        top, width = y + (2 if len(sides) == 2 else 7) + i * (_BAR + 1), max(_x(peak) - MIDDLE, 1)
        yield f'<rect class="bar {side}" x="{MIDDLE}" y="{top}" width="{width:.1f}" height="{_BAR}"/>'
    yield text(TEXT, y + 11, f"{unit.peak:.1f} {facs.letter(unit.peak)}", cls="name")
    yield text(TEXT, y + 24, f"confidence {unit.confidence:.2f}")
