"""What travels on the wires: packets with integer time.

A packet is a frozen dataclass that checks its shapes once and prints them instead of its pixels. Absence is a value:
a wire carries `None` for a frame without a face, and whatever depends on it is skipped.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stages import facs

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Stamp:
    """Where a packet sits: which clip, which frame (from 0), at what time (`pts` units of `time_base` seconds)."""

    clip: str
    index: int
    pts: int
    time_base: Fraction

    @property
    def seconds(self) -> float:
        """Presentation time in seconds, for printing only."""
        return float(self.pts * self.time_base)

    def __str__(self) -> str:
        return f"{self.clip} frame {self.index} ({self.seconds:.3f}s)"


class _ShowsShapes:
    """Prints arrays as `float32(478, 3)`."""

    __slots__ = ()

    def __repr__(self) -> str:
        shown = ", ".join(f"{f.name}={_shape(getattr(self, f.name))}" for f in fields(self))  # type: ignore[arg-type]
        return f"{type(self).__name__}({shown})"


def _shape(value: Any) -> str:
    return f"{value.dtype}{tuple(value.shape)}" if isinstance(value, np.ndarray) else repr(value)


def _check(array: NDArray[Any], shape: tuple[int, ...], dtype: type, what: str) -> None:
    fits = array.ndim == len(shape) and all(want in (-1, got) for want, got in zip(shape, array.shape, strict=True))
    if not fits or array.dtype != dtype:
        raise ValueError(f"{what} must be {np.dtype(dtype)}{shape}, not {array.dtype}{array.shape}")


@dataclass(frozen=True, slots=True, repr=False)
class Packet(_ShowsShapes):
    """The base of everything on a wire."""

    at: Stamp


@dataclass(frozen=True, slots=True)
class Colour:
    """ITU-T H.273 code points as FFmpeg numbers them (2 = unspecified); `full_range` is True for 0..2^n-1 codes."""

    matrix: int = 2
    primaries: int = 2
    transfer: int = 2
    full_range: bool = False
    chroma_location: int = 0


@dataclass(frozen=True, slots=True)
class Clip:
    """What is known of a clip before its first frame. `frames` is the container's count, an estimate, or None."""

    path: Path
    name: str
    width: int
    height: int
    time_base: Fraction
    rate: Fraction
    frames: int | None
    pixel_format: str
    colour: Colour
    codec: str
    kind: str  # "video", "sequence" or "still"
    audio_streams: int = 0


@dataclass(frozen=True, slots=True)
class Job:
    """One run of a pipeline: the clip, and the work folder its stages may write into."""

    clip: Clip
    folder: Path


@dataclass(frozen=True, slots=True, repr=False)
class Frame(Packet):
    """A picture in its native pixel format.

    `native` is the `av.VideoFrame` it was decoded into; whoever holds a Frame only reads it. An unedited frame reaches
    the encoder as the very object the decoder made. Access samples through `stages.media.planes`.
    """

    native: Any
    colour: Colour

    @property
    def width(self) -> int:
        """Luma samples a row."""
        return int(self.native.width)

    @property
    def height(self) -> int:
        """Luma rows."""
        return int(self.native.height)

    @property
    def pixel_format(self) -> str:
        """FFmpeg's name, such as `yuv420p10le`."""
        return str(self.native.format.name)


@dataclass(frozen=True, slots=True, repr=False)
class Face(_ShowsShapes):
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
        _check(self.box, (4,), np.float32, "Face.box")
        _check(self.landmarks, (478, 3), np.float32, "Face.landmarks")


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
        _check(self.values, (len(self.tracks), 52), np.float32, "Scores.values")


