"""What moves, what was hidden, how skin changes, and the edit that comes of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from stages import facs
from stages.packets.base import Floats, Packet, ShowsShapes, check
from stages.packets.clip import Frame


@dataclass(frozen=True, slots=True, repr=False)
class Motion(ShowsShapes):
    """How one person's skin moves.

    displacement: (facs.COUNT, 2, 478, 3) face space, by one unit of intensity, as `stages.expression.basis.Basis`.
    """

    track: int
    displacement: Floats

    def __post_init__(self) -> None:
        check(self.displacement, (facs.COUNT, 2, 478, 3), np.float32, "Motion.displacement")


@dataclass(frozen=True, slots=True, repr=False)
class Motions(Packet):
    """How each of a clip's people moves; the same packet on every frame."""

    motions: tuple[Motion, ...]

    def of(self, track: int) -> Motion | None:
        """One person's, if there is one."""
        return next((motion for motion in self.motions if motion.track == track), None)


@dataclass(frozen=True, slots=True, repr=False)
class Page(ShowsShapes):
    """A face worth remembering: of the frames of a clip, one that shows what others hide.

    box: x0, y0, x1, y1 in luma pixels of the frame it was taken from, around face and neck. pixels: (h, w, 3) float16
    non-linear R'G'B', nominal 0..1, the box at its own size or smaller. landmarks: (478, 3) luma pixels of the frame.
    scores: (52,) blendshape scores. pose: (3,) yaw, pitch, roll in degrees.
    """

    track: int
    box: tuple[int, int, int, int]
    pixels: NDArray[np.float16]
    landmarks: Floats
    scores: Floats
    pose: Floats

    def __post_init__(self) -> None:
        check(self.pixels, (-1, -1, 3), np.float16, "Page.pixels")
        check(self.landmarks, (478, 3), np.float32, "Page.landmarks")
        check(self.scores, (52,), np.float32, "Page.scores")
        check(self.pose, (3,), np.float32, "Page.pose")


@dataclass(frozen=True, slots=True, repr=False)
class Pages(Packet):
    """What this frame adds to the clip's album; absent on most frames."""

    pages: tuple[Page, ...]


@dataclass(frozen=True, slots=True, repr=False)
class Donor(ShowsShapes):
    """What lies behind a closed eye or mouth, or the lid of an open eye, from another frame of the clip.

    opening: 0 right eye, 1 left eye, 2 mouth, as `stages.render.mesh.OPENINGS`. pixels: (h, w, 3) float16 non-linear
    R'G'B'. places: (n, 2) where the vertices of `stages.render.mesh` lie in `pixels`.
    """

    track: int
    opening: int
    pixels: NDArray[np.float16]
    places: Floats

    def __post_init__(self) -> None:
        check(self.pixels, (-1, -1, 3), np.float16, "Donor.pixels")
        check(self.places, (-1, 2), np.float32, "Donor.places")


@dataclass(frozen=True, slots=True, repr=False)
class Donors(Packet):
    """What may be shown in this frame that the frame itself hides."""

    donors: tuple[Donor, ...]


@dataclass(frozen=True, slots=True, repr=False)
class Texture(ShowsShapes):
    """How one person's skin looks different as units are at work: wrinkles and shading.

    units: (k,) rows of `facs.UNITS`; sides: (k,) 0 performer's left, 1 right, 2 both. change: (k, side, side) float16,
    natural logarithm of the ratio of luminance by an intensity of 1, on the unwrapped face (`stages.expression.chart`).
    """

    track: int
    units: NDArray[np.int64]
    sides: NDArray[np.int64]
    change: NDArray[np.float16]

    def __post_init__(self) -> None:
        for name in ("units", "sides"):
            check(getattr(self, name), (len(self.change),), np.int64, f"Texture.{name}")
        check(self.change, (-1, -1, -1), np.float16, "Texture.change")


@dataclass(frozen=True, slots=True, repr=False)
class Textures(Packet):
    """The textures of a clip's people; the same packet on every frame."""

    textures: tuple[Texture, ...]

    def of(self, track: int) -> Texture | None:
        """One person's, if there is one."""
        return next((texture for texture in self.textures if texture.track == track), None)


@dataclass(frozen=True, slots=True, repr=False)
class Plain(ShowsShapes):
    """One person's skin at rest, without its light, on the unwrapped face (`stages.expression.chart`).

    detail: (SIZE, SIZE) float16, natural logarithm of luma less that of the skin around. sure: (SIZE, SIZE) float16
    0..1, how far that can be believed.
    """

    track: int
    detail: NDArray[np.float16]
    sure: NDArray[np.float16]

    def __post_init__(self) -> None:
        check(self.detail, (-1, -1), np.float16, "Plain.detail")
        check(self.sure, (-1, -1), np.float16, "Plain.sure")


@dataclass(frozen=True, slots=True, repr=False)
class Plains(Packet):
    """The skin of a clip's people at rest; the same packet on every frame."""

    plains: tuple[Plain, ...]

    def of(self, track: int) -> Plain | None:
        """One person's, if it is known."""
        return next((plain for plain in self.plains if plain.track == track), None)


