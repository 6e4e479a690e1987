"""What lies before each face of a clip, frame by frame."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import tee
from typing import Final

import numpy as np

from stages.contract import ClipStage, OrderedStage, Timeline
from stages.expression.cover import course, odds
from stages.expression.cover.areas import Areas, well_inside
from stages.expression.cover.bank import Bank
from stages.expression.cover.finder import Finder
from stages.expression.cover.look import Picture, Usual
from stages.expression.trust import CLEAR
from stages.packets import Bytes, Cover, Covers, Cues, Faces, Job

SHOWN: Final = 48
"""Pictures of a bare face that are kept at most."""
FREE: Final = 0.008
"""Mean probability of cover, well inside the face, up to which it counts as bare."""
ROUNDS: Final = 2
"""How often pictures are looked at again beside those that were found bare: an expression that the clip shows rarely
looks odd beside the usual one, and less so beside what comes closest."""
FEWEST: Final = 5
"""Pictures below which those with the least cover have to do."""
AT_ONCE: Final = 32  # frames that the network sees at once
_KEPT: Final = 24  # pictures of a bare face that are kept, live
_EVERY: Final = 8  # frames between two of them
_STAYS: Final = 0.7  # share of cover that is left in the next frame, live, where nothing is found any more


@dataclass(frozen=True, kw_only=True)
class FindCovers(ClipStage):
    """Compares every face with how it usually looks in the clip."""

    finder: Finder
    areas: Areas = field(default_factory=Areas)

    def prepare(self) -> None:
        """Open the network."""
        self.finder.prepare()

    def process(self, faces: Timeline[Faces], cues: Timeline[Cues]) -> Iterator[Covers | None]:
        """Of every frame in which something covers a face; None on all others."""
        sure, same = tee(self._raw(cues, self._banks(cues)))
        odds_of = zip(cues, course.steadied(sure), course.averaged(same), strict=True)
        whole = (self._whole(packet, now, lately) for packet, now, lately in odds_of)
        for seen, maps in zip(faces, course.faded(course.held(whole)), strict=True):
            shown = {face.track for face in seen.faces} if seen is not None else set()
            covers = tuple(Cover(track, hidden) for track, hidden in sorted(maps.items()) if track in shown)
            yield Covers(seen.at, covers) if seen is not None and covers else None

    def _whole(self, packet: Cues | None, now: course.Maps, lately: course.Maps) -> course.Maps:
        shown = packet.tracks if packet is not None else ()
        reliefs = {track: picture(packet, track).relief for track in shown}
        areas = {track: self.areas.of(sure, lately.get(track), reliefs.get(track)) for track, sure in now.items()}
        return {track: area for track, area in areas.items() if area is not None}

    def _raw(self, cues: Timeline[Cues], banks: Mapping[int, Bank]) -> Iterator[course.Maps]:
        """What the network says of each frame, several at once."""
        for start in range(0, len(cues), AT_ONCE):
            frames = [cues[index] for index in range(start, min(start + AT_ONCE, len(cues)))]
            found: list[dict[int, Bytes]] = [{} for _ in frames]
            for track, bank in banks.items():
                places = [k for k, packet in enumerate(frames) if packet is not None and track in packet.tracks]
                if places:
                    pictures = [picture(frames[k], track) for k in places]
                    beside = [bank.usual(one) for one in pictures]
                    for k, sure in zip(places, self.finder.find(pictures, beside), strict=True):
                        found[k][track] = sure
            yield from found

    def _banks(self, cues: Timeline[Cues]) -> dict[int, Bank]:
        """Everybody's pictures with a bare face: first those in which no region seems covered, and of these those in
        which the network finds nothing either."""
        told: dict[int, list[tuple[float, int]]] = {}
        for index, packet in ((k, one) for k, one in enumerate(cues) if one is not None):
            for row, track in enumerate(packet.tracks):
                told.setdefault(track, []).append((float(packet.covered[row].max()), index))
        return {track: self._bank(track, found, cues) for track, found in told.items()}

    def _bank(self, track: int, told: list[tuple[float, int]], cues: Timeline[Cues]) -> Bank:
        free = [index for covered, index in told if covered < CLEAR]
        if len(free) < FEWEST:
            free = sorted(index for _, index in sorted(told)[:FEWEST])
        chosen = [free[k] for k in np.unique(np.linspace(0, len(free) - 1, SHOWN).round().astype(int))]
        pictures = [picture(cues[index], track) for index in chosen]
        bare = self._bare(pictures, [Usual.of(pictures)] * len(pictures))
        for _ in range(ROUNDS):
            bank = Bank.of(bare)
            bare = self._bare(pictures, [bank.usual(one) for one in pictures])
        return Bank.of(bare)

    def _bare(self, pictures: list[Picture], beside: list[Usual]) -> list[Picture]:
        """Those in which next to nothing seems covered; if they are few, the barest."""
        covered = odds.probability(self.finder.find(pictures, beside)[:, well_inside()]).mean(1)
        return [
            one for one, much in zip(pictures, covered, strict=True) if much <= max(FREE, np.sort(covered)[:FEWEST][-1])
        ]


@dataclass
class Known:
    """One person so far. pictures: with a bare face; seen: frames since the last of them; last: what was covered in the
    frame before."""

    pictures: deque[Picture] = field(default_factory=lambda: deque(maxlen=_KEPT))
    bank: Bank | None = None
    seen: int = _EVERY
    last: Bytes | None = None


@dataclass(frozen=True, kw_only=True)
class FollowCovers(OrderedStage[dict[int, Known]]):
    """Compares every face with how it has looked so far: one frame after another, for live pictures."""

    finder: Finder
    areas: Areas = field(default_factory=Areas)

    def prepare(self) -> None:
        """Open the network."""
        self.finder.prepare()

    def begin(self, job: Job) -> dict[int, Known]:
        """Nobody is known."""
        return {}

    def process(self, state: dict[int, Known], cues: Cues) -> Covers | None:
        """What covers faces that have been seen uncovered; None if nothing does."""
        covers = []
        for row, track in enumerate(cues.tracks):
            known = state.setdefault(track, Known())
            hidden = self._followed(known, picture(cues, track), float(cues.covered[row].max()))
            if hidden is not None:
                covers.append(Cover(track, hidden))
        return Covers(cues.at, tuple(covers)) if covers else None

    def _followed(self, known: Known, now: Picture, covered: float) -> Bytes | None:
        found = self.finder.find([now], [known.bank.usual(now)]) if known.bank is not None else None
        area = self.areas.of(found[0], relief=now.relief) if found is not None else None
        bare = found is None or odds.probability(found[0][well_inside()]).mean() <= FREE
        known.seen += 1
        if covered < CLEAR and bare and known.seen >= _EVERY:
            known.pictures.append(now)
            known.bank, known.seen = Bank.of(known.pictures), 0
        known.last = _lingering(known.last, area)
        return known.last


def _lingering(last: Bytes | None, area: Bytes | None) -> Bytes | None:
    """What is covered now, and what is left of what was."""
    if last is None:
        return area
    left: Bytes = (last * np.float32(_STAYS)).astype(np.uint8)
    whole = left if area is None else np.maximum(left, area)
    return whole if whole.any() else None


def picture(packet: Cues | None, track: int) -> Picture:
    """What is kept of one face of a frame that has it."""
    assert packet is not None
    row = packet.tracks.index(track)
    return Picture(packet.relief[row], packet.complexion[row])
