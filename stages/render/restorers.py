"""Networks that make a face crisp again: super-resolution of the region, and restorers of aligned face crops.

Both give back what they would add to the picture, so that what is finer than they can make stays as it was. They invent
texture: how much of it is let through, and where, is `stages.render.enhance`'s business.
"""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from stages.backend import Model
from stages.errors import ConfigError, ModelError
from stages.faces import templates
from stages.packets import Floats

Box = tuple[float, float, float, float]

_FLOATS: Final = {"tensor(float)": np.float32, "tensor(double)": np.float64}
_RIM: Final = 0.06
"""Share of a crop's side over which what it adds fades out toward its border."""


class Restorer(ABC):
    """What knows how a face should look up close."""

    @abstractmethod
    def prepare(self) -> None:
        """Open the model, and see that it is one of the right kind."""

    @abstractmethod
    def reach(self, points: Floats, box: Box) -> Box:
        """The part of the frame, x0, y0, x1, y1 in pixels, that is looked at for an edit of `box`.

        points: (468+, 2) the face's mesh in the frame, in pixels.
        """

    @abstractmethod
    def added(self, picture: Floats, points: Floats) -> Floats:
        """What to add to a picture, both (h, w, 3) float32 non-linear R'G'B'.

        points: (468+, 2) where the face's mesh lies in it.
        """


@dataclass(frozen=True, kw_only=True)
class SuperResolution(Restorer):
    """Shrink the region and let a network enlarge it again (Real-ESRGAN, Wang et al. 2021).

    model: image float32 [1,h,w,3] R'G'B' 0..1 -> [1,scale*h,scale*w,3]. size: longest side in pixels of what the
    network is given, 48..1024; a larger region is shrunk to it, so what is softer than that comes out crisp. tile: it
    is given in squares of so many pixels, 32..1024, which bounds memory; overlap: pixels around a tile, 0..32, that are
    seen and thrown away.
    """

    model: Model
    scale: int = 4
    size: int = 160
    tile: int = 128
    overlap: int = 10

    def __post_init__(self) -> None:
        limits = {"scale": (1, 8), "size": (48, 1024), "tile": (32, 1024), "overlap": (0, 32)}
        for name, (low, high) in limits.items():
            if not low <= getattr(self, name) <= high:
                raise ConfigError(f"enhance.{name} must be {low}..{high}, it is {getattr(self, name)}")

    def prepare(self) -> None:
        """Open the network."""
        self.model.open()

    def reach(self, points: Floats, box: Box) -> Box:
        """The edited region itself."""
        return box

    def added(self, picture: Floats, points: Floats) -> Floats:
        """The enlarged picture less the picture as it looks at no higher resolution."""
        height, width = picture.shape[:2]
        share = min(1.0, self.size / max(height, width))
        small = _resized(picture, (max(round(width * share), 1), max(round(height * share), 1)))
        large = self._enlarged(np.clip(small, 0, 1))
        limited = picture
        if large.shape[0] < height:
            limited = _resized(_resized(picture, (large.shape[1], large.shape[0])), (width, height))
        more: Floats = _resized(large, (width, height)) - np.clip(limited, 0, 1)
        return more

    def _enlarged(self, picture: Floats) -> Floats:
        """(scale h, scale w, 3), tile by tile."""
        height, width = picture.shape[:2]
        out = np.empty((height * self.scale, width * self.scale, 3), np.float32)
        for y0, y1 in _spans(height, self.tile):
            for x0, x1 in _spans(width, self.tile):
                top, left = max(y0 - self.overlap, 0), max(x0 - self.overlap, 0)
                seen = picture[top : y1 + self.overlap, left : x1 + self.overlap]
                (made,) = self.model.run({"image": np.ascontiguousarray(seen)[None]})
                rows = slice((y0 - top) * self.scale, (y1 - top) * self.scale)
                columns = slice((x0 - left) * self.scale, (x1 - left) * self.scale)
                out[y0 * self.scale : y1 * self.scale, x0 * self.scale : x1 * self.scale] = made[0][rows, columns]
        return out


