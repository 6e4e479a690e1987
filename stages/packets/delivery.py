"""What was delivered."""

from __future__ import annotations

from dataclasses import dataclass

from stages.packets.base import Packet


@dataclass(frozen=True, slots=True, repr=False)
class FrameHash(Packet):
    """The picture that the encoder was given, by its samples.

    digest: XXH3-128 over the rows of all planes without padding, 32 hexadecimal digits. pixel_format: FFmpeg's name of
    their format. Lossless deliveries decode to just these samples.
    """

    digest: str
    pixel_format: str
