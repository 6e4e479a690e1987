"""Conversion steps: what a source delivered -> the ONNX file that we run.

A step's version is part of the cached file's path, so that a better conversion replaces the old file by itself: raise
it with every change of what its recipe writes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final


@dataclass(frozen=True, slots=True)
class Step:
    """A conversion: the function of `stages.models.recipes` that does it, and how often that has changed."""

    recipe: str
    version: int

    def run(self, source: Path, target: Path, source_sha256: str) -> None:
        """Convert a file, or a folder of files; the model carries what it was made from and by which version.

        A recipe gets the file's bytes; of a folder, the bytes of each file by its name.
        """
        from stages.models import recipes  # late: onnx takes a third of a second, and is needed once per model

        metadata = {"source_sha256": source_sha256, "converter_version": str(self.version)}
        model = getattr(recipes, self.recipe)(_read(source), metadata)
        target.write_bytes(model.SerializeToString(deterministic=True))


def _read(source: Path) -> bytes | dict[str, bytes]:
    return {file.name: file.read_bytes() for file in source.iterdir()} if source.is_dir() else source.read_bytes()


STEPS: Final[dict[str, Step]] = {
    "face_landmarks": Step("landmarks", 5),
    "face_blendshapes": Step("blendshapes", 2),
    "near_faces": Step("near_faces", 2),
    "group_faces": Step("group_faces", 1),
    "identity_128": Step("identity_128", 1),
    "identity_512": Step("identity_512", 1),
    "super_resolution": Step("super_resolution", 2),
}
"""Step by name, as `Asset.convert` names it."""
