"""Who a face is: embeddings, whose cosine distance is small between pictures of one person.

Networks differ in what distance means "the same person": the threshold is part of the embedder, measured on the sample
clips (docs/embeddings.md). Only vectors of embedders with the same key may be compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from stages.backend import Model
from stages.contract import MapStage
from stages.errors import ConfigError
from stages.faces.chips import CHIPS, Chip
from stages.packets import Face, Faces, Floats, Frame, Prints

Layout = Literal["dlib_150", "arcface_112_v2"]


@dataclass(frozen=True, kw_only=True)
class Planar:
    """How a network that was not converted by us takes a picture: float32 [1,3,h,w], (value - shift) / scale.

    order: of the channels. shift, scale: in 8-bit codes.
    """

    order: Literal["rgb", "bgr"] = "rgb"
    shift: float = 127.5
    scale: float = 127.5

    def __post_init__(self) -> None:
        if self.order not in ("rgb", "bgr"):
            raise ConfigError(f"embed.input.order: must be rgb or bgr, not {self.order!r}")
        if not self.scale > 0:
            raise ConfigError(f"embed.input.scale: must be above 0, not {self.scale}")

    def feed(self, chip: NDArray[np.uint8]) -> Floats:
        """(side, side, 3) RGB -> what the network takes."""
        ordered = chip if self.order == "rgb" else chip[..., ::-1]
        planes = (ordered.astype(np.float32) - np.float32(self.shift)) / np.float32(self.scale)
        return np.ascontiguousarray(planes.transpose(2, 0, 1))[None]


@dataclass(frozen=True, kw_only=True)
class Embedder:
    """One recognition network with the way it wants faces.

    name: what people call it. model: one input (uint8
    [1,side,side,3] RGB, or as `input` says), one output [1,d]. layout: the chip. same: cosine distance, 0..2, up to
    which two pictures show the same person. input: null for models that we converted.
    """

    name: str
    model: Model
    layout: Layout
    same: float
    input: Planar | None = None

    def __post_init__(self) -> None:
        if self.layout not in get_args(Layout):
            raise ConfigError(f"embed.layout: must be one of {', '.join(get_args(Layout))}, not {self.layout!r}")
        if not 0 < self.same < 2:
            raise ConfigError(f"embed.same: must be a cosine distance between 0 and 2, not {self.same}")

    @property
    def key(self) -> str:
        """Name, network and layout, under which its vectors are kept; those of different keys cannot be compared."""
        return f"{self.name}-{self.model.asset.sha256[:12]}-{self.layout}"

    @property
    def chip(self) -> Chip:
        """The aligned square that the network sees."""
        return CHIPS[self.layout]

    def prepare(self) -> None:
        """Open the model.

        Raises:
            ConfigError: it does not take pictures of this layout.
        """
        side = self.chip.side
        wanted = (1, side, side, 3) if self.input is None else (1, 3, side, side)
        taken = self.model.open().native.get_inputs()
        if len(taken) != 1 or not _fits(wanted, taken[0].shape):
            shapes = " and ".join(str(value.shape) for value in taken)
            raise ConfigError(f"embed.layout: {self.model.asset.name} takes {shapes}, but {self.layout} is {wanted}")

    def vector(self, frame: Frame, landmarks: Floats) -> Floats:
        """(d,) of unit length for the face whose (478, 3) landmarks, in luma pixels, are given."""
        chip = self.chip.pixels(frame, landmarks)
        fed: NDArray[Any] = chip[None] if self.input is None else self.input.feed(chip)
        session = self.model.open()
        flat = session.run({session.native.get_inputs()[0].name: fed})[0].astype(np.float32).ravel()
        return _unit(flat)

    def says_same(self, one: Floats, other: Floats) -> bool:
        """Whether two vectors are of one person."""
        return distance(one, other) <= self.same


def _fits(wanted: Sequence[int], shape: Sequence[Any]) -> bool:
    """Whether a shape is the wanted one, or free where it is not."""
    return len(wanted) == len(shape) and all(
        not isinstance(got, int) or got == want for want, got in zip(wanted, shape, strict=True)
    )


def distance(one: Floats, other: Floats) -> float:
    """Cosine distance of two vectors of unit length: 0 same direction, 1 unrelated, 2 opposite."""
    return 1 - float(one @ other)


def mean(vectors: Floats) -> Floats:
    """(d,) of unit length: what (n, d) vectors of one person have in common."""
    return _unit(vectors.mean(0))


def _unit(vector: Floats) -> Floats:
    return vector / np.float32(max(float(np.linalg.norm(vector)), 1e-12))


@dataclass(frozen=True, kw_only=True)
class Embed(MapStage):
    """Who the faces are, on every `every`-th frame; None on the others, and where no face can be judged.

    every: frames, 1 to 1000. smallest: luma pixels of a face's longer side below which it is not
    looked at.
    """

    embedder: Embedder
    every: int = 10
    smallest: float = 48

    def __post_init__(self) -> None:
        if not 1 <= self.every <= 1000:
            raise ConfigError(f"embed.every: must be 1 to 1000 frames, not {self.every}")
        if not self.smallest >= 0:
            raise ConfigError(f"embed.smallest: must be 0 pixels or more, not {self.smallest}")

    def prepare(self) -> None:
        """Open the model."""
        self.embedder.prepare()

    def process(self, frame: Frame, faces: Faces) -> Prints | None:
        """One row for every face that is large enough and was measured, not bridged."""
        seen = [face for face in faces.faces if self._is_clear(face)] if frame.at.index % self.every == 0 else []
        if not seen:
            return None
        rows = np.stack([self.embedder.vector(frame, face.landmarks) for face in seen])
        return Prints(frame.at, tuple(face.track for face in seen), rows)

    def _is_clear(self, face: Face) -> bool:
        return not face.bridged and float(np.max(face.box[2:] - face.box[:2])) >= self.smallest
