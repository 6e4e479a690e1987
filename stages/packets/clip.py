"""A clip, a job and a frame of it."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from stages.packets.base import Packet


@dataclass(frozen=True, slots=True)
class Colour:
    """ITU-T H.273 code points as FFmpeg numbers them (2 = unspecified); `full_range` is True for 0..2^n-1 codes."""

    matrix: int = 2
    primaries: int = 2
    transfer: int = 2
    full_range: bool = False
    chroma_location: int = 0


@dataclass(frozen=True, slots=True)
class Clip:
    """What is known of a clip before its first frame.

    width, height: samples as stored. frames: the container's count, an estimate, or None. interlaced: the first frame
    is flagged as two fields. turns: see `Frame`.
    """

    path: Path
    name: str
    width: int
    height: int
    time_base: Fraction
    rate: Fraction
    frames: int | None
    pixel_format: str
    colour: Colour
    codec: str
    kind: str  # "video", "sequence" or "still"
    audio_streams: int = 0
    interlaced: bool = False
    turns: int = 0

    @property
    def shown(self) -> tuple[int, int]:
        """Width and height as a viewer shows them."""
        return (self.height, self.width) if self.turns % 2 else (self.width, self.height)


@dataclass(frozen=True, slots=True)
class Job:
    """One run of a pipeline: the clip, and the work folder its stages may write into.

    chunk: frames after which ordered stages are saved, so that a killed run goes on there; None for never.
    """

    clip: Clip
    folder: Path
    chunk: int | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Frame(Packet):
    """A picture in its native pixel format.

    `native` is the `av.VideoFrame` it was decoded into; whoever holds a Frame only reads it. An unedited frame reaches
    the encoder as the very object the decoder made. Access samples through `stages.media.planes`, which shows them
    upright: every coordinate in luma pixels counts from the upper left corner that a viewer sees.

    turns: quarter turns, counter-clockwise, that bring the stored samples upright, 0 to 3; phones film sideways.
    """

    native: Any
    colour: Colour
    turns: int = 0

    @property
    def width(self) -> int:
        """Luma samples a row of the upright picture."""
        return int(self.native.height if self.turns % 2 else self.native.width)

    @property
    def height(self) -> int:
        """Luma rows of the upright picture."""
        return int(self.native.width if self.turns % 2 else self.native.height)

    @property
    def pixel_format(self) -> str:
        """FFmpeg's name, such as `yuv420p10le`."""
        return str(self.native.format.name)
