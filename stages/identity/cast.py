"""Who of a clip's people is given the identity's face: decided once, by the whole clip, for every track."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np

from stages.contract import ClipStage, Timeline
from stages.errors import ConfigError
from stages.expression import coder, pose
from stages.faces.embed import Embedder, distance, mean
from stages.faces.track import TrackFaces
from stages.identity.chosen import Chosen
from stages.identity.people import People, Person, people, sighted
from stages.media import decode
from stages.models.cache import digest
from stages.packets import Faces, Floats, Job, Neutral, Neutrals, Prints, Role, Roles

PASSING: Final = 0.1
"""Who is seen for less than this share of the time that the most seen person is, does not count as the largest."""
CLEARLY: Final = 1.3
"""By which factor the next person must be further from a reference photo than the chosen one."""


@dataclass(frozen=True, kw_only=True)
class Cast(ClipStage):
    """Roles for the chosen tracks, the same packet on every frame; None in a clip without faces.

    identity: whose face it is. who: `largest`, `all`, the number of a track, or the path of a photo of the performer.
    embedder: of the prints, and for the photo; tracker: finds the face of the photo.
    """

    identity: Chosen
    embedder: Embedder
    tracker: TrackFaces
    who: str | int = "largest"

    def __post_init__(self) -> None:
        if isinstance(self.who, int) and (isinstance(self.who, bool) or self.who < 0):
            raise ConfigError(f"cast.who: a track's number is 0 or more, not {self.who}")
        if self._photo is not None and not self._photo.is_file():
            raise ConfigError(
                f"cast.who: {self.who!r} is neither largest nor all, no track's number, and there is no such photo"
            )

    def prepare(self) -> None:
        """Load the likeness and, for a photo, who is on it, so that whatever is wrong is said before the first frame.

        Raises:
            ConfigError: no such identity, no consent, no or no single face in the photo.
        """
        self.embedder.prepare()
        _ = self.identity.likeness
        if self._photo is not None:
            _ = self._wanted

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the photo, so that another picture under its name is another choice."""
        return digest(self._photo) if self._photo is not None else ""

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
        if self._number is not None:
            return [self._numbered(persons, self._number)]
        steady = [person for person in persons if not set(person.tracks) & set(everybody.slipped)]
        if self._photo is not None:
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
        photo, same = self._photo, self.embedder.same
        assert photo is not None
        told = sorted(
            ((distance(person.vector, self._wanted), person) for person in persons if person.vector is not None),
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
        if len(told) > 1 and told[1][0] < max(CLEARLY * near, near + (CLEARLY - 1) * same):
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
                yield (
                    f"{person} looks like {name} already (distance {distance(own, person.vector):.3f}, "
                    f"up to {self.embedder.same:g} is one person): a face is put on its own owner"
                )

    @property
    def _number(self) -> int | None:
        """The track that `who` names."""
        text = str(self.who)
        return int(text) if text.isdecimal() else None

    @property
    def _photo(self) -> Path | None:
        """The photo that `who` names."""
        named = self.who not in ("largest", "all") and self._number is None
        return Path(str(self.who)).expanduser() if named else None

    @cached_property
    def _wanted(self) -> Floats:
        """(d,) who is on the photo."""
        assert self._photo is not None
        clip = decode.probe(self._photo)
        frame = next(iter(decode.frames(clip)))
        found = self.tracker.process(self.tracker.begin(Job(clip, Path())), frame)
        if found is None:
            raise ConfigError(f"cast.who: no face is seen in {self._photo.name}; give a photo in which it is large")
        if len(found.faces) > 1:
            raise ConfigError(
                f"cast.who: {self._photo.name} shows {len(found.faces)} faces; crop it to the one that is meant"
            )
        return self.embedder.vector(frame, found.faces[0].landmarks)


def toward(identity: Floats, performer: Floats) -> Floats:
    """(478, 3) face space: from a performer's face at rest to an identity's, both (478, 3) at rest.

    What a similarity explains (a larger face, one that is held a little turned) is taken out: only shape is carried.
    All points of the mesh count alike, so that the features come to lie in the performer's outline as they do in the
    identity's.
    """
    placed = pose.align(identity, performer)
    return (placed - performer).astype(np.float32)


def _rest(person: Person, known: Neutrals | None) -> Floats:
    """A person's shape at rest: the mean over the tracks whose neutral is known, else the average face's."""
    found: list[Neutral] = [rest for track in person.tracks if known is not None and (rest := known.of(track))]
    own = [rest.shape for rest in found if rest.known]
    return np.mean(own, 0, dtype=np.float32) if own else coder.tables().rest.shape
