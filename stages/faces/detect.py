"""Face detectors: where faces are in a frame, from scratch.

`Near` is BlazeFace (Bazarevsky et al. 2019): 1 to 2 ms, finds faces that fill about a tenth of the picture or more.
`Group` is CenterFace (Xu et al. 2020): slower, finds small faces and many of them. `Both` asks the first and, where
that finds too few, the second.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from stages.backend import Model
from stages.errors import ConfigError
from stages.faces.roi import overlap
from stages.media import planes
from stages.packets import Floats, Frame


@dataclass(frozen=True, slots=True)
class Detection:
    """A face. box: (4,) x0, y0, x1, y1; right_eye, left_eye (the performer's): (2,); luma pixels. score: 0..1."""

    box: Floats
    score: float
    right_eye: Floats
    left_eye: Floats


class Detector(ABC):
    """Finds faces."""

    @abstractmethod
    def find(self, frame: Frame, wanted: int = 1) -> tuple[Detection, ...]:
        """The faces of a frame, best first. `wanted` is how many the caller hopes for; more may come."""

    def prepare(self) -> None:  # noqa: B027 - a detector without a model needs nothing
        """Load the models."""


@dataclass(frozen=True, kw_only=True)
class _OneModel(Detector):
    """What the detectors with a single model share.

    min_score: 0..1, what a candidate must reach. max_overlap: 0..1, of two candidates whose boxes share more than this
    (intersection over union) the better stays.
    """

    model: Model
    min_score: float = 0.5
    max_overlap: float = 0.3

    def __post_init__(self) -> None:
        for name in ("min_score", "max_overlap"):
            if not 0 < getattr(self, name) < 1:
                raise ConfigError(f"detect.{name}: must lie between 0 and 1, not {getattr(self, name)}")

    def prepare(self) -> None:
        """Open the model."""
        self.model.open()


@dataclass(frozen=True, kw_only=True)
class Near(_OneModel):
    """BlazeFace, short range. model: image uint8 [1,128,128,3] -> boxes [1,896,16], logits [1,896,1]."""

    def find(self, frame: Frame, wanted: int = 1) -> tuple[Detection, ...]:
        """Faces that fill about a tenth of the picture or more."""
        side = max(frame.width, frame.height)
        left, top = (side - frame.width) // 2, (side - frame.height) // 2
        square = (-left, -top, side - left, side - top)
        boxes, logits = self.model.run({"image": planes.rgb8(frame, square, (128, 128), fill="black")[None]})
        scores = _sigmoid(logits[0, :, 0])
        kept = np.flatnonzero(scores >= self.min_score)
        # Offsets are in pixels of the 128 input, relative to the anchor; 0..1 of the square from here on.
        values = boxes[0, kept].reshape(-1, 8, 2) / 128
        values[:, 0] += self._anchors[kept]
        values[:, 2:] += self._anchors[kept][:, None]
        values *= side
        values[:, [0, *range(2, 8)]] -= (left, top)
        return _best([_near(value, scores[index]) for value, index in zip(values, kept, strict=True)], self.max_overlap)

    @cached_property
    def _anchors(self) -> Floats:
        """(896, 2) centres of the cells: two a cell on the 16 x 16 grid, six on the 8 x 8 one."""
        grids = [
            np.repeat(np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2), count, axis=0)
            for axis, count in (((np.arange(16) + 0.5) / 16, 2), ((np.arange(8) + 0.5) / 8, 6))
        ]
        return np.concatenate(grids).astype(np.float32)


@dataclass(frozen=True, kw_only=True)
class Group(_OneModel):
    """CenterFace. model: image uint8 [1,h,w,3] -> heat, size, offset, points on a grid of a quarter of that.

    side: longer side, in pixels, that the frame is reduced to; time grows with its square, the smallest face found is
    about 16 pixels of it. 256 to 1280.
    """

    side: int = 640

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 128 <= self.side <= 4096:
            raise ConfigError(f"detect.side: must be 128 to 4096 pixels, not {self.side}")

    def find(self, frame: Frame, wanted: int = 1) -> tuple[Detection, ...]:
        """Faces of any size down to about 16 pixels at `side`."""
        shrink = min(1.0, self.side / max(frame.width, frame.height))
        width, height = (math.ceil(length * shrink / 32) * 32 for length in (frame.width, frame.height))
        heat, size, offset, points = self.model.run({"image": planes.rgb8(frame, None, (width, height))[None]})
        scale = np.array([frame.width / width, frame.height / height], np.float32)
        rows, columns = np.nonzero(heat[0, 0] >= self.min_score)
        found = []
        for row, column in zip(rows, columns, strict=True):
            sides = np.exp(size[0, ::-1, row, column]) * 4
            corner = (np.array([column, row]) + offset[0, ::-1, row, column] + 0.5) * 4 - sides / 2
            # Points come as y, x pairs in units of the box: the eye on the picture's left first, the performer's right.
            marks = points[0, :, row, column].reshape(5, 2)[:, ::-1] * sides + corner
            box = np.concatenate([corner * scale, (corner + sides) * scale])
            found.append(_detection(box, float(heat[0, 0, row, column]), marks[0] * scale, marks[1] * scale))
        return _best(found, self.max_overlap)


@dataclass(frozen=True, kw_only=True)
class Both(Detector):
    """`near` first; where it finds fewer faces than wanted, those that `group` finds beside them.

    max_overlap: 0..1, a face of `group` whose box shares more than this with one of `near` is the same face.
    """

    near: Detector
    group: Detector
    max_overlap: float = 0.3

    def __post_init__(self) -> None:
        if not 0 < self.max_overlap < 1:
            raise ConfigError(f"detect.max_overlap: must lie between 0 and 1, not {self.max_overlap}")

    def prepare(self) -> None:
        """Open both models."""
        self.near.prepare()
        self.group.prepare()

    def find(self, frame: Frame, wanted: int = 1) -> tuple[Detection, ...]:
        """The faces of both; where they find the same face, the near detector's."""
        close = self.near.find(frame, wanted)
        if len(close) >= wanted:
            return close
        rest = self.group.find(frame, wanted)
        return close + tuple(
            face for face in rest if all(overlap(face.box, known.box) <= self.max_overlap for known in close)
        )


def _near(values: Floats, score: float) -> Detection:
    centre, half = values[0], values[1] / 2
    return _detection(np.concatenate([centre - half, centre + half]), float(score), values[2], values[3])


def _detection(box: NDArray, score: float, right_eye: NDArray, left_eye: NDArray) -> Detection:
    return Detection(box.astype(np.float32), score, right_eye.astype(np.float32), left_eye.astype(np.float32))


def _best(found: list[Detection], max_overlap: float) -> tuple[Detection, ...]:
    kept: list[Detection] = []
    for face in sorted(found, key=lambda face: -face.score):
        if all(overlap(face.box, better.box) <= max_overlap for better in kept):
            kept.append(face)
    return tuple(kept)


def _sigmoid(logits: Floats) -> Floats:
    return (1 / (1 + np.exp(-np.clip(logits, -60, 60)))).astype(np.float32)
