"""Shaping: from the Action Units that were measured to those that a gain profile asks for.

    part      brief = what belongs to brief events, calm = the smoothed course without them
    course    z = macro * paced(calm) + micro * brief          paced: smile onsets and holds
    asked     measured + trust * (response(z) - calm - brief)  below a soft ceiling at 10, not below 0

With au_gain alone and no events that is `measured + (gain - 1) * smoothed`: a gain of 1 hands on the measured values
bit for bit, and a change of gain moves the smooth course of a unit and not its noise. Without smoothing the measured
value stands in the place of the smoothed one, and `asked = gain * measured`. Blinks are taken away, set in or made
deeper in the measured curve first. Every formula is explained in docs/gains.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Final

import numpy as np

from stages import facs
from stages.contract import ClipStage, OrderedStage, Timeline
from stages.errors import ConfigError, GainError
from stages.expression import blinking, phases
from stages.expression.asking import CLOSING, SMILING, Span
from stages.expression.course import FADE, Course, courses, trust
from stages.expression.gain import Gain, Layer
from stages.packets import Clip, Events, FaceUnits, Floats, Job, Units

KNEE: Final = 0.8 * facs.MAX_ASKED
"""Where the soft ceiling begins to bend."""


@dataclass(frozen=True, kw_only=True)
class _Shaping:
    """What shaping a clip and live have in common. profile: what is asked for."""

    profile: Gain

    def __post_init__(self) -> None:
        if not isinstance(self.profile, Gain):
            raise ConfigError("profile is no gain profile; let its file say `_target_: stages.expression.gain.Gain`")

    def check(self, clip: Clip) -> None:
        """Hold the profile's times against a clip.

        Raises:
            GainError: a timecode names a frame that a second of this clip has not, or a time ends before it begins.
        """
        for span in (*(span for span, _ in self.profile.layers), *(hold.span for hold in self.profile.holds)):
            span.seconds(clip.rate)


@dataclass(frozen=True, kw_only=True)
class Shape(_Shaping, ClipStage):
    """Ask for a profile over a whole clip."""

    def process(
        self, units: Timeline[Units], smoothed: Timeline[Units], events: Timeline[Events] | None = None
    ) -> Iterator[Units | None]:
        """The units to show; the very same packet where nothing is asked for. Holds the clip's curves.

        Raises:
            GainError: brief movements have a gain of their own, and nothing finds them.
        """
        if self.profile.idle:
            yield from units
            return
        apart = next((name for name in self.profile.whole_clip() if name in ("gain.micro", "gain.macro")), None)
        if apart and events is None:
            raise GainError(f"{apart} needs to know the brief movements; wire a stage that finds events to shape")
        people, rate = courses(units, smoothed, events)
        asked = {track: shaped(self.profile, course, rate) for track, course in people.items()}
        places = dict.fromkeys(people, 0)
        for packet in units:
            yield _replaced(packet, asked, places) if packet is not None else None


def _replaced(packet: Units, asked: dict[int, Floats], places: dict[int, int]) -> Units:
    faces = []
    for face in packet.faces:
        values = asked[face.track][places[face.track]]
        places[face.track] += 1
        same = np.array_equal(values, face.values)
        faces.append(face if same else FaceUnits(face.track, values, face.confidence, face.pose))
    unchanged = all(new is old for new, old in zip(faces, packet.faces, strict=True))
    return packet if unchanged else Units(packet.at, tuple(faces))


def shaped(profile: Gain, course: Course, rate: Fraction) -> Floats:
    """(n, facs.COUNT, 2) what a profile asks of one face; exactly what was measured where that is nothing."""
    spans = [(span, layer) for span, layer in profile.layers if span.concerns(course.person)]
    calm, lids = _held(profile, course, rate), _blinked(profile.layer, spans, course, rate)
    asked = _layered(profile.layer, course, calm, lids)
    for span, layer in spans:
        weight = span.weight(course.seconds, rate)
        there = weight > 0
        other = _layered(layer, course, calm, lids)[there]
        asked[there] += weight[there, None, None] * (other - asked[there])
    return asked


def _layered(layer: Layer, course: Course, held: Floats | None, lids: Floats | None) -> Floats:
    """One layer over the whole clip. held: the calm course with its holds; lids: AU43 and AU45 with their blinks."""
    measured, brief = course.measured, course.brief
    calm = course.calm if layer.smooth else measured - brief
    if lids is not None:
        measured, calm, brief = measured.copy(), calm.copy(), brief.copy()
        measured[:, list(CLOSING)] = calm[:, list(CLOSING)] = lids
        brief[:, list(CLOSING)] = 0
    moved = calm if held is None else calm + held
    if layer.onset != 1:
        moved = _paced(moved, course, layer.onset)
    wanted = calm + brief + ((moved - calm) + (layer.macro - 1) * moved + (layer.micro - 1) * brief)
    delta = layer.response(wanted) - (calm + brief)
    return followed(measured, delta, trust(course.confidence, layer.least))


def followed(measured: Floats, delta: Floats, weight: Floats) -> Floats:
    """`measured` and as much of `delta` as its confidence allows; exactly `measured` where nothing changes."""
    much = delta * weight[..., None]
    asked: Floats = np.where(much != 0, bounded(measured, much), measured)
    return asked


def _blinked(base: Layer, spans: Sequence[tuple[Span, Layer]], course: Course, rate: Fraction) -> Floats | None:
    """AU43 and AU45 with the blinks asked for; a range concerns those whose apex lies in it. None if nobody asks."""
    if all(layer.blinks.idle for layer in (base, *(layer for _, layer in spans))):
        return None
    rates = np.full(len(course.items), _rate(base))
    depths = np.full(len(course.items), base.blinks.depth, np.float32)
    for span, layer in spans:
        there = span.weight(course.seconds, rate) > 0
        rates[there], depths[there] = _rate(layer), layer.blinks.depth
    return blinking.edited(course, blinking.Wanted(rates, depths, base.least + FADE))


def _rate(layer: Layer) -> float:
    return float("nan") if layer.blinks.rate is None else layer.blinks.rate


def _held(profile: Gain, course: Course, rate: Fraction) -> Floats | None:
    """(n, facs.COUNT, 2) what holds add to the calm course; None without any."""
    holds = [hold for hold in profile.holds if hold.span.concerns(course.person)]
    if not holds:
        return None
    more = np.zeros_like(course.calm)
    for hold in holds:
        start, end = hold.span.seconds(rate)
        for run in course.runs:
            for row in hold.rows:
                for side in (0, 1):
                    curve = course.calm[run, row, side]
                    kept = phases.held(course.seconds[run], curve, start, end, hold.release)
                    more[run, row, side] = np.maximum(more[run, row, side], kept - curve)
    return more


def _paced(calm: Floats, course: Course, speed: float) -> Floats:
    """AU6 and AU12 as AU12's onsets, faster or slower, would have them."""
    paced = calm.copy()
    rows = list(SMILING)
    for run in course.runs:
        if run.stop - run.start > 1:
            seconds = course.seconds[run]
            source = phases.paced(seconds, calm[run, facs.INDEX["AU12"]].mean(axis=1), speed)
            paced[run, rows] = phases.shown_at(seconds, calm[run][:, rows], source)
    return paced