@dataclass(frozen=True, slots=True, repr=False)
class Cues(Packet):
    """What the skin of every face shows, rows in the order of `tracks`.

    folds: (faces, n) strength of wrinkles and shading, in the order of `stages.expression.cues.FOLDS`; only their
    differences between frames of one person mean something. covered: (faces, m) 0..1 how surely something lies over
    each of `stages.expression.cues.REGIONS`. sharpness, light: (faces,) 0..1, 1 is sharp at this size and well lit.
    relief: uint8 (faces, side, side), see `stages.expression.relief`.
    """

    tracks: tuple[int, ...]
    folds: Floats
    covered: Floats
    sharpness: Floats
    light: Floats
    relief: Bytes

    def __post_init__(self) -> None:
        _check(self.relief, (len(self.tracks), -1, -1), np.uint8, "Cues.relief")
        for name in ("folds", "covered"):
            _check(getattr(self, name), (len(self.tracks), -1), np.float32, f"Cues.{name}")
        for name in ("sharpness", "light"):
            _check(getattr(self, name), (len(self.tracks),), np.float32, f"Cues.{name}")


@dataclass(frozen=True, slots=True, repr=False)
class Neutral(_ShowsShapes):
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
        _check(self.shape, (478, 3), np.float32, "Neutral.shape")
        _check(self.relief, (-1, -1), np.float32, "Neutral.relief")
        _check(self.scores, (52,), np.float32, "Neutral.scores")
        _check(self.folds, (-1,), np.float32, "Neutral.folds")


@dataclass(frozen=True, slots=True, repr=False)
class Neutrals(Packet):
    """The neutrals of a clip's people in the order of `tracks`; the same packet on every frame until more is known."""

    tracks: tuple[int, ...]
    faces: tuple[Neutral, ...]

    def of(self, track: int) -> Neutral | None:
        """One person's, if there is one."""
        return self.faces[self.tracks.index(track)] if track in self.tracks else None


@dataclass(frozen=True, slots=True, repr=False)
class FaceUnits(_ShowsShapes):
    """Action Units of one face in one frame.

    values: (facs.COUNT, 2) intensities 0..5 (FACS A..E = 1..5; what a gain asks for may go to 10), columns performer's
    left and right; equal where FACS has no sides. confidence: (facs.COUNT,) 0..1. pose: (3,) head yaw, pitch, roll in
    degrees (right-handed; yaw > 0 turns toward the performer's left, pitch > 0 looks up, roll > 0 tilts toward the
    performer's right shoulder).
    """

    track: int
    values: Floats
    confidence: Floats
    pose: Floats

    def __post_init__(self) -> None:
        _check(self.values, (facs.COUNT, 2), np.float32, "FaceUnits.values")
        _check(self.confidence, (facs.COUNT,), np.float32, "FaceUnits.confidence")
        _check(self.pose, (3,), np.float32, "FaceUnits.pose")


@dataclass(frozen=True, slots=True, repr=False)
class Units(Packet):
    """Action Units of every face of a frame, in order of track id."""

    faces: tuple[FaceUnits, ...]


@dataclass(frozen=True, slots=True, repr=False)
class Edit(_ShowsShapes):
    """A face region before and after an edit.

    box: x0, y0, x1, y1 in luma pixels, aligned to the chroma grid and inside the frame. before, after: (h, w, 3)
    float32 non-linear R'G'B', nominal 0..1 (may go beyond; never clipped). mask: (h, w) float32 0..1, how much of the
    difference is written back.
    """

    track: int
    box: tuple[int, int, int, int]
    before: Floats
    after: Floats
    mask: Floats

    def __post_init__(self) -> None:
        x0, y0, x1, y1 = self.box
        for name in ("before", "after"):
            _check(getattr(self, name), (y1 - y0, x1 - x0, 3), np.float32, f"Edit.{name}")
        _check(self.mask, (y1 - y0, x1 - x0), np.float32, "Edit.mask")


@dataclass(frozen=True, slots=True, repr=False)
class Edits(Packet):
    """The edited regions of a frame, one per face that changes."""

    edits: tuple[Edit, ...]
