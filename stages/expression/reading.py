"""Frames as the coder reads them: everybody who can be read, several frames at once because that is faster."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from stages.expression.coder import Coder
from stages.expression.looks import Look, looks, sight
from stages.packets import Cues, Faces, Floats, Neutral, Scores, Stamp

AT_ONCE: Final = 32  # faces that the coder reads at once; more gain nothing

Read = tuple[Look, Floats, Floats]
"""A face, and its intensities and their standard deviations, (columns,) both."""

Seen = tuple[Faces | None, Scores | None, Cues | None]
Present = tuple[Stamp | None, list[Look]]


def present(frames: Iterable[Seen]) -> Iterator[Present]:
    """Everybody who can be read in every frame, in order; no stamp where nobody was looked for."""
    for faces, scores, cues in frames:
        if faces is None:
            yield None, []
        else:
            yield faces.at, looks(faces, scores, cues) if scores is not None and cues is not None else []


def read(
    coder: Coder, frames: Iterable[Seen], beside: Callable[[int], Neutral]
) -> Iterator[tuple[Stamp | None, list[Read]]]:
    """Every frame's readings; `beside` gives a track's neutral."""
    waiting: list[Present] = []
    count = 0
    for at, faces in present(frames):
        waiting.append((at, faces))
        count += len(faces)
        if count >= AT_ONCE or len(waiting) >= 8 * AT_ONCE:
            yield from _together(coder, waiting, beside)
            waiting, count = [], 0
    yield from _together(coder, waiting, beside)


def _together(
    coder: Coder, frames: list[Present], beside: Callable[[int], Neutral]
) -> Iterator[tuple[Stamp | None, list[Read]]]:
    every = [look for _, faces in frames for look in faces]
    if not every:
        yield from ((at, []) for at, _ in frames)
        return
    reading = coder.read(sight(every), [beside(look.face.track) for look in every])
    rows = iter(zip(every, reading.values, reading.deviation, strict=True))
    for at, faces in frames:
        yield at, [next(rows) for _ in faces]
