"""Neutrals carried from clip to clip, so that a performer is measured against the same face in every take.

The file is a NumPy archive: `shape` (n, 478, 3), `relief` (n, 64, 64), `scores` (n, 52), `folds` (n, 56), one row
a person.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from stages.errors import ConfigError
from stages.expression.folds import FOLDS
from stages.expression.model import apart
from stages.expression.relief import SIDE
from stages.faces import layouts
from stages.faces.blendshapes import NAMES as SCORES
from stages.packets import Neutral

SAME: Final = 0.014
"""Interocular distances by which two neutrals of one person may be apart (`model.apart`)."""
SHAPES: Final = {"shape": (layouts.COUNT, 3), "relief": (SIDE, SIDE), "scores": (len(SCORES),), "folds": (len(FOLDS),)}


def write(path: Path, people: Mapping[int, Neutral]) -> None:
    """Keep the neutrals of a clip's people, in order of track; a file that is there is replaced as a whole.

    Raises:
        ConfigError: it cannot be written.
    """
    arrays = {
        name: np.stack([getattr(people[track], name) for track in sorted(people)]) if people else np.zeros((0, *shape))
        for name, shape in SHAPES.items()
    }
    whole = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with whole.open("wb") as file:
            np.savez_compressed(file, **{name: array.astype(np.float32) for name, array in arrays.items()})  # type: ignore[arg-type]
        whole.replace(path)
    except OSError as error:
        raise ConfigError(f"neutral.keep: {path} cannot be written: {error.strerror or error}") from error


def read(path: Path) -> list[Neutral]:
    """The neutrals of a file.

    Raises:
        ConfigError: there is no such file, or it holds something else.
    """
    try:
        with np.load(path) as found:
            arrays = {name: found[name].astype(np.float32) for name in SHAPES}
    except FileNotFoundError:
        raise ConfigError(
            f"neutral.carry: there is no file {path} - neutral.keep={path} of another run writes it"
        ) from None
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise ConfigError(f"neutral.carry: {path} is no file of neutrals that neutral.keep wrote") from error
    if any(array.shape[1:] != SHAPES[name] for name, array in arrays.items()):
        raise ConfigError(f"neutral.carry: {path} is no file of neutrals that neutral.keep wrote")
    return [Neutral(*row) for row in zip(*arrays.values(), strict=True)]


def known(found: Mapping[int, Neutral], carried: Sequence[Neutral]) -> dict[int, Neutral]:
    """Every track's neutral: the carried one that is this person's, or the one found here."""
    return {track: _own(rest, carried) for track, rest in found.items()}


def _own(rest: Neutral, carried: Sequence[Neutral]) -> Neutral:
    nearest = min(carried, key=lambda other: apart(other.shape, rest.shape), default=None)
    return nearest if nearest is not None and apart(nearest.shape, rest.shape) < SAME else rest
