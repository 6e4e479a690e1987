"""Frames that a person should look at: where a network restored a face, and something about it is in doubt."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from runner.report.events import timecode
from stages.packets import RESTORED, Floats, Restored, Stamp

HELD: Final = 0.95
"""Share let through by the identity guard, below which it has acted."""
HURT: Final = 0.15
"""Fall of the identity cosine that remains and is worth a look, over the embedder's same-person distance."""
CHANGED: Final = 3.0
"""Mean colour difference (CIE 1976) that restoration makes, from which a face is much changed."""
_GAP: Final = 25
"""Frames between two of one stretch; so many may have been left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A stretch of frames of one face. start, end: `HH:MM:SS:FF` of its first and last frame. why: in words, with the
    worst figure of the stretch.
    """

    face_id: int
    first_frame: int
    last_frame: int
    start: str
    end: str
    why: str


@dataclass(slots=True)
class _Stretch:
    """One doubt that lasts. worst: its figure, the larger the worse."""

    track: int
    doubt: str
    first: Stamp
    last: Stamp
    worst: float


_WORDS: Final = {
    "held": "the identity guard held restoration back, to {:.0%} of its weight",
    "hurt": "restoration moves the identity by {:.0%} of the same-person distance",
    "changed": "restoration changes the face by {:.1f} in colour difference",
}


def looks(restored: Iterable[Restored | None], rate: Fraction) -> tuple[Look, ...]:
    """All of them, by their first frame."""
    open_: dict[tuple[int, str], _Stretch] = {}
    done: list[_Stretch] = []
    for packet in filter(None, restored):
        for track, row in zip(packet.tracks, packet.values, strict=True):
            for doubt, figure in _doubts(row):
                one = open_.get((track, doubt))
                if one is None or packet.at.index - one.last.index > _GAP:
                    one = open_[track, doubt] = _Stretch(track, doubt, packet.at, packet.at, figure)
                    done.append(one)
                one.last, one.worst = packet.at, max(one.worst, figure)
    return tuple(_told(one, rate) for one in sorted(done, key=lambda one: (one.first.index, one.track, one.doubt)))


def _doubts(row: Floats) -> Iterator[tuple[str, float]]:
    named = dict(zip(RESTORED, row.tolist(), strict=True))
    if named["share"] < HELD:
        yield "held", 1 - named["share"]
    if named["hurt"] > HURT:
        yield "hurt", named["hurt"]
    if named["change"] > CHANGED:
        yield "changed", named["change"]


def _told(one: _Stretch, rate: Fraction) -> Look:
    figure = 1 - one.worst if one.doubt == "held" else one.worst
    return Look(
        face_id=one.track,
        first_frame=one.first.index,
        last_frame=one.last.index,
        start=timecode(one.first.seconds, rate),
        end=timecode(one.last.seconds, rate),
        why=_WORDS[one.doubt].format(figure),
    )
