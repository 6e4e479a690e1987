"""What is seen of faces: landmarks, scores, cues, and how each looks at rest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stages.packets.base import Bytes, Floats, Packet, ShowsShapes, check


@dataclass(frozen=True, slots=True, repr=False)
class Face(ShowsShapes):
    """One face in one frame.

    track: persistent id within the clip, from 0. box: (4,) x0, y0, x1, y1 in luma pixels around the landmarks.
    landmarks: (478, 3) in luma pixels; x right, y down, z toward the scene (smaller is nearer), same scale as x.
    presence: 0..1, the landmark model's own confidence that a face is there.
    bridged: True when optical flow carried the landmarks over a gap.
    """

    track: int
    box: Floats
    landmarks: Floats
    presence: float
    bridged: bool = False

    def __post_init__(self) -> None:
        check(self.box, (4,), np.float32, "Face.box")
        check(self.landmarks, (478, 3), np.float32, "Face.landmarks")


@dataclass(frozen=True, slots=True, repr=False)
class Faces(Packet):
    """All faces of a frame, in order of track id."""

    faces: tuple[Face, ...]


@dataclass(frozen=True, slots=True, repr=False)
class Scores(Packet):
    """Blendshape scores 0..1, float32 (faces, 52), in the order of `tracks` and `stages.faces.blendshapes.NAMES`."""

    tracks: tuple[int, ...]
    values: Floats

    def __post_init__(self) -> None:
        check(self.values, (len(self.tracks), 52), np.float32, "Scores.values")


@dataclass(frozen=True, slots=True, repr=False)
class Cues(Packet):
    """What the skin of every face shows, rows in the order of `tracks`.

    folds: (faces, n) strength of wrinkles and shading, in the order of `stages.expression.cues.FOLDS`; only their
    differences between frames of one person mean something. covered: (faces, m) 0..1 how surely something lies over
    each of `stages.expression.cues.REGIONS`. sharpness, light: (faces,) 0..1, 1 is sharp at this size and well lit.
    relief: uint8 (faces, side, side), see `stages.expression.relief`; complexion: uint8 (faces, side, side, 3), see
    `stages.expression.complexion`.
    """

    tracks: tuple[int, ...]
    folds: Floats
    covered: Floats
    sharpness: Floats
    light: Floats
    relief: Bytes
    complexion: Bytes

    def __post_init__(self) -> None:
        check(self.relief, (len(self.tracks), -1, -1), np.uint8, "Cues.relief")
        check(self.complexion, (len(self.tracks), -1, -1, 3), np.uint8, "Cues.complexion")
        for name in ("folds", "covered"):
            check(getattr(self, name), (len(self.tracks), -1), np.float32, f"Cues.{name}")
        for name in ("sharpness", "light"):
            check(getattr(self, name), (len(self.tracks),), np.float32, f"Cues.{name}")


@dataclass(frozen=True, slots=True, repr=False)
class Neutral(ShowsShapes):
    """One person's face at rest, with which every picture is compared.

    shape: (478, 3) face space, as of `stages.expression.coder.Sight`. relief: (side, side) contrast, no NaN. scores:
    (52,). folds: (n,) as of `Cues`. known: whether it is the person's own; False for the average neutral.
    """

    shape: Floats
    relief: Floats
    scores: Floats
    folds: Floats
    known: bool = True

    def __post_init__(self) -> None:
        check(self.shape, (478, 3), np.float32, "Neutral.shape")
        check(self.relief, (-1, -1), np.float32, "Neutral.relief")
        check(self.scores, (52,), np.float32, "Neutral.scores")
        check(self.folds, (-1,), np.float32, "Neutral.folds")


@dataclass(frozen=True, slots=True, repr=False)
class Neutrals(Packet):
    """The neutrals of a clip's people in the order of `tracks`; the same packet on every frame until more is known."""

    tracks: tuple[int, ...]
    faces: tuple[Neutral, ...]

    def of(self, track: int) -> Neutral | None:
        """One person's, if there is one."""
        return self.faces[self.tracks.index(track)] if track in self.tracks else None
