"""Exact time: integer timestamps for every frame, and what is missing at the end of a clip."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from stages.packets import Clip


class Clock:
    """Numbers the frames of one clip and gives those without a timestamp an exact one.

    A missing timestamp is counted from the last known one in steps of the clip's frame rate and rounded once, so that
    the error never grows; a stream with no timestamps at all (raw H.264) starts at 0.
    """

    def __init__(self, clip: Clip, first: int = 0) -> None:
        self.index = first - 1
        self._end: Fraction | int | None = None
        self._step = 1 / (clip.rate * clip.time_base)
        self._anchor = 0
        self._since = -1
        self._last: int | None = None
        self._time_base = clip.time_base

    def tick(self, pts: int | None, duration: int | None) -> tuple[int, int | None]:
        """The next frame's index and timestamp; the timestamp is None where time does not move forward."""
        self.index += 1
        self._since += 1
        if pts is None:
            pts = self._anchor + round(self._since * self._step)
        else:
            self._anchor, self._since = pts, 0
        if self._last is not None and pts <= self._last:
            return self.index, None
        self._last = pts
        self._end = pts + (duration or self._step)
        return self.index, pts

    @property
    def end(self) -> Fraction | None:
        """Seconds at which the last frame so far ends; None before the first."""
        return None if self._end is None else self._end * self._time_base


@dataclass(frozen=True, slots=True)
class Entry:
    """Where decoding starts: frame `first` of the clip, at `pts`; earlier frames that come are dropped."""

    first: int
    pts: int


def entry(container: Any, stream: Any, frame: int) -> Entry | None:
    """Where to seek to so that frame number `frame` comes out right; None where only the clip's start is safe.

    Reads all packets without decoding (use a container opened for that), so that the number is exact anywhere. The
    place is two key frames back, as pictures right after a seek may lean on the group before.
    """
    shown, keys = [], []
    for packet in container.demux(stream):
        if packet.size and packet.pts is None:
            return None
        if packet.size and not packet.is_discard:
            shown.append(packet.pts)
            if packet.is_keyframe:
                keys.append(packet.pts)
    shown.sort()
    if frame >= len(shown) or len(set(shown)) < len(shown):
        return None
    before = sorted(key for key in keys if key <= shown[frame])[:-1]
    return Entry(shown.index(before[-1]), before[-1]) if before else None


def truncated(container: Any, stream: Any, packets: int, clock: Clock) -> str | None:
    """What is missing at the end, in words, or None. Trusts MOV's and MP4's index, Matroska's durations, AVI's count.

    The index, not the header's count of frames: edit lists take packets out of a trimmed clip, and out of the index. Of
    the others half a second may be missing: they round, and AVI counts frames it dropped.
    """
    expected = len(stream.index_entries) if container.format.name.startswith("mov") else 0
    if packets < expected:
        return f"truncated, {packets} of {expected} frames are there"
    promised = _duration_tag(stream.metadata.get("DURATION", ""))
    if container.format.name == "avi" and stream.average_rate:
        promised = stream.frames / Fraction(stream.average_rate)
    if promised is None or clock.end is None:
        return None
    start = Fraction(container.start_time or 0, 1_000_000)
    missing = promised - max(clock.end, clock.end - start)
    return f"truncated, the last {float(missing):.2f}s are missing" if missing > Fraction(1, 2) else None


def _duration_tag(tag: str) -> Fraction | None:
    """Matroska's `00:01:02.500000000` in seconds."""
    try:
        hours, minutes, seconds = tag.split(":")
        return int(hours) * 3600 + int(minutes) * 60 + Fraction(seconds)
    except ValueError:
        return None
