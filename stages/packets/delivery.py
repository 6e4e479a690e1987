"""What was delivered."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stages.packets.base import Bytes, Packet, check


@dataclass(frozen=True, slots=True, repr=False)
class FrameHash(Packet):
    """The picture that the encoder was given, by its samples.

    digest: XXH3-128 over the rows of all planes without padding, 32 hexadecimal digits. pixel_format: FFmpeg's name of
    their format. Lossless deliveries decode to just these samples.
    """

    digest: str
    pixel_format: str


@dataclass(frozen=True, slots=True, repr=False)
class Pair(Packet):
    """A frame before and after, small, as two JPEG files (each (n,) bytes), so that a spool can hold it."""

    before: Bytes
    after: Bytes

    def __post_init__(self) -> None:
        check(self.before, (-1,), np.uint8, "Pair.before")
        check(self.after, (-1,), np.uint8, "Pair.after")
