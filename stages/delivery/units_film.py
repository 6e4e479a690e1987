"""A film of source and result with the Action Units of a face as bars: for people who would rather look than read."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import Final

import numpy as np

from stages.contract import OrderedStage
from stages.delivery import film
from stages.delivery.lettering import fill, write
from stages.delivery.pairs import fitted, opened
from stages.delivery.panel import GROUND, INK, Happened, Panel, Reading
from stages.errors import ConfigError
from stages.expression.timecode import written
from stages.frozen import freeze, thaw
from stages.media.encode import EncoderState, delivering
from stages.packets import Bytes, Clip, Events, Face, Faces, Job, Pair, Units

_KEEP: Final = 2.0
"""Seconds that the latest look at the result stays on show."""
_TOLD: Final = 64
"""Micro-events that are remembered."""
_CORNER: Final = 0.2
"""Share of a face's box that the marks at its corners are long."""


@dataclass
class Memory:
    """What came before.

    first: time of the first frame. track: the face on show. looked: the latest look at the result. events: of that
    face, the latest first.
    """

    first: Fraction | None = None
    track: int | None = None
    looked: Units | None = None
    events: list[Happened] = field(default_factory=list)


@dataclass
class Filming:
    """A film on its way."""

    clip: Clip
    encoder: EncoderState
    memory: Memory

    @property
    def warnings(self) -> list[str]:
        """What could not be kept."""
        return self.encoder.warnings


@dataclass(frozen=True, kw_only=True)
class UnitsFilm(OrderedStage[Filming]):
    """Writes `review.mp4`: source left, result right, and below them every Action Unit of one face.

    width: of the film in pixels, 960..3840. crf, preset: quality and speed of x264. face: track of the face whose units
    are shown; None shows the largest as long as it is there. labels: burn in "source" and "result".

    Raises:
        ConfigError: a value out of range.
    """

    width: int = 1280
    crf: float = 18
    preset: str = "superfast"
    face: int | None = None
    labels: bool = True

    def __post_init__(self) -> None:
        if not 960 <= self.width <= 3840 or self.width % 2:
            raise ConfigError(f"review.width must be even and 960 to 3840 pixels, not {self.width}")
        if not 0 <= self.crf <= 51:
            raise ConfigError(f"review.crf must be 0 to 51, not {self.crf}")
        if self.face is not None and self.face < 0:
            raise ConfigError(f"review.face must be a track's number from 0, or null, not {self.face}")

    def begin(self, job: Job) -> Filming:
        """Open the file."""
        size = (self.width, fitted(job.clip.shown, self.width)[1] + self._panel.height)
        return Filming(job.clip, film.opened(job, size, self.preset, self.crf), Memory())

    def process(
        self,
        state: Filming,
        pairs: Pair,
        faces: Faces | None,
        units: Units | None,
        asked: Units | None,
        achieved: Units | None,
        events: Events | None,
    ) -> None:
        """Encode one picture."""
        memory = state.memory
        memory.first = pairs.at.pts * pairs.at.time_base if memory.first is None else memory.first
        memory.looked = achieved or memory.looked
        shown = self._choose(memory, faces)
        memory.events = [*self._begun(state, pairs, events), *memory.events][:_TOLD]
        reading = self._reading(state, pairs, units, asked)
        film.show(
            state.encoder,
            np.vstack([self._pictures(state.clip, pairs, faces, shown), self._panel.draw(reading)]),
            pairs.at,
        )

    def finish(self, state: Filming) -> None:
        """Complete the film."""
        with delivering(state.encoder.path):
            state.encoder.close()

    def abort(self, state: Filming) -> None:
        """Remove what was written since the last chunk."""
        state.encoder.discard()

    def save(self, state: Filming) -> bytes:
        """End a chunk."""
        with delivering(state.encoder.path):
            return freeze((state.encoder.cut(), state.memory))

    def restore(self, job: Job, saved: bytes) -> Filming:
        """Open the film again, after the chunks that are there."""
        cut, memory = thaw(saved)
        state = self.begin(job)
        state.encoder.resume(cut)
        return Filming(job.clip, state.encoder, memory)

    @cached_property
    def _panel(self) -> Panel:
        return Panel(self.width)

    def _choose(self, memory: Memory, faces: Faces | None) -> Face | None:
        """The face on show, if it is in this frame."""
        here = {face.track: face for face in faces.faces} if faces else {}
        if self.face is not None:
            memory.track = self.face
        elif here and memory.track not in here:
            memory.track = max(here.values(), key=_area).track
        return here.get(memory.track) if memory.track is not None else None

    def _begun(self, state: Filming, pair: Pair, events: Events | None) -> list[Happened]:
        """The events of the face on show that begin in this frame."""
        rate, clip = state.clip.rate, state.clip
        when = written(pair.at.pts * pair.at.time_base - (state.memory.first or 0), rate)
        return [
            Happened(one, when, float((one.offset - one.onset) / rate), _share(pair.at.index, clip))
            for one in (events.events if events else ())
            if one.track == state.memory.track
        ]

    def _reading(self, state: Filming, pair: Pair, units: Units | None, asked: Units | None) -> Reading:
        memory, at = state.memory, pair.at
        looked = memory.looked
        if looked is not None and (at.pts - looked.at.pts) * at.time_base > _KEEP:
            looked = None
        told = {"measured": units, "asked": asked, "achieved": looked}
        curves = {name: values for name, packet in told.items() if (values := _of(packet, memory.track)) is not None}
        time = at.pts * at.time_base - (memory.first or 0)
        who = "no face" if "measured" not in curves else f"face {memory.track}"
        return Reading(
            curves=curves,
            about=(who, f"{written(time, state.clip.rate)}   frame {at.index}"),
            achieved_at=f"(frame {looked.at.index})" if looked is not None and looked.at.index != at.index else "",
            share=_share(at.index, state.clip),
            now=[one.event for one in memory.events if one.event.onset <= at.index <= one.event.offset],
            past=memory.events,
        )

    def _pictures(self, clip: Clip, pair: Pair, faces: Faces | None, shown: Face | None) -> Bytes:
        """Both side by side, each in the middle of its half; the face on show is marked where there are several."""
        size, wide = fitted(clip.shown, self.width), self.width // 2
        row = np.full((size[1], self.width, 3), GROUND, np.uint8)
        for place, (coded, label) in enumerate(((pair.before, "source"), (pair.after, "result"))):
            left = place * wide + (wide - size[0]) // 2
            inner = row[:, left : left + size[0]]
            inner[:] = opened(coded)
            if shown is not None and faces is not None and len(faces.faces) > 1:
                _mark(inner, shown, size[0] / clip.shown[0])
            if self.labels:
                _label(inner, label, self.width / 1280)
        return row


