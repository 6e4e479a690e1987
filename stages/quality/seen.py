"""What a tracker sees on the rendered picture: the same landmarks, found again."""

from __future__ import annotations

from dataclasses import dataclass

from stages.contract import MapStage
from stages.errors import ConfigError
from stages.faces.landmarks import Landmarker
from stages.faces.roi import bounds
from stages.packets import Edits, Face, Faces, Frame


@dataclass(frozen=True, kw_only=True)
class SeeAgain(MapStage):
    """Find the landmarks of edited faces again, on the rendered frame, starting from where they were.

    every: of how many frames one is looked at; 1 sees all of them. triples: after one of so many looks the next two
    frames are looked at too, because jitter takes three in a row; 0 never. A frame without an edit is not looked at.
    """

    landmarker: Landmarker
    every: int = 5
    triples: int = 10

    def __post_init__(self) -> None:
        if self.every < 1:
            raise ConfigError(f"check.every: must be 1 or more frames, not {self.every}")
        if self.triples < 0:
            raise ConfigError(f"check.seen.triples: must be 0 (never) or more looks, not {self.triples}")

    def prepare(self) -> None:
        """Open the landmark model."""
        self.landmarker.prepare()

    def process(self, frame: Frame, faces: Faces, edits: Edits | None) -> Faces | None:
        """The edited faces as they look now."""
        if edits is None or not self.looks(frame.at.index):
            return None
        edited = {edit.track for edit in edits.edits}
        return Faces(frame.at, tuple(self.again(frame, face) for face in faces.faces if face.track in edited))

    def looks(self, index: int) -> bool:
        """Whether frame `index` is one that is looked at."""
        return index % self.every == 0 or self.in_a_row(index)

    def in_a_row(self, index: int) -> bool:
        """Whether frame `index` is one of three in a row that are looked at."""
        return self.every == 1 or (self.triples > 0 and index % (self.every * self.triples) <= 2)

    def again(self, frame: Frame, face: Face) -> Face:
        """`face` found anew on `frame`, starting from where it was."""
        mesh = self.landmarker.from_landmarks(frame, face.landmarks)
        return Face(face.track, bounds(mesh.landmarks), mesh.landmarks, mesh.presence)
