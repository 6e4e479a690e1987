"""Who a face is: embeddings, whose cosine distance is small between pictures of one person.

Networks differ in what distance means "the same person": the threshold is part of the embedder, measured on the sample
clips (docs/embeddings.md). Only vectors of embedders with the same name may be compared.
"""

from __future__ import annotations

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

    name: under which its vectors are kept; vectors of different names cannot be compared. model: one input (uint8
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
    def chip(self) -> Chip:
        """The aligned square that the network sees."""
        return CHIPS[self.layout]

    def prepare(self) -> None:
        """Open the model."""
        self.model.open()

    def vector(self, frame: Frame, landmarks: Floats) -> Floats:
        """(d,) of unit length for the face whose (478, 3) landmarks, in luma pixels, are given.

        Raises:
            ConfigError: the network makes no such vector of such a picture.
        """
        chip = self.chip.pixels(frame, landmarks)
        fed: NDArray[Any] = chip[None] if self.input is None else self.input.feed(chip)
        try:
            values = self.model.run({self.model.open().native.get_inputs()[0].name: fed})[0]
        except (RuntimeError, ValueError) as error:
            raise ConfigError(f"embed.input: {self.model.asset.name} does not take such pictures: {error}") from error
        flat = np.asarray(values, np.float32).ravel()
        return flat / max(float(np.linalg.norm(flat)), 1e-12)


def distance(one: Floats, other: Floats) -> float:
    """Cosine distance of two vectors of unit length: 0 same direction, 1 unrelated, 2 opposite."""
    return 1 - float(one @ other)


def mean(vectors: Floats) -> Floats:
    """(d,) of unit length: what (n, d) vectors of one person have in common."""
    total: Floats = vectors.mean(0)
    return total / max(float(np.linalg.norm(total)), 1e-12)


@dataclass(frozen=True, kw_only=True)
class Embed(MapStage):
    """Who the faces are, on every `every`-th frame; None on the others, and where no face can be judged.

    every: frames, 1 to 1000. smallest: luma pixels of a face's longer side below which it is not looked at. turned:
    degrees of yaw beyond which it is not, by the place of the nose between the eyes.
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
