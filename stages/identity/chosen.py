"""The identity that a run puts on: named in the configuration, looked up in the library, with consent checked."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from stages.errors import ConfigError
from stages.faces.embed import Embedder
from stages.identity.library import Entry, Library
from stages.identity.likeness import Likeness
from stages.packets import Floats


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """name: of an identity in the library. folder: the library; null is the default one. production: for which it is
    put on, where its consent is for named ones only. Consent is checked whenever the likeness is asked for.
    """

    name: str | None = None
    folder: str | None = None
    production: str | None = None

    @cached_property
    def entry(self) -> Entry:
        """What the library says of it, with consent that covers this use.

        Raises:
            ConfigError: no name, an unknown one, no or expired consent, a damaged record.
        """
        if not self.name:
            raise ConfigError(
                "identity: say whose face is put on, such as identity=ada; glabella identity list shows who is there"
            )
        entry = Library.at(self.folder).entry(self.name)
        try:
            entry.consent.check(self.production)
        except ConfigError as error:
            raise ConfigError(f"identity: {self.name!r} cannot be put on: {error}") from error
        return entry

    @cached_property
    def likeness(self) -> Likeness:
        """What is drawn.

        Raises:
            ConfigError: as `entry`, and a likeness that is missing or has changed.
        """
        return self.entry.likeness()

    def vectors(self, embedder: Embedder) -> Floats:
        """See `Entry.vectors`."""
        return self.entry.vectors(embedder)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the likeness, empty without a name: what is rendered with one is never taken for another's."""
        return self.entry.digest if self.name else ""
