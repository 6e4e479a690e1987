"""Cyclic garbage, looked for between frames.

Python looks for it whenever some hundred containers are new, which in a stream of frames is all the time: a thirtieth
of a live frame's processor time goes into it. Packets are no such garbage, but a PyAV frame whose side data was read
is, and holds its picture; so it is looked for, every so many frames, and only among what is new since the pass began.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

EVERY: Final = 64
"""Frames."""


class Collector:
    """Told of every frame; collects after some."""

    def __init__(self) -> None:
        self._frames = 0

    def frame(self) -> None:
        """One more frame is over."""
        self._frames += 1
        if self._frames % EVERY == 0:
            gc.collect()


class _Nobody(Collector):
    """Where Python was told not to collect."""

    def frame(self) -> None:
        """Nothing."""


@contextmanager
def between_frames() -> Iterator[Collector]:
    """Python's own collection rests while this is open; tell the collector of every frame."""
    if not gc.isenabled():
        yield _Nobody()
        return
    gc.disable()
    gc.freeze()
    try:
        yield Collector()
    finally:
        gc.unfreeze()
        gc.enable()
