"""What the pictures of an analysis have in common: their measures, colours and headings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from runner.analyse.figures import FaceFigures

WIDTH: Final = 1120
LEFT: Final = 16.0
MIDDLE: Final = 216.0
RIGHT: Final = 984.0
TEXT: Final = 1000.0
_MARGIN: Final = 14

COLOURS: Final = """
:root{--paper:#fff;--ink:#1d1d1d;--dim:#666;--rule:#e3e3e3;--left:#1d6fd8;--right:#d9540b;--angle:#0f766e}
@media(prefers-color-scheme:dark){:root{--paper:#171717;--ink:#ececec;--dim:#9c9c9c;--rule:#333;--left:#6ab0ff;
--right:#ff9d5c;--angle:#2dd4bf}}
"""
STYLE: Final = """
.lanes text{font:11px system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;fill:var(--dim)}
.lanes .name{font-size:12.5px;font-weight:600;fill:var(--ink)}
.lanes .title{font-size:15px;font-weight:650;fill:var(--ink)}
.lanes .rule{stroke:var(--rule);fill:none}.lanes .base{stroke:var(--dim);stroke-width:.75;fill:none}
.lanes .line{fill:none;stroke-width:1.5;stroke-linejoin:round;stroke-linecap:round}.lanes .band{stroke:none;opacity:.2}
.lanes .line.left{stroke:var(--left)}.lanes .line.right{stroke:var(--right)}.lanes .line.both{stroke:var(--ink)}
.lanes .line.angle{stroke:var(--angle)}.lanes .band.left{fill:var(--left)}.lanes .band.right{fill:var(--right)}
.lanes .band.both{fill:var(--ink)}.lanes .band.angle{fill:var(--angle)}
.lanes .bar.left{fill:var(--left)}.lanes .bar.right{fill:var(--right)}.lanes .bar.both{fill:var(--ink)}
.lanes .mark.left{fill:var(--left)}.lanes .mark.right{fill:var(--right)}.lanes .mark.both{fill:var(--ink)}
.lanes .mark rect{opacity:.22}
.lanes .ground{fill:var(--ink)}.lanes .s0{opacity:.025}.lanes .s1{opacity:.07}.lanes .s2{opacity:.12}
.lanes .s3{opacity:.18}.lanes .s4{opacity:.26}
"""


@dataclass(frozen=True, slots=True)
class Picture:
    """One face as a whole `<svg>` element, `WIDTH` user units wide."""

    face_id: int
    svg: str
    height: float


def text(x: float, y: float, words: str, anchor: str = "start", cls: str = "") -> str:
    """A `<text>` element."""
    named = f' class="{cls}"' if cls else ""
    anchored = f' text-anchor="{anchor}"' if anchor != "start" else ""
    return f'<text x="{x:.1f}" y="{y:.1f}"{named}{anchored}>{escape(words)}</text>'


def heading(face: FaceFigures, legend: bool) -> Iterator[str]:
    """Who it is and, on the right, what the colours mean."""
    yield text(LEFT, 24, f"Face {face.face_id}", cls="title")
    span = f"{face.first_s:.1f} to {face.last_s:.1f} s · {face.frames} frames · " if legend else ""
    yield text(LEFT, 42, f"{span}confidence {face.confidence:.2f}")
    x = RIGHT
    for name, words in (("both", "no sides"), ("right", "performer's right"), ("left", "performer's left")):
        yield f'<path class="line {name}" stroke-width="3" d="M{x - 5.7 * len(words) - 22:.1f} 20h16"/>'
        yield text(x, 24, words, "end")
        x -= 5.7 * len(words) + 40
    if legend:
        yield text(RIGHT, 42, "intensity 0 to 5 · shaded ground: less sure · wedge: micro-event", "end")


def picture(face: FaceFigures, body: str, height: float) -> Picture:
    """The whole of one face."""
    return Picture(
        face.face_id,
        f'<svg class="lanes" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" width="{WIDTH}" '
        f'height="{height:.0f}" role="img" aria-label="Action Units of face {face.face_id}">{body}</svg>',
        height,
    )


def sheet(pictures: Sequence[Picture], title: str, note: str) -> str:
    """Pictures one below the other as one stand-alone file, light or dark as the viewer's system is."""
    placed, y = [], 40.0
    for one in pictures:
        placed.append(f'<g transform="translate(0 {y:.0f})">{one.svg}</g>')
        y += one.height + _MARGIN
    body = text(LEFT, 28, title, cls="title") + "".join(placed) + (text(LEFT, y + 8, note) if note else "")
    total = y + (24 if note else 4)
    return (
        f'<svg class="lanes" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {total:.0f}" width="{WIDTH}" '
        f'height="{total:.0f}"><title>{escape(title)}</title>'
        f"<style>{COLOURS}svg{{background:var(--paper)}}{STYLE}</style>{body}</svg>\n"
    )
