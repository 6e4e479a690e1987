"""What a restorer may do to a face, and what it did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from stages.packets.base import Floats, Packet, check

RESTORED: Final = ("cosine", "hurt", "change", "share")
"""Columns of `Restored.values`.

cosine: identity cosine after restoration, to the wanted identity, or to the face before restoration where none is
known. hurt: how much lower it is than before, over the distance up to which two faces count as one person. change: mean
colour difference (CIE 1976) inside the mask. share: 0..1, what the identity guard let through.
"""


@dataclass(frozen=True, slots=True, repr=False)
class Restraints(Packet):
    """Share 0..1 of a restorer's detail that each track may have, (tracks,); who is not named may have all."""

    tracks: tuple[int, ...] = ()
    shares: tuple[float, ...] = ()

    def of(self, track: int) -> float:
        """One track's share."""
        return self.shares[self.tracks.index(track)] if track in self.tracks else 1.0


@dataclass(frozen=True, slots=True, repr=False)
class Restored(Packet):
    """What restoration did to a frame's faces: rows in the order of `tracks`, columns of `RESTORED`.

    Who was not restored, or not looked at, is left out.
    """

    tracks: tuple[int, ...]
    values: Floats

    def __post_init__(self) -> None:
        check(self.values, (len(self.tracks), len(RESTORED)), np.float32, "Restored.values")