@dataclass(frozen=True, slots=True, repr=False)
class Edit(ShowsShapes):
    """A face region before and after an edit.

    box: x0, y0, x1, y1 in luma pixels, aligned to the chroma grid and inside the frame. before, after: (h, w, 3)
    float32 non-linear R'G'B', nominal 0..1 (may go beyond; never clipped). mask: (h, w) float32 0..1, how much of the
    difference is written back. places, sources: (n, 2) luma pixels of the frame, where the vertices of
    `stages.render.mesh` lie after the edit and where their pixels come from; (0, 2) if no mesh was drawn.
    """

    track: int
    box: tuple[int, int, int, int]
    before: Floats
    after: Floats
    mask: Floats
    places: Floats = field(default_factory=lambda: np.zeros((0, 2), np.float32))
    sources: Floats = field(default_factory=lambda: np.zeros((0, 2), np.float32))

    stride: ClassVar[int] = 1
    """Luma pixels from one sample of the mask to the next."""

    def __post_init__(self) -> None:
        x0, y0, x1, y1 = self.box
        for name in ("before", "after"):
            check(getattr(self, name), (y1 - y0, x1 - x0, 3), np.float32, f"Edit.{name}")
        check(self.mask, (y1 - y0, x1 - x0), np.float32, "Edit.mask")
        for name in ("places", "sources"):
            check(getattr(self, name), (-1, 2), np.float32, f"Edit.{name}")


@dataclass(frozen=True, slots=True, repr=False)
class Moved(ShowsShapes):
    """A face region whose pixels only move: an `Edit` that need not be drawn to be written back.

    box, places, sources: as of `Edit`. frame: what moves. offsets: (2, ceil(h / 2), ceil(w / 2)) float32 dx, dy in luma
    pixels from where a value goes to where it is taken from. mask: (ceil(h / 2), ceil(w / 2)) float32 0..1. Both hold
    for the middle of two by two pixels and are linear between. painted: what lies on top of what has moved, in a box
    inside this one. `stages.media.planes.drawn` makes an `Edit` of it.
    """

    track: int
    box: tuple[int, int, int, int]
    frame: Frame
    offsets: Floats
    mask: Floats
    places: Floats
    sources: Floats
    painted: Edit | Painted | None = None

    stride: ClassVar[int] = 2
    """Luma pixels from one sample of the mask to the next."""

    def __post_init__(self) -> None:
        x0, y0, x1, y1 = self.box
        half = -((y0 - y1) // self.stride), -((x0 - x1) // self.stride)
        check(self.offsets, (2, *half), np.float32, "Moved.offsets")
        check(self.mask, half, np.float32, "Moved.mask")
        for name in ("places", "sources"):
            check(getattr(self, name), (-1, 2), np.float32, f"Moved.{name}")
        if self.painted is not None and not _inside(self.painted.box, self.box):
            raise ValueError(f"a face was painted over {self.painted.box}, its edit covers {self.box}")


@dataclass(frozen=True, slots=True, repr=False)
class Painted(ShowsShapes):
    """A texture on a face: an `Edit` that need not be drawn to be written back.

    box, places, sources: as of `Edit`. under: what it is painted on, in a box around this
    one. samples: (6, ceil(h / 2),
    ceil(w / 2)) float32 column and row in the texture, factors on red, green and blue, and share 0..1 that is painted;
    0 beside the face. mask: (ceil(h / 2), ceil(w / 2)) float32 0..1, how much of the difference is written back. Both
    hold for the middle of two by two pixels and are linear between. texture: (side, side) as `stages.media.painting`
    packs it. `stages.media.planes.drawn` makes an `Edit` of it.
    """

    track: int
    box: tuple[int, int, int, int]
    under: Moved
    samples: Floats
    mask: Floats
    texture: NDArray[np.uint64]
    places: Floats
    sources: Floats

    stride: ClassVar[int] = 2
    """Luma pixels from one sample of the mask to the next."""

    def __post_init__(self) -> None:
        x0, y0, x1, y1 = self.box
        half = -((y0 - y1) // self.stride), -((x0 - x1) // self.stride)
        check(self.samples, (6, *half), np.float32, "Painted.samples")
        check(self.mask, half, np.float32, "Painted.mask")
        check(self.texture, (-1, -1), np.uint64, "Painted.texture")
        for name in ("places", "sources"):
            check(getattr(self, name), (-1, 2), np.float32, f"Painted.{name}")
        if not _inside(self.box, self.under.box):
            raise ValueError(f"a face was painted over {self.box}, its edit covers {self.under.box}")


Region = Edit | Moved | Painted
"""A face that changes, however far it is drawn."""


def _inside(box: tuple[int, int, int, int], whole: tuple[int, int, int, int]) -> bool:
    return box[0] >= whole[0] and box[1] >= whole[1] and box[2] <= whole[2] and box[3] <= whole[3]


@dataclass(frozen=True, slots=True, repr=False)
class Edits(Packet):
    """The edited regions of a frame, one per face that changes."""

    edits: tuple[Region, ...]

    def having(self, made: tuple[Region, ...]) -> Edits:
        """These regions instead, in the very same packet where they are the very same."""
        alike = len(made) == len(self.edits) and all(new is old for new, old in zip(made, self.edits, strict=True))
        return self if alike else Edits(self.at, made)
