"""What the pictures of one identity must be together: of one person, each a picture of its own, one from the front."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from stages.errors import ClipError
from stages.faces.embed import Embedder, distance, mean
from stages.identity.photos import Shot
from stages.identity.texture import LEAST, lay_flat
from stages.models.cache import digest
from stages.packets import Floats

STRANGER: Final = 1.3
"""Times an embedder's threshold for the same person from which on a picture is refused; up to that it is doubted."""
SAME_PICTURE: Final = 0.008
"""Mean difference of two faces laid flat, nominal luma, below which they are one picture saved twice."""
_SMALL: Final = 48  # texels on a side that pictures are compared at


def check_files(paths: Sequence[Path]) -> None:
    """Refuse a file that is given twice, whatever its names.

    Raises:
        ClipError: it names both.
    """
    seen: dict[str, Path] = {}
    for path in paths:
        if not path.is_file():
            continue
        first = seen.setdefault(digest(path), path)
        if first is not path:
            raise ClipError(f"{path.name}: the same file as {first.name}; give every picture once")


def check_pictures(shots: Sequence[Shot]) -> None:
    """Refuse a photo that another one repeats in another format or size.

    Raises:
        ClipError: it names both.
    """
    stills = [(shot, _thumbnail(shot)) for shot in shots if shot.still]
    for (one, first), (other, second) in combinations(stills, 2):
        if np.abs(first - second).mean() < SAME_PICTURE:
            raise ClipError(f"{other.name}: the same picture as {one.name}; give every picture once")


def check_front(shots: Sequence[Shot], max_yaw: float) -> None:
    """Refuse pictures that show a face from the side only.

    Raises:
        ClipError: none shows it from the front.
    """
    if all(abs(shot.look.picture.yaw) > max_yaw for shot in shots):
        raise ClipError(
            f"only profiles: every picture shows the face turned by more than {max_yaw:.0f} degrees; "
            "give at least one from the front"
        )


def check_person(shots: Sequence[Shot], embedder: Embedder) -> list[str]:
    """What is doubted of each picture's person, "" if nothing is.

    Raises:
        ClipError: a picture shows somebody else than the others.
    """
    vectors = np.stack([shot.vectors[embedder.key] for shot in shots])
    doubts = []
    for index, shot in enumerate(shots):
        others = np.delete(vectors, index, axis=0)
        apart = distance(vectors[index], mean(others)) if len(others) else 0.0
        told = f"{apart:.3f} from the others, up to {embedder.same:g} is one person ({embedder.name})"
        if apart > STRANGER * embedder.same:
            raise ClipError(f"{shot.name}: shows another person than the rest: {told}; leave it out")
        doubts.append(f"hardly the same person: {told}" if apart > embedder.same else "")
    return doubts


def _thumbnail(shot: Shot) -> Floats:
    luma = lay_flat(shot.picture, shot.landmarks, LEAST).texture.mean(-1)
    small: Floats = cv2.resize(luma, (_SMALL, _SMALL), interpolation=cv2.INTER_AREA)
    return small
