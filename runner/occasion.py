"""Identities made for the occasion: of sample photos, for an evaluation or a gallery, thrown away afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import yaml

from runner.settings import Settings
from stages.identity.enrol import Enrol
from stages.identity.library import Entry, Library

CONSENT: Final = {
    "who": "people of sample media",
    "granted_by": "whoever evaluates",
    "granted_on": "2020-01-01",
    "until": "2999-12-31",
    "purposes": ["evaluation of this program, thrown away afterwards"],
    "productions": ["all"],
    "paper": "none: what is made of it is not shown to others",
}


def enrolled(settings: Settings, photos: Sequence[str], library: Library, name: str) -> Entry:
    """The identity `name` in `library`, of photos or clips as `clip` takes them.

    Raises:
        ClipError: a photo that cannot be used.
    """
    enrol: Enrol = settings.stage("enrol")
    enrol.prepare()
    shots = [shot for photo in photos for shot in enrol.find(of(settings, photo).clip_path())]
    library.folder.mkdir(parents=True, exist_ok=True)
    consent = library.folder / "consent.yaml"
    consent.write_text(yaml.safe_dump(CONSENT), encoding="utf-8")
    return library.add(name, enrol.likeness(name, shots), consent, force=True)


def of(settings: Settings, clip: str) -> Settings:
    """The same settings on another clip."""
    return replace(settings, values={**settings.values, "clip": clip})
