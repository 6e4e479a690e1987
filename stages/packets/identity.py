"""Who is who, who becomes whom, and what lies in front of a face."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stages.packets.base import Bytes, Floats, Packet, ShowsShapes, check


@dataclass(frozen=True, slots=True, repr=False)
class Prints(Packet):
    """Identity embeddings of a frame's faces, rows in the order of `tracks`; who was not looked at is left out.

    vectors: (faces, d) of unit length, as of `stages.faces.embed`; their dot product is the cosine similarity.
    """

    tracks: tuple[int, ...]
    vectors: Floats

    def __post_init__(self) -> None:
        check(self.vectors, (len(self.tracks), -1), np.float32, "Prints.vectors")


@dataclass(frozen=True, slots=True, repr=False)
class Role(ShowsShapes):
    """A track that is given the identity's face.

    toward: (478, 3) face space, displacement from the performer's neutral shape to the identity's, by full weight.
    """

    track: int
    toward: Floats

    def __post_init__(self) -> None:
        check(self.toward, (478, 3), np.float32, "Role.toward")


@dataclass(frozen=True, slots=True, repr=False)
class Roles(Packet):
    """Who is replaced in a clip: one decision a track; the same packet on every frame.

    notes: what people should know of it, in words; they go into the report.
    """

    roles: tuple[Role, ...]
    notes: tuple[str, ...] = ()

    def of(self, track: int) -> Role | None:
        """One track's, if it is replaced."""
        return next((role for role in self.roles if role.track == track), None)


@dataclass(frozen=True, slots=True, repr=False)
class Cover(ShowsShapes):
    """What of a face lies behind something else: a hand, hair, a microphone.

    hidden: (side, side) uint8 on the face chart (`stages.expression.chart`, at any size), 0 free .. 255 covered.
    """

    track: int
    hidden: Bytes

    def __post_init__(self) -> None:
        check(self.hidden, (-1, -1), np.uint8, "Cover.hidden")


@dataclass(frozen=True, slots=True, repr=False)
class Covers(Packet):
    """What covers the faces of this frame; a face that nothing covers may be left out."""

    covers: tuple[Cover, ...]

    def of(self, track: int) -> Cover | None:
        """One face's, if anything covers it."""
        return next((cover for cover in self.covers if cover.track == track), None)
