"""What both ways of casting share: who is asked for, the photo of a performer, and how far a face is re-shaped."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from stages.contract import Stage
from stages.errors import ClipError, ConfigError
from stages.expression import pose
from stages.faces.embed import Embedder
from stages.faces.track import TrackFaces
from stages.identity.chosen import Chosen
from stages.media import decode
from stages.models.cache import digest
from stages.packets import Floats, Job

CLEARLY: Final = 1.3
"""By which factor the next person must be further from a reference photo than the chosen one."""


@dataclass(frozen=True, kw_only=True)
class Casting(Stage):
    """identity: whose face it is. who: `largest`, `all`, the number of a track, or a performer's photo by its path.
    embedder: of the prints, and for the photo; tracker: finds the face on it.
    """

    identity: Chosen
    embedder: Embedder
    tracker: TrackFaces
    who: str | int = "largest"

    def __post_init__(self) -> None:
        if isinstance(self.who, int) and (isinstance(self.who, bool) or self.who < 0):
            raise ConfigError(f"cast.who: a track's number is 0 or more, not {self.who}")
        if self.photo is not None and not self.photo.is_file():
            raise ConfigError(
                f"cast.who: {self.who!r} is neither largest nor all, no track's number, and there is no such photo"
            )

    def prepare(self) -> None:
        """Load the likeness and, for a photo, who is on it, so that whatever is wrong is said before the first frame.

        Raises:
            ConfigError: no such identity, no consent, an unreadable photo, no or no single face in it.
        """
        self.embedder.prepare()
        _ = self.identity.likeness
        if self.photo is not None:
            _ = self.wanted

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the photo, so that another picture under its name is another choice."""
        return digest(self.photo) if self.photo is not None else ""

    @property
    def number(self) -> int | None:
        """The track that `who` names."""
        text = str(self.who)
        return int(text) if text.isdecimal() else None

    @property
    def photo(self) -> Path | None:
        """The photo that `who` names."""
        named = self.who not in ("largest", "all") and self.number is None
        return Path(str(self.who)).expanduser() if named else None

    @cached_property
    def wanted(self) -> Floats:
        """(d,) who is on the photo.

        Raises:
            ConfigError: it cannot be read, or shows no face, or several.
        """
        photo = self.photo
        assert photo is not None
        try:
            clip = decode.probe(photo)
            frame = next(iter(decode.frames(clip)))
        except ClipError as error:
            raise ConfigError(f"cast.who: {error}") from error
        found = self.tracker.process(self.tracker.begin(Job(clip, Path())), frame)
        if found is None:
            raise ConfigError(f"cast.who: no face is seen in {photo.name}; give a photo in which it is large")
        if len(found.faces) > 1:
            raise ConfigError(
                f"cast.who: {photo.name} shows {len(found.faces)} faces; crop it to the one that is meant"
            )
        return self.embedder.vector(frame, found.faces[0].landmarks)

    def told_apart(self, near: float, next_one: float) -> bool:
        """Whether the nearer of two people is clearly the one of the photo, by their distances."""
        return next_one >= max(CLEARLY * near, near + (CLEARLY - 1) * self.embedder.same)

    def own_face(self, who: str, apart: float) -> str:
        """What is to be known of a performer who looks like the identity."""
        name = self.identity.likeness.name
        return (
            f"{who} looks like {name} already (distance {apart:.3f}, up to {self.embedder.same:g} is one person): "
            "a face is put on its own owner"
        )


def toward(identity: Floats, performer: Floats) -> Floats:
    """(478, 3) face space: from a performer's face at rest to an identity's, both (478, 3) at rest.

    What a similarity explains (a larger face, one that is held a little turned) is taken out: only shape is carried.
    It is found on what muscles do not move and faces share, as a pose is. Over all points a long chin or low brows
    would count as size: that cost .01 to .02 of the cosine with each of three identities.
    """
    return pose.fit(identity, performer).to_face(identity) - performer