@dataclass
class Live:
    """What a live run remembers. rate: of the clip; begin: seconds of its first frame; people: tracks as they came."""

    rate: Fraction
    warnings: list[str]
    begin: float | None = None
    people: list[int] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class ShapeLive(_Shaping, OrderedStage[Live]):
    """Ask for a profile frame by frame: gains, response curves, smile strength and ranges.

    Raises:
        GainError: the profile asks only for what needs the whole clip.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        lost = tuple(self.profile.whole_clip())
        if lost and all(layer.response.identity.all() for layer in self.profile.everywhere):
            raise GainError(
                f"{', '.join(lost)} needs the whole clip, and nothing else is asked for; use preset=broadcast"
            )

    def begin(self, job: Job) -> Live:
        """Nobody seen yet; says which settings are left alone."""
        lost = ", ".join(self.profile.whole_clip())
        said = [f"{lost}: needs the whole clip, so left alone live; preset=broadcast takes it in"] if lost else []
        return Live(job.clip.rate, said)

    def process(self, state: Live, units: Units, smoothed: Units) -> Units:
        """The units to show. The very same packet if nothing is asked for."""
        now = units.at.seconds
        state.begin = now if state.begin is None else state.begin
        course = {face.track: face for face in smoothed.faces}
        faces = []
        for face in units.faces:
            if face.track not in state.people:
                state.people.append(face.track)
            faces.append(self._face(state, face, course.get(face.track, face), now - state.begin))
        unchanged = all(new is old for new, old in zip(faces, units.faces, strict=True))
        return units if unchanged else Units(units.at, tuple(faces))

    def _face(self, state: Live, face: FaceUnits, course: FaceUnits, seconds: float) -> FaceUnits:
        person = state.people.index(face.track) + 1
        asked = _now(self.profile.layer, face, course)
        for span, layer in self.profile.layers:
            weight = span.weight(np.array(seconds), state.rate) if span.concerns(person) else 0
            if weight > 0:
                asked = asked + weight * (_now(layer, face, course) - asked)
        return face if np.array_equal(asked, face.values) else replace(face, values=asked)


def _now(layer: Layer, face: FaceUnits, course: FaceUnits) -> Floats:
    moved = course.values if layer.smooth else face.values
    return followed(face.values, layer.response(moved) - moved, trust(face.confidence, layer.least))


def bounded(measured: Floats, delta: Floats) -> Floats:
    """`measured + delta`, not below 0, bending below 10 from `KNEE` on; exactly `measured` where it is 0."""
    asked = measured + delta
    knee = np.maximum(np.float32(KNEE), measured)
    room = np.maximum(np.float32(facs.MAX_ASKED) - knee, np.float32(1e-6))
    bent = knee + room * np.tanh((asked - knee) / room)
    limited: Floats = np.maximum(np.where(asked > knee, bent, asked), 0).astype(np.float32)
    return limited
