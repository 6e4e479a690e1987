"""Who is given the identity's face, decided as the faces come: for live pictures, of which nobody knows the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final

import numpy as np

from stages.contract import OrderedStage
from stages.errors import ConfigError
from stages.expression import coder
from stages.faces.embed import distance, mean
from stages.identity.casting import Casting, toward
from stages.packets import Face, Faces, Floats, Job, Neutral, Neutrals, Prints, Role, Roles

KEPT: Final = 16
"""Looks at a track that its mean goes by."""


@dataclass
class Part:
    """A track that is replaced. rest: the performer's neutral that `role` goes toward, wanted: where it will be."""

    role: Role
    rest: Neutral | None
    wanted: Floats
    at: Fraction


@dataclass
class Decided:
    """What was decided so far. looks: vectors of every track, parts: of those that are replaced; nearest: distance of
    whoever came nearest to the photo. warnings: what people should know of it; they go into the report."""

    looks: dict[int, list[Floats]] = field(default_factory=dict)
    parts: dict[int, Part] = field(default_factory=dict)
    nearest: float = 2.0
    warned: bool = False
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class CastLive(Casting, OrderedStage[Decided]):
    """Roles of all who were chosen so far. A decision is kept: whoever is replaced stays so, and nobody else is taken
    for them; another track gets the role when it is clearly the same person's, after a cut for example.

    `largest` is the largest face of the first frame that has any. settle: seconds, 0..10, over which the shape that a
    face takes on follows what is learned of its neutral.
    """

    settle: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.settle <= 10:
            raise ConfigError(f"cast.settle: must be 0 to 10 seconds, not {self.settle}")

    def begin(self, job: Job) -> Decided:
        """Nobody is chosen yet."""
        return Decided()

    def process(
        self, state: Decided, faces: Faces, prints: Prints | None = None, neutrals: Neutrals | None = None
    ) -> Roles:
        """The roles as of this frame; empty until somebody is chosen."""
        now = self._looked(state, prints)
        for face in self._chosen(state, faces.faces, now):
            self._cast(state, face.track, faces, neutrals)
        roles = tuple(self._followed(state.parts[track], faces, neutrals) for track in sorted(state.parts))
        if not state.warned:
            self._warn(state)
        return Roles(faces.at, roles)

    def finish(self, state: Decided) -> None:
        """Warn if whoever was asked for never came."""
        if not state.parts and self.photo is not None and state.looks:
            state.warnings.append(
                f"cast.who: nobody looked like {self.photo.name} (the nearest was at a distance of "
                f"{state.nearest:.3f}, up to {self.embedder.same:g} is one person); nobody was replaced"
            )
        elif not state.parts and self.number is not None:
            state.warnings.append(f"cast.who: there was no face {self.number}; nobody was replaced")

    def _looked(self, state: Decided, prints: Prints | None) -> dict[int, Floats]:
        """Remember who was looked at; the mean of all looks at each."""
        means = {}
        for track, vector in zip(prints.tracks, prints.vectors, strict=True) if prints is not None else ():
            looks = state.looks.setdefault(track, [])
            looks[:] = [*looks, vector][-KEPT:]
            means[track] = mean(np.stack(looks))
        return means

    def _chosen(self, state: Decided, faces: Sequence[Face], looked: dict[int, Floats]) -> list[Face]:
        """Who of this frame is given the role now. looked: whom the prints of this frame show."""
        new = [face for face in faces if face.track not in state.parts]
        if self.who == "all":
            return new
        if self.number is not None:
            return [face for face in new if face.track == self.number]
        if len(new) < len(faces):
            return []  # the one who is meant is in the picture already
        if self.photo is None and not state.parts:
            return [max(new, key=_size)]
        return self._recognised(state, new, looked)

    def _recognised(self, state: Decided, new: Sequence[Face], looked: dict[int, Floats]) -> list[Face]:
        """Who is clearly the one that is meant."""
        wanted = self.wanted if self.photo is not None else _known(state)
        if wanted is None:
            return []
        apart = sorted(
            ((distance(looked[face.track], wanted), face) for face in new if face.track in looked),
            key=lambda row: row[0],
        )
        if not apart:
            return []
        (near, face), *others = apart
        state.nearest = min(state.nearest, near)
        clear = not others or self.told_apart(near, others[0][0])
        return [face] if near <= self.embedder.same and clear else []

    def _cast(self, state: Decided, track: int, faces: Faces, neutrals: Neutrals | None) -> None:
        rest = _rest(neutrals, track)
        shape = toward(self.identity.likeness.neutral, _shape(rest))
        state.parts[track] = Part(Role(track, shape), rest, shape, _seconds(faces))

    def _followed(self, part: Part, faces: Faces, neutrals: Neutrals | None) -> Role:
        """The role, a little nearer to what its performer's neutral, as it is known now, asks for."""
        track, now = part.role.track, _seconds(faces)
        rest = _rest(neutrals, track)
        if rest is not None and rest is not part.rest:
            part.rest, part.wanted = rest, toward(self.identity.likeness.neutral, rest.shape)
        passed, part.at = float(now - part.at), now
        if part.wanted is not part.role.toward:
            share = np.float32(1 - np.exp(-passed / self.settle)) if self.settle else np.float32(1)
            moved = part.role.toward + share * (part.wanted - part.role.toward)
            near = float(np.abs(part.wanted - moved).max()) < _STILL
            part.role = Role(track, part.wanted if near else moved)
        return part.role

    def _warn(self, state: Decided) -> None:
        """Once: a face is put on its own owner."""
        for track in state.parts.keys() & state.looks.keys():
            apart = distance(mean(self.identity.vectors(self.embedder)), mean(np.stack(state.looks[track])))
            state.warned = True
            if apart <= self.embedder.same:
                state.warnings.append(self.own_face(f"face {track}", apart))


_STILL: Final = 1e-4  # face space: a displacement that no picture shows


def _known(state: Decided) -> Floats | None:
    """(d,) who was chosen, as far as they were looked at."""
    rows = [look for track in state.parts for look in state.looks.get(track, ())]
    return mean(np.stack(rows)) if rows else None


def _rest(neutrals: Neutrals | None, track: int) -> Neutral | None:
    rest = neutrals.of(track) if neutrals is not None else None
    return rest if rest is not None and rest.known else None


def _shape(rest: Neutral | None) -> Floats:
    return rest.shape if rest is not None else coder.tables().rest.shape


def _seconds(faces: Faces) -> Fraction:
    return faces.at.pts * faces.at.time_base


def _size(face: Face) -> float:
    return float(np.max(face.box[2:] - face.box[:2]))
