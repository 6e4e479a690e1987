"""From photos to a likeness: the face at rest, and its photos laid flat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from stages.expression import coder as coding
from stages.expression import neutral
from stages.expression.coder import Coder
from stages.expression.looks import sight
from stages.expression.trust import Trust, free
from stages.identity import clean, merge, texture
from stages.identity.flat import Flat
from stages.identity.likeness import Likeness, Portrait
from stages.identity.photos import Photos, Shot, Which, goodness
from stages.packets import Floats, Neutral


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
        """One person's, from at least one shot."""
        ordered = tuple(sorted(shots, key=goodness, reverse=True))
        rest = self._rest(ordered)
        read = self.coder.read(sight([shot.look for shot in ordered]), rest)
        units = [coding.spread(values) for values in read.values]
        flats = [_flat(shot, shown) for shot, shown in zip(ordered, units, strict=True)]
        portraits = [
            _portrait(
                shot.name, Flat(merge.filled(flat.texture, flat.weight), flat.weight), shot.look.head.angles, shown
            )
            for shot, flat, shown in zip(ordered, flats, units, strict=True)
        ]
        side = max(len(flat.texture) for flat in flats)
        whole = merge.merged([_resized(flat, side) for flat in flats])
        still = np.zeros(3, np.float32)
        return Enrolled(
            Likeness(name, rest.shape, tuple(portraits), _portrait(name, whole, still, np.zeros_like(units[0]))),
            ordered,
        )

    def _rest(self, shots: Sequence[Shot]) -> Neutral:
        """The face at rest, of all shots together; one that smiles is told to be smiling by the coder."""
        faces = [shot.look for shot in shots]
        read = self.coder.read(sight(faces), coding.tables().rest)
        bias = neutral.bias(read.values)
        person = neutral.Person()
        for look, values, deviation in zip(faces, read.values, read.deviation, strict=True):
            weight = self.trust.of_picture(look.picture) * free(look.picture.covered) ** 4
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


def _portrait(name: str, flat: Flat, pose: Floats, units: Floats) -> Portrait:
    return Portrait(
        name,
        np.clip(flat.texture, 0, 1).astype(np.float16),
        np.clip(flat.weight, 0, 1).astype(np.float16),
        np.asarray(pose, np.float32),
        units,
        {},
    )
