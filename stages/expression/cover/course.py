"""How cover comes and goes: a hand is not there for one frame only, and what it hides is handed over softly.

Every frame has a map for each track that something covers. Frames are walked through a window, so nothing grows with
the clip.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Final

import numpy as np

from stages.expression.cover.middle import median
from stages.packets import Bytes

Maps = Mapping[int, Bytes]
"""Track -> (n, n) 0..255; who is left out is free."""

STEADY: Final = 2
"""Frames to either side of which the middle one counts: what shows for fewer frames than half of these is no hand."""
LATELY: Final = 5
"""Frames to either side over which odds are averaged: what is faint in every frame shows in their mean."""
HOLD: Final = 8
"""Frames to either side over which gaps are closed: a hand of the skin's own colour is lost here and there."""
AHEAD: Final = 2
"""Frames by which cover begins early and ends late: landmarks drift before a hand has arrived."""
FADE: Final = 2
"""Frames to either side over which it fades."""


def steadied(frames: Iterable[Maps]) -> Iterator[Maps]:
    """The median over `STEADY` frames to either side, texel by texel."""
    return _windowed(frames, STEADY, lambda near: median(near).astype(np.uint8))


def averaged(frames: Iterable[Maps]) -> Iterator[Maps]:
    """The mean over `LATELY` frames to either side."""
    return _windowed(frames, LATELY, lambda near: np.rint(near.mean(0)).astype(np.uint8))


def held(frames: Iterable[Maps]) -> Iterator[Maps]:
    """Gaps of up to twice `HOLD` frames closed, texel by texel; beginning and end stay where they are."""
    wide = _windowed(frames, HOLD, lambda near: near.max(0))
    return _windowed(wide, HOLD, lambda near: near.min(0))


def faded(frames: Iterable[Maps]) -> Iterator[Maps]:
    """The greatest over `AHEAD` frames to either side, then the mean over `FADE`."""
    early = _windowed(frames, AHEAD, lambda near: near.max(0))
    return _windowed(early, FADE, lambda near: np.rint(near.mean(0)).astype(np.uint8))


def _windowed(frames: Iterable[Maps], reach: int, joined: Callable[[Bytes], Bytes]) -> Iterator[Maps]:
    """`joined` of every frame's (k, n, n) neighbours, fewer at the ends."""
    source = iter(frames)
    near, before = deque(islice(source, reach + 1)), 0
    while before < len(near):
        tracks = sorted(set().union(*near))
        made = {track: joined(_stacked(near, track)) for track in tracks}
        yield {track: one for track, one in made.items() if one.any()}
        near.extend(islice(source, 1))
        if before == reach:
            near.popleft()
        else:
            before += 1


def _stacked(near: Sequence[Maps], track: int) -> Bytes:
    shape = next(maps[track].shape for maps in near if track in maps)
    return np.stack([maps.get(track, np.zeros(shape, np.uint8)) for maps in near])
