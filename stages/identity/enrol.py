"""From photos to a likeness: the face at rest, and its photos laid flat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from stages.expression import coder as coding
from stages.expression import neutral
from stages.expression.coder import Coder
from stages.expression.looks import sight
from stages.expression.trust import Trust, free
from stages.faces.embed import mean
from stages.identity import clean, merge, texture, together
from stages.identity.flat import Flat
from stages.identity.likeness import Likeness, Portrait
from stages.identity.photos import Photos, Shot, Which, goodness
from stages.packets import Floats, Neutral

_FRAMES: Final = 40
"""Frames that the photos count as together: somebody chose them, and a face model that is told of four frames takes
three quarters of what is the person's own for chance."""


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A likeness, and the shots it was made of, in the order of its portraits."""

    likeness: Likeness
    shots: tuple[Shot, ...]


@dataclass(frozen=True, kw_only=True)
class Enrol:
    """Makes likenesses. photos: finds faces; coder: tells their Action Units; trust: which pictures to believe."""

    photos: Photos
    coder: Coder
    trust: Trust = field(default_factory=Trust)

    def prepare(self) -> None:
        """Open the models, read the tables."""
        self.photos.prepare()
        self.coder.prepare()
        neutral.prepare()

    def find(self, path: Path, which: Which = None) -> list[Shot]:
        """See `Photos.find`."""
        return self.photos.find(path, which)

    def likeness(self, name: str, shots: Sequence[Shot]) -> Enrolled:
        """One person's, from at least one shot.

        Raises:
            ClipError: the same picture twice, only profiles, two people.
        """
        together.check_front(shots, self.photos.max_yaw)
        together.check_pictures(shots)
        strange = together.check_person(shots, self.photos.embedders[0])
        told = [
            replace(shot, doubts=(*shot.doubts, doubt)) if doubt else shot
            for shot, doubt in zip(shots, strange, strict=True)
        ]
        ordered = tuple(sorted(told, key=goodness, reverse=True))
        rest = self._rest(ordered)
        read = self.coder.read(sight([shot.look for shot in ordered]), rest)
        units = [coding.spread(values) for values in read.values]
        flats = [_flat(shot, shown) for shot, shown in zip(ordered, units, strict=True)]
        portraits = [
            Portrait(shot.name, *_drawn(merge.whole(flat)), shot.look.head.angles, shown, shot.vectors)
            for shot, flat, shown in zip(ordered, flats, units, strict=True)
        ]
        side = max(len(flat.texture) for flat in flats)
        merged = _drawn(merge.merged([_resized(flat, side) for flat in flats]))
        vectors = {key: mean(np.stack([shot.vectors[key] for shot in ordered])) for key in ordered[0].vectors}
        all_of_them = Portrait(name, *merged, np.zeros(3, np.float32), np.zeros_like(units[0]), vectors)
        return Enrolled(Likeness(name, rest.shape, tuple(portraits), all_of_them), ordered)

    def _rest(self, shots: Sequence[Shot]) -> Neutral:
        """The face at rest, of all shots together; one that smiles is told to be smiling by the coder."""
        faces = [shot.look for shot in shots]
        read = self.coder.read(sight(faces), coding.tables().rest)
        bias = neutral.bias(read.values)
        person = neutral.Person()
        for look, values, deviation in zip(faces, read.values, read.deviation, strict=True):
            weight = self.trust.of_picture(look.picture) * free(look.picture.covered) ** 4
            for _ in range(max(1, round(_FRAMES / len(faces)))):
                person.add(look, values - bias, deviation, weight)
        return person.rest()


def _flat(shot: Shot, units: Floats) -> Flat:
    """A shot laid flat, without what is not the resting face's skin."""
    flat = texture.lay_flat(shot.picture, shot.landmarks, texture.side_for(shot.landmarks))
    flat = clean.without_hair(clean.uncovered(flat, shot.look.picture.covered))
    return clean.at_rest(clean.evenly_lit(flat), units)


def _resized(flat: Flat, side: int) -> Flat:
    if len(flat.texture) == side:
        return flat
    return Flat(*(cv2.resize(one, (side, side), interpolation=cv2.INTER_CUBIC) for one in (flat.texture, flat.weight)))


def _drawn(flat: Flat) -> tuple[NDArray[np.float16], NDArray[np.float16]]:
    """Texture and weight as they are kept."""
    return np.clip(flat.texture, 0, 1).astype(np.float16), np.clip(flat.weight, 0, 1).astype(np.float16)
