"""Draws the pictures of docs/gains.md from the code they explain: `python docs/gains.py` in the repository's root."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stages import facs
from stages.expression.course import Course, courses
from stages.expression.events import FindEvents
from stages.expression.gain import Gain
from stages.expression.shape import shaped
from stages.packets import FaceUnits, Stamp, Units

FOLDER = Path(__file__).parent / "images"
SHADES = ("#9db9dd", "#1d6fd8", "#0b3a78")
WIDTH, PANEL, LOW = 1000, 168, 128
STYLE = """<style>text{font:12px system-ui,sans-serif;fill:#666}.t{font-weight:600;fill:#1d1d1d}
path{fill:none;stroke-width:1.8}.r{stroke:#ddd;stroke-width:1}.s{stroke:#999;stroke-dasharray:3 3}
@media(prefers-color-scheme:dark){.t{fill:#eee}text{fill:#9c9c9c}.r{stroke:#444}}</style>"""
RATE = 25
Doubles = NDArray[np.float64]


def path(across: Iterable[float], up: Iterable[float], stroke: str = "", cls: str = "") -> str:
    """A curve through points in user units."""
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(across, up, strict=True))
    look = f'class="{cls}"' if cls else f'stroke="{stroke}"'
    return f'<path {look} d="M{points}"/>'


def text(x: float, y: float, words: str, cls: str = "", fill: str = "") -> str:
    """A word or two."""
    style = f' style="fill:{fill}"' if fill else ""
    return f'<text x="{x}" y="{y}" class="{cls}"{style}>{escape(words)}</text>'


def save(name: str, height: int, parts: Sequence[str]) -> None:
    """Write one picture."""
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}">'
    (FOLDER / name).write_text("\n".join([head, STYLE, *parts, "</svg>"]) + "\n")


def answer(setting: str, value: float) -> tuple[Doubles, Doubles]:
    """0..5 and what comes out."""
    values = np.zeros((101, facs.COUNT, 2), np.float32)
    values[:] = np.linspace(0, 5, 101, dtype=np.float32)[:, None, None]
    layer = Gain(response={12: {setting: value}}).layer
    row = facs.INDEX["AU12"]
    return values[:, row, 0].astype(float), layer.response(values)[:, row, 0].astype(float)


def responses() -> None:
    """One panel a setting, three values in each."""
    panels = {
        "gain": (0.5, 1.5, 2.0),
        "offset": (-0.5, 0.5, 1.0),
        "gamma": (0.6, 1.5, 2.5),
        "ceiling": (2.0, 3.0, 4.0),
        "dead_zone": (0.3, 0.8, 1.5),
    }
    parts = []
    for i, (setting, values) in enumerate(panels.items()):
        left, bottom, size = 20 + 196 * i, 190, 160
        parts.append(text(left, 18, setting, "t"))
        parts.append(f'<path class="r" d="M{left},30 v{size} h{size}"/>')
        parts.append(path((left, left + size), (bottom, bottom - size), cls="s"))
        for k, (value, shade) in enumerate(zip(values, SHADES, strict=True)):
            x, y = answer(setting, value)
            shown = y <= 5
            parts.append(path(left + x[shown] * size / 5, bottom - y[shown] * size / 5, shade))
            parts.append(text(left + 8 + 52 * k, 210, f"{value:g}", fill=shade))
    save("gains_response.svg", 222, parts)


class Held(list[Any]):
    """A timeline in memory."""


def face(curves: dict[str, Doubles]) -> Course:
    """One person, well seen, whose units go as given; events as the program finds them."""
    count = len(next(iter(curves.values())))
    values = np.zeros((count, facs.COUNT, 2), np.float32)
    for name, curve in curves.items():
        values[:, facs.INDEX[name]] = curve[:, None]
    sure, ahead = np.ones(facs.COUNT, np.float32), np.zeros(3, np.float32)
    stamps = [Stamp("clip", i, i, Fraction(1, RATE)) for i in range(count)]
    units: Any = Held(Units(at, (FaceUnits(0, v, sure, ahead),)) for at, v in zip(stamps, values, strict=True))
    events: Any = Held(FindEvents().process(units))
    return courses(units, units, events)[0][0]


def lane(i: int, title: str, unit: str, curves: dict[str, Doubles], profile: Gain) -> list[str]:
    """Measured in grey, asked for in blue."""
    course, row = face(curves), facs.INDEX[unit]
    before = course.measured[:, row, 0]
    after = shaped(profile, course, Fraction(RATE))[:, row, 0]
    top = PANEL * i + 30
    across = 20 + course.seconds / course.seconds[-1] * (WIDTH - 40)
    scale = (LOW - 20) / max(float(before.max()), float(after.max()))
    rule = f'<path class="r" d="M20,{top + LOW} h{WIDTH - 40}"/>'
    drawn = (path(across, top + LOW - scale * curve, shade) for curve, shade in ((before, "#aaa"), (after, SHADES[1])))
    return [text(20, top, title, "t"), rule, *drawn]


def in_time() -> None:
    """What each setting does to a curve."""
    when = np.arange(20 * RATE) / RATE
    slow = 1.2 + 0.8 * np.sin(2 * np.pi * when / 8)
    flash = sum(0.8 * np.exp(-(((when - at) / 0.09) ** 2)) for at in (3.1, 7.4, 11.2, 16.3))
    lids = sum(4 * np.interp(when - at, [-0.1, 0, 0.2], [0, 1, 0]) for at in (1.2, 3.9, 5.1, 9.6, 12.2, 14.9, 18.3))
    smile = 3 * np.interp(when, [2, 3.5, 6, 8, 12, 13, 15, 17], [0, 1, 0.85, 0, 0, 0.8, 0.7, 0])
    hold = [{"au": 12, "from": "2s", "to": "7s", "release": 2.0}]
    parts = [
        *lane(0, "micro: 1.8 (AU4)", "AU04", {"AU04": slow + flash}, Gain(micro=1.8)),
        *lane(1, "macro: 0.5 (AU4)", "AU04", {"AU04": slow + flash}, Gain(macro=0.5)),
        *lane(2, "blinks: {rate: 9}, of 21 a minute", "AU43", {"AU43": np.asarray(lids)}, Gain(blinks={"rate": 9})),
        *lane(
            3,
            "blinks: {rate: 40, depth: 0.8}",
            "AU43",
            {"AU43": np.asarray(lids)},
            Gain(blinks={"rate": 40, "depth": 0.8}),
        ),
        *lane(
            4, "smile: {strength: 1.2, onset: 2}", "AU12", {"AU12": smile}, Gain(smile={"strength": 1.2, "onset": 2})
        ),
        *lane(5, "hold: {au: 12, from: 2s, to: 7s, release: 2}", "AU12", {"AU12": smile}, Gain(hold=hold)),
    ]
    save("gains_in_time.svg", 6 * PANEL + 10, parts)


if __name__ == "__main__":
    responses()
    in_time()