def _label(picture: Bytes, text: str, scale: float) -> None:
    for dx, dy in ((-1, 0), (1, 0), (0, -1), (0, 1)):
        write(picture, text, (12 * scale + dx, 26 * scale + dy), 17 * scale, (0, 0, 0), 600)
    write(picture, text, (12 * scale, 26 * scale), 17 * scale, INK, 600)


def _mark(picture: Bytes, face: Face, scale: float) -> None:
    """Corners around the face."""
    x0, y0, x1, y1 = (float(v) * scale for v in face.box)
    long, thick = _CORNER * (x1 - x0), max(2.0, picture.shape[1] / 320)
    for x, inward in ((x0, 1), (x1, -1)):
        for y, down in ((y0, 1), (y1, -1)):
            along, across = sorted((x, x + inward * long)), sorted((y, y + down * thick))
            fill(picture, (along[0], across[0], along[1], across[1]), INK, 0.8)
            along, across = sorted((x, x + inward * thick)), sorted((y, y + down * long))
            fill(picture, (along[0], across[0], along[1], across[1]), INK, 0.8)


def _of(packet: Units | None, track: int | None) -> np.ndarray | None:
    return next((face.values for face in packet.faces if face.track == track), None) if packet else None


def _area(face: Face) -> float:
    x0, y0, x1, y1 = face.box
    return float((x1 - x0) * (y1 - y0))


def _share(index: int, clip: Clip) -> float | None:
    """Of the clip that lies before frame `index`."""
    return min(1.0, index / max(clip.frames - 1, 1)) if clip.frames else None
