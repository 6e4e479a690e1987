"""Who of a clip's people is given the identity's face: decided once, by the whole clip, for every track."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from stages.contract import ClipStage, Timeline
from stages.errors import ConfigError
from stages.expression import coder
from stages.faces.embed import distance, mean
from stages.identity.casting import Casting, toward
from stages.identity.people import People, Person, people, sighted
from stages.packets import Faces, Floats, Neutral, Neutrals, Prints, Role, Roles

PASSING: Final = 0.1
"""Who is seen for less than this share of the time that the most seen person is, does not count as the largest."""


@dataclass(frozen=True, kw_only=True)
class Cast(Casting, ClipStage):
    """Roles for the chosen tracks, the same packet on every frame; None in a clip without faces."""

    def process(
        self, faces: Timeline[Faces], prints: Timeline[Prints] | None, neutrals: Timeline[Neutrals] | None
    ) -> Iterator[Roles | None]:
        """One decision, on every frame.

        Raises:
            ConfigError: nobody is who was asked for, or more than one may be.
        """
        first = next((packet.at for packet in faces if packet is not None), None)
        roles = None
        if first is not None:
            everybody = people(sighted(faces, prints or ()), self.embedder if prints is not None else None)
            cast = self._chosen(everybody)
            known = next((packet for packet in reversed(neutrals or ()) if packet is not None), None)
            roles = Roles(first, self._roles(cast, known), tuple(self._notes(cast, everybody)))
        yield from (roles for _ in range(len(faces)))

    def _chosen(self, everybody: People) -> list[Person]:
        """The people who are replaced; of someone chosen by number only that track."""
        persons = everybody.persons
        if self.who == "all":
            return list(persons)
        if self.number is not None:
            return [self._numbered(persons, self.number)]
        steady = [person for person in persons if not set(person.tracks) & set(everybody.slipped)]
        if self.photo is not None:
            return [self._pictured(steady)]
        most = max((person.seen for person in steady), default=0)
        return [max((p for p in steady if p.seen >= PASSING * most), key=lambda p: p.size)] if steady else []

    def _numbered(self, persons: tuple[Person, ...], number: int) -> Person:
        for person in persons:
            if number in person.tracks:
                return Person((number,), person.seen, person.size, person.vector)
        known = ", ".join(str(track) for track in sorted(track for person in persons for track in person.tracks))
        raise ConfigError(f"cast.who: there is no face {number} in this clip; its faces are {known}")

    def _pictured(self, persons: list[Person]) -> Person:
        photo, same = self.photo, self.embedder.same
        assert photo is not None
        told = sorted(
            ((distance(person.vector, self.wanted), person) for person in persons if person.vector is not None),
            key=lambda row: row[0],
        )
        if not told:
            raise ConfigError(
                f"cast.who: nobody in this clip was seen well enough to be compared with {photo.name}; "
                "lower embed.smallest, or name a track"
            )
        near, who = told[0]
        if near > same:
            raise ConfigError(
                f"cast.who: nobody in this clip looks like {photo.name}: {who} comes nearest, at a distance of "
                f"{near:.3f}, and up to {same:g} counts as the same person; give another photo, or name a track"
            )
        if len(told) > 1 and not self.told_apart(near, told[1][0]):
            raise ConfigError(
                f"cast.who: both {who} ({near:.3f}) and {told[1][1]} ({told[1][0]:.3f}) look like {photo.name}; "
                "give another photo, or name a track"
            )
        return who

    def _roles(self, cast: list[Person], known: Neutrals | None) -> tuple[Role, ...]:
        likeness = self.identity.likeness
        roles = []
        for person in cast:
            rest = _rest(person, known)
            roles += [Role(track, toward(likeness.neutral, rest)) for track in person.tracks]
        return tuple(sorted(roles, key=lambda role: role.track))

    def _notes(self, cast: list[Person], everybody: People) -> Iterator[str]:
        """What people should know of the decision."""
        name, own = self.identity.likeness.name, mean(self.identity.vectors(self.embedder))
        if not cast:
            yield f"nobody is given {name}'s face: no face could be followed"
        for track, frame in everybody.slipped.items():
            replaced = any(track in person.tracks for person in cast)
            what = f"is given {name}'s face all the same" if replaced else "keeps its own face"
            yield f"face {track} seems to be somebody else from frame {frame} on; it {what}"
        for person in cast:
            if person.vector is not None and self.embedder.says_same(own, person.vector):
                yield self.own_face(str(person), distance(own, person.vector))


def _rest(person: Person, known: Neutrals | None) -> Floats:
    """A person's shape at rest: the mean over the tracks whose neutral is known, else the average face's."""
    found: list[Neutral] = [rest for track in person.tracks if known is not None and (rest := known.of(track))]
    own = [rest.shape for rest in found if rest.known]
    return np.mean(own, 0, dtype=np.float32) if own else coder.tables().rest.shape
