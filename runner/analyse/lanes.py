"""The curves of a face as SVG: one lane per unit that is present, then head and eyes, over one time axis.

All lanes of a face share their scale, so that heights can be compared. The ground of a lane is shaded the more the less
sure the measurement is.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from runner.analyse.block import Block
from runner.analyse.figures import FaceFigures, Range, UnitFigures
from runner.analyse.svg import LEFT, MIDDLE, RIGHT, TEXT, Picture, heading, picture, text
from runner.report.decimate import Envelope, Slots
from runner.report.draw import band, path, runs, ticks
from runner.report.events import Event
from stages import facs
from stages.packets import Floats

_HEIGHT: Final = 46
_GAP: Final = 7
_TOP: Final = 58
_SHADES: Final = 5
_ANGLES: Final = (
    ("yaw", "head turns, + to their left"),
    ("pitch", "head nods, + up"),
    ("roll", "head tilts, + to their right"),
    ("gaze_x", "eyes and head, + to their left"),
    ("gaze_y", "eyes and head, + down"),
)
_BESIDE: Final = {"yaw": 0, "pitch": 1, "roll": 2, "gaze_x": 3, "gaze_y": 4}


class Traces(Slots):
    """Curves left, right and confidence of every face; the channels are the units, then the angles of head and gaze."""

    def add(self, block: Block) -> None:
        """Count one block in."""
        angles = np.concatenate([block.rows.pose, np.degrees(block.gaze)], axis=1).astype(np.float32)
        trust = np.where(np.isnan(angles), np.float32(np.nan), block.confidence[:, None])
        units = np.stack([block.sides[:, :, 0], block.sides[:, :, 1], block.rows.confidence], axis=1)
        beside = np.stack([angles, angles, trust], axis=1)
        self.collect(block.rows, np.concatenate([units, beside], axis=2))


@dataclass(frozen=True, slots=True)
class _Lane:
    """Where a lane lies and what its height means: `low` at the bottom, `high` at the top."""

    top: float
    low: float
    high: float

    @property
    def bottom(self) -> float:
        return self.top + _HEIGHT

    def y(self, values: Floats) -> NDArray[np.float64]:
        share = (np.clip(values, self.low, self.high) - self.low) / (self.high - self.low)
        return np.asarray(self.bottom - share * _HEIGHT, np.float64)


def lanes(face: FaceFigures, envelope: Envelope, end: float, present: float, events: Sequence[Event] = ()) -> Picture:
    """One face over a clip whose last frame is at `end` seconds; `present`: intensity that gives a unit its lane.

    events: of this face; they are marked on their units' lanes, and give a unit its lane too.
    """
    there = {*face.present(present), *(event.unit for event in events)}
    units = [unit for unit in facs.UNITS if unit.name in there and unit.name in face.units]
    angles = [(name, about) for name, about in _ANGLES if name in face.head or name in face.gaze]
    x = MIDDLE + envelope.seconds() / max(end, 1e-9) * (RIGHT - MIDDLE)
    height = _TOP + (len(units) + len(angles)) * (_HEIGHT + _GAP) + 26
    parts = [*heading(face, legend=True), *_time(end, height)]
    top = max([2, *(math.ceil(face.units[unit.name].peak) for unit in units)])
    reach = max([10.0, *(max(abs(r.low), abs(r.high)) for r in (*face.head.values(), *face.gaze.values()))])
    for i, unit in enumerate(units):
        lane = _Lane(_lane_top(i), 0, top)
        parts += _marks(lane, [event for event in events if event.unit == unit.name], end)
        parts += _unit(lane, unit, face.units[unit.name], envelope, x)
    for i, (name, about) in enumerate(angles, len(units)):
        turned = face.head.get(name) or face.gaze[name]
        parts += _angle(_Lane(_lane_top(i), -reach, reach), name, about, turned, envelope, x)
    return picture(face, "".join(parts), height)


def _lane_top(i: int) -> float:
    return _TOP + i * (_HEIGHT + _GAP)


def _time(end: float, height: float) -> Iterator[str]:
    bottom = height - 26
    for seconds, label in ticks(end, 9):
        x = MIDDLE + seconds / max(end, 1e-9) * (RIGHT - MIDDLE)
        yield f'<path class="rule" d="M{x:.1f} {_TOP - 6}V{bottom}"/>{text(x, bottom + 14, label, "middle")}'


def _unit(
    lane: _Lane, unit: facs.ActionUnit, figures: UnitFigures, envelope: Envelope, x: NDArray[np.float64]
) -> Iterator[str]:
    i = facs.INDEX[unit.name]
    yield from _ground(lane, envelope, i, x)
    yield f'<path class="base" d="M{MIDDLE} {lane.bottom}H{RIGHT}"/>'
    yield text(LEFT, lane.top + 18, unit.name, cls="name") + text(LEFT, lane.top + 33, unit.label)
    yield text(MIDDLE - 6, lane.top + 9, f"{lane.high:g}", "end") + text(MIDDLE - 6, lane.bottom, "0", "end")
    for curve, name in ((0, "left"), (1, "right")) if unit.sided else ((0, "both"),):
        yield from _curve(lane, envelope, (curve, i), x, name)
    yield text(TEXT, lane.top + 18, f"{figures.peak:.1f} {facs.letter(figures.peak)}", cls="name")
    yield text(TEXT, lane.top + 33, f"at {figures.peak_s:.2f} s")


def _marks(lane: _Lane, events: Sequence[Event], end: float) -> Iterator[str]:
    """A band from onset to offset, or to the apex where only the onset is quick, and a wedge over the apex."""
    for event in events:
        onset, apex, offset = (
            MIDDLE + seconds / max(end, 1e-9) * (RIGHT - MIDDLE)
            for seconds in (event.onset_s, event.apex_s, event.offset_s)
        )
        end_of_band = offset if event.brief else apex
        about = f"{event.unit} {event.side} {event.strength:.2f} at {event.apex}"
        yield (
            f'<g class="mark {event.side}"><title>{about}</title>'
            f'<rect x="{onset:.1f}" y="{lane.top}" width="{max(end_of_band - onset, 1):.1f}" height="{_HEIGHT}"/>'
            f'<path d="M{apex - 4:.1f} {lane.top - 5}h8l-4 6z"/></g>'
        )


def _angle(
    lane: _Lane, name: str, about: str, turned: Range, envelope: Envelope, x: NDArray[np.float64]
) -> Iterator[str]:
    channel = facs.COUNT + _BESIDE[name]
    yield from _ground(lane, envelope, channel, x)
    yield f'<path class="base" d="M{MIDDLE} {(lane.top + lane.bottom) / 2}H{RIGHT}"/>'
    yield text(LEFT, lane.top + 18, name.replace("_", " "), cls="name") + text(LEFT, lane.top + 33, about)
    yield text(MIDDLE - 6, lane.top + 9, f"{lane.high:.0f}°", "end")
    yield text(MIDDLE - 6, lane.bottom, f"−{lane.high:.0f}°", "end")
    yield from _curve(lane, envelope, (0, channel), x, "angle")
    yield text(TEXT, lane.top + 18, f"{_signed(turned.low)} … {_signed(turned.high)}", cls="name")
    yield text(TEXT, lane.top + 33, f"mean {_signed(turned.mean)}")


def _signed(degrees: float) -> str:
    return f"{round(degrees):+d}°".replace("-", "−").replace("+0°", "0°")


def _curve(lane: _Lane, envelope: Envelope, at: tuple[int, int], x: NDArray[np.float64], name: str) -> Iterator[str]:
    curve, channel = at
    if envelope.rows[curve, :, channel].max(initial=0) > 1:
        low, high = lane.y(envelope.low[curve, :, channel]), lane.y(envelope.high[curve, :, channel])
        yield f'<path class="band {name}" d="{band(x, low, high)}"/>'
    yield f'<path class="line {name}" d="{path(x, lane.y(envelope.mean(curve, channel)))}"/>'


def _ground(lane: _Lane, envelope: Envelope, channel: int, x: NDArray[np.float64]) -> Iterator[str]:
    """Rectangles where the face is, in shades of how unsure the measurement is."""
    unsure = np.nan_to_num(1 - envelope.mean(2, channel), nan=1)
    shade = np.where(np.isfinite(x), np.rint(unsure * (_SHADES - 1)), -1).astype(np.int8)
    half = np.nanmedian(np.diff(x)) / 2 if np.isfinite(np.diff(x)).any() else 2.0
    for level in range(_SHADES):
        spans = [(max(x[a] - half, MIDDLE), min(x[b - 1] + half, RIGHT)) for a, b in runs(shade == level)]
        d = "".join(f"M{a:.1f} {lane.top}H{b:.1f}V{lane.bottom}H{a:.1f}Z" for a, b in spans)
        yield f'<path class="ground s{level}" d="{d}"/>' if d else ""
