"""The micro-events of a clip as reports tell them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from stages import facs
from stages.contract import Timeline
from stages.packets import Events, MicroEvent, Units

SIDES: Final = ("left", "right", "both")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event. side: the performer's left or right, or both. Times as seconds, frames and `HH:MM:SS:FF`, counted from
    the clip's first frame. strength: intensity above the course. letter: FACS letter of that, empty below a trace.
    confidence: 0..1. brief: at most half a second long; if not, only its onset is quick.
    """

    face_id: int
    unit: str
    label: str
    side: str
    onset_s: float
    apex_s: float
    offset_s: float
    onset_frame: int
    apex_frame: int
    offset_frame: int
    onset: str
    apex: str
    offset: str
    strength: float
    letter: str
    confidence: float
    brief: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class EventList:
    """All events by onset, and the minutes that the clip lasts."""

    minutes: float
    events: tuple[Event, ...]

    @property
    def per_minute(self) -> float:
        """Events of all faces a minute."""
        return len(self.events) / self.minutes if self.minutes > 0 else 0.0

    def counts(self) -> dict[str, int]:
        """Unit -> how many, in FACS order; units without events are left out."""
        counted = Counter(event.unit for event in self.events)
        return {name: counted[name] for name in facs.NAMES if counted[name]}

    def metrics(self) -> dict[str, float]:
        """For the tracking server."""
        found: dict[str, float] = {f"events.{name}": float(count) for name, count in self.counts().items()}
        brief = sum(event.brief for event in self.events)
        return found | {"events": len(self.events), "events.brief": brief, "events.per_minute": self.per_minute}


def listed(events: Iterable[Events | None], measured: Timeline[Units], rate: Fraction) -> EventList:
    """What was found, with the times of the frames it was measured in."""
    found = [event for packet in events if packet is not None for event in packet.events]
    told = [_told(event, measured, rate) for event in found]
    told.sort(key=lambda event: (event.onset_frame, event.face_id, facs.INDEX[event.unit], event.side))
    return EventList(minutes=len(measured) / float(rate) / 60, events=tuple(told))


def timecode(seconds: float, rate: Fraction) -> str:
    """`HH:MM:SS:FF`, non-drop, FF counted from each full second of the clip's time at its nominal rate."""
    whole = math.floor(seconds + 1e-6)
    frames = min(round((seconds - whole) * float(rate)), math.ceil(rate) - 1)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}:{max(frames, 0):02d}"


def _told(event: MicroEvent, measured: Timeline[Units], rate: Fraction) -> Event:
    unit = facs.UNITS[event.unit]
    when = [_seconds(measured[frame]) for frame in (event.onset, event.apex, event.offset)]
    onset, apex, offset = (timecode(seconds, rate) for seconds in when)
    return Event(
        face_id=event.track,
        unit=unit.name,
        label=unit.label,
        side=SIDES[event.side],
        onset_s=when[0],
        apex_s=when[1],
        offset_s=when[2],
        onset_frame=event.onset,
        apex_frame=event.apex,
        offset_frame=event.offset,
        onset=onset,
        apex=apex,
        offset=offset,
        strength=event.strength,
        letter=facs.letter(event.strength),
        confidence=event.confidence,
        brief=event.brief,
    )


def _seconds(packet: Any) -> float:
    return float(packet.at.seconds)
