"""The people of a clip: which tracks are one person, told by embeddings; a cut starts a new track of the same one.

Two tracks that are seen in one frame are two people, however alike. A track whose looks fall into two people, one after
the other, is nobody's: the tracker has slipped from one face to another.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from stages.faces.embed import Embedder, distance, mean
from stages.packets import Faces, Floats, Prints

LOOKS: Final = 2
"""Looks before and after a moment that it takes to say that a track has slipped there."""


@dataclass
class Sighted:
    """What a clip shows of one track. sizes: luma pixels by frame; looks: vectors in order of time, looked: when."""

    track: int
    frames: set[int] = field(default_factory=set)
    sizes: list[float] = field(default_factory=list)
    looks: list[Floats] = field(default_factory=list)
    looked: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Person:
    """One person. tracks: in order; seen: in how many frames; size: median luma pixels of the face's longer side;
    vector: mean of all looks, None without one."""

    tracks: tuple[int, ...]
    seen: int
    size: float
    vector: Floats | None

    def __str__(self) -> str:
        return f"face {self.tracks[0]}" if len(self.tracks) == 1 else f"faces {', '.join(map(str, self.tracks))}"


@dataclass(frozen=True, slots=True)
class People:
    """Everybody, and the tracks that slipped: track -> frame from which on it is somebody else."""

    persons: tuple[Person, ...]
    slipped: dict[int, int]


def sighted(faces: Iterable[Faces | None], prints: Iterable[Prints | None]) -> dict[int, Sighted]:
    """What the clip shows, by track."""
    found: dict[int, Sighted] = {}
    for index, packet in enumerate(faces):
        for face in packet.faces if packet is not None else ():
            one = found.setdefault(face.track, Sighted(face.track))
            one.frames.add(index)
            one.sizes.append(float(np.max(face.box[2:] - face.box[:2])))
    for index, looks in enumerate(prints):
        for track, vector in zip(looks.tracks, looks.vectors, strict=True) if looks is not None else ():
            found[track].looks.append(vector)
            found[track].looked.append(index)
    return dict(sorted(found.items()))


def people(tracks: dict[int, Sighted], embedder: Embedder | None) -> People:
    """Join the tracks of each person; without an embedder every track is somebody else.

    The track with the most looks comes first, and each goes to the nearest person whom it may be.
    """
    slipped = {track: at for track, one in tracks.items() if embedder and (at := slip(one, embedder)) is not None}
    groups: list[list[Sighted]] = []
    for one in sorted(tracks.values(), key=lambda one: (-len(one.looks), one.track)):
        group = _nearest(one, groups, embedder) if one.looks and embedder and one.track not in slipped else None
        if group is None or any(member.track in slipped for member in group):
            groups.append([one])
        else:
            group.append(one)
    persons = sorted((_person(group) for group in groups), key=lambda person: person.tracks)
    return People(tuple(persons), slipped)


def slip(one: Sighted, embedder: Embedder) -> int | None:
    """The frame from which on a track shows somebody else, or None.

    The looks are split where their halves' means differ the most; it is a slip if these are two people and every half
    by itself is one.
    """
    rows = np.array(one.looks, np.float32)
    splits = range(LOOKS, len(rows) - LOOKS + 1)
    apart = {at: distance(mean(rows[:at]), mean(rows[at:])) for at in splits}
    if not apart:
        return None
    at = max(apart, key=apart.__getitem__)
    alike = max(np.median(1 - half @ mean(half)) for half in (rows[:at], rows[at:]))
    return one.looked[at] if apart[at] > embedder.same and alike < apart[at] / 2 else None


def _nearest(one: Sighted, groups: list[list[Sighted]], embedder: Embedder) -> list[Sighted] | None:
    own = mean(np.array(one.looks))
    options = [
        (distance(own, _vector(group)), number)
        for number, group in enumerate(groups)
        if group[0].looks and not any(member.frames & one.frames for member in group)
    ]
    near = min(options, default=(2.0, -1))
    return groups[near[1]] if near[0] <= embedder.same else None


def _vector(group: list[Sighted]) -> Floats:
    return mean(np.array([look for member in group for look in member.looks], np.float32))


def _person(group: list[Sighted]) -> Person:
    sizes = [size for member in group for size in member.sizes]
    vector = _vector(group) if any(member.looks for member in group) else None
    return Person(tuple(sorted(member.track for member in group)), len(sizes), float(np.median(sizes)), vector)
