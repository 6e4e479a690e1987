"""A likeness as one file: a NumPy archive, nothing pickled."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np

from stages.errors import ConfigError
from stages.identity.likeness import Likeness, Portrait

_ARRAYS = ("texture", "weight", "pose", "units")


def write(path: Path, likeness: Likeness) -> None:
    """Write a likeness; the merged portrait is the last one."""
    every = (*likeness.portraits, likeness.merged)
    about = {"name": likeness.name, "portraits": [one.name for one in every]}
    arrays = {f"{name}_{i}": getattr(one, name) for i, one in enumerate(every) for name in _ARRAYS}
    arrays |= {f"vector_{i}_{key}": vector for i, one in enumerate(every) for key, vector in one.vectors.items()}
    told = np.frombuffer(json.dumps(about).encode(), np.uint8)
    np.savez(path, about=told, neutral=likeness.neutral, **arrays)


def read(path: Path) -> Likeness:
    """The likeness in a file.

    Raises:
        ConfigError: it is none.
    """
    try:
        with np.load(path, allow_pickle=False) as found:
            about = json.loads(found["about"].tobytes())
            portraits = [_portrait(found, i, name) for i, name in enumerate(about["portraits"])]
            return Likeness(about["name"], found["neutral"], tuple(portraits[:-1]), portraits[-1])
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise ConfigError(f"identity: {path} is no likeness; add the identity again") from error


def _portrait(found: np.lib.npyio.NpzFile, index: int, name: str) -> Portrait:
    prefix = f"vector_{index}_"
    vectors = {key.removeprefix(prefix): found[key] for key in found.files if key.startswith(prefix)}
    texture, weight, pose, units = (found[f"{array}_{index}"] for array in _ARRAYS)
    return Portrait(name, texture, weight, pose, units, vectors)