@dataclass(frozen=True, kw_only=True)
class AlignedFace(Restorer):
    """A network of the GFPGAN kind: an aligned crop in, the restored crop out.

    model: one float input [1,3,size,size], R'G'B' in -1..1, and its like as first output; where `fidelity` is given
    also one number [1], how faithful to stay (CodeFormer, Zhou et al. 2022: 0 invents freely, 1 stays close).
    template: see `stages.faces.templates`. size: pixels of the crop.
    """

    model: Model
    template: str = "ffhq_512"
    size: int = 512
    fidelity: float | None = None

    def __post_init__(self) -> None:
        if self.template not in templates.TEMPLATES:
            raise ConfigError(
                f"enhance.template must be one of {', '.join(templates.TEMPLATES)}, not {self.template!r}"
            )
        if not 64 <= self.size <= 2048:
            raise ConfigError(f"enhance.size must be 64..2048, it is {self.size}")
        if self.fidelity is not None and not 0 <= self.fidelity <= 1:
            raise ConfigError(f"enhance.fidelity must be 0..1, it is {self.fidelity}")

    def prepare(self) -> None:
        """Open the model.

        Raises:
            ModelError: its inputs are not those of such a network.
        """
        self._feeds(np.zeros((1, 3, self.size, self.size), np.float32))

    def reach(self, points: Floats, box: Box) -> Box:
        """The aligned crop and the edited region."""
        corners = self._corners(points)
        low, high = corners.min(0), corners.max(0)
        return min(low[0], box[0]), min(low[1], box[1]), max(high[0], box[2]), max(high[1], box[3])

    def added(self, picture: Floats, points: Floats) -> Floats:
        """The restored crop less the crop, laid back over the picture."""
        matrix = templates.similarity(templates.five_points(points), self.template, self.size)
        shrinks = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
        soft = cv2.GaussianBlur(picture, (0, 0), 0.5 / shrinks) if shrinks < 0.7 else picture
        crop = cv2.warpAffine(soft, matrix, (self.size,) * 2, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        crop = np.clip(crop, 0, 1)
        made = self.model.run(self._feeds(crop.transpose(2, 0, 1)[None] * 2 - 1))[0][0]
        more = (made.transpose(1, 2, 0).astype(np.float32) / 2 + 0.5 - crop) * _inside(self.size)
        flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        back: Floats = cv2.warpAffine(more, matrix, picture.shape[1::-1], flags=flags, borderMode=cv2.BORDER_CONSTANT)
        return back

    def _corners(self, points: Floats) -> NDArray[np.float64]:
        matrix = templates.similarity(templates.five_points(points), self.template, self.size)
        square = np.array([(0, 0), (0, 1), (1, 0), (1, 1)]) * self.size
        back = cv2.invertAffineTransform(matrix)
        placed: NDArray[np.float64] = square @ back[:, :2].T + back[:, 2]
        return placed

    def _feeds(self, crop: Floats) -> dict[str, NDArray[Any]]:
        feeds: dict[str, NDArray[Any]] = {}
        for one in self.model.open().inputs:
            kind = _FLOATS.get(one.kind)
            if kind is not None and _fits(one.shape, crop.shape):
                feeds[one.name] = np.ascontiguousarray(crop, kind)
            elif kind is not None and self.fidelity is not None and len(one.shape) <= 1:
                feeds[one.name] = np.full(len(one.shape) * (1,), self.fidelity, kind)
            else:
                raise ModelError(f"{self.model.asset.name}: takes {one}; {self._wanted()}")
        if len(feeds) != 1 + (self.fidelity is not None):
            raise ModelError(f"{self.model.asset.name}: takes {len(feeds)} inputs; {self._wanted()}")
        return feeds

    def _wanted(self) -> str:
        number = "" if self.fidelity is None else ", and one number"
        return (
            f"this option is for networks that take 1x3x{self.size}x{self.size} floats{number}; choose another enhance"
        )


def _fits(shape: tuple[int | str | None, ...], wanted: tuple[int, ...]) -> bool:
    """Whether an input of that shape, free where it is not a number, takes an array of this one."""
    free = (one for one in zip(shape, wanted, strict=False) if isinstance(one[0], int))
    return len(shape) == len(wanted) and all(has == want for has, want in free)


def _spans(length: int, tile: int) -> Iterator[tuple[int, int]]:
    """Equal parts of at most `tile`."""
    count = -(-length // tile)
    edges = [round(i * length / count) for i in range(count + 1)]
    return itertools.pairwise(edges)


def _resized(picture: Floats, size: tuple[int, int]) -> Floats:
    """(columns, rows); averaged where it shrinks, cubic where it grows."""
    if picture.shape[1::-1] == size:
        return picture
    how = cv2.INTER_AREA if size[0] < picture.shape[1] else cv2.INTER_CUBIC
    out: Floats = cv2.resize(picture, size, interpolation=how)
    return out


def _inside(size: int) -> Floats:
    """(size, size, 1) 1, falling to 0 at the border."""
    far = np.minimum(np.arange(size), np.arange(size)[::-1]) / (size * _RIM)
    ramp = np.clip(far, 0, 1).astype(np.float32)
    soft = ramp * ramp * (3 - 2 * ramp)
    weight: Floats = (soft[:, None] * soft[None])[..., None]
    return weight
