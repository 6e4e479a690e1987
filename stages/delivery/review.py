"""The review picture: source and result side by side."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from stages.delivery import film
from stages.errors import ConfigError
from stages.media.encode import Delivering, EncoderState
from stages.media.planes import rgb8
from stages.packets import Frame, Job


@dataclass(frozen=True, kw_only=True)
class SideBySide(Delivering):
    """Writes `review.mp4` into the job's folder: source left, result right, at the source's times, without sound.

    width: widest the whole picture may be, in pixels. crf, preset: quality and speed of x264. labels: burn in "source"
    and "result".
    """

    width: int = 1280
    crf: float = 23
    preset: str = "superfast"
    labels: bool = True

    def __post_init__(self) -> None:
        if not 160 <= self.width <= 8192:
            raise ConfigError(f"review.width must be 160 to 8192 pixels, not {self.width}")
        if not 0 <= self.crf <= 51:
            raise ConfigError(f"review.crf must be 0 to 51, not {self.crf}")

    def begin(self, job: Job) -> EncoderState:
        """Open the file."""
        width, height = half(job.clip.shown, self.width)
        return film.opened(job, (2 * width, height), self.preset, self.crf)

    def process(self, state: EncoderState, before: Frame, after: Frame) -> None:
        """Encode one pair."""
        size = half((before.width, before.height), self.width)
        halves = [self._half(frame, size, label) for frame, label in ((before, "source"), (after, "result"))]
        film.show(state, np.hstack(halves), before.at)

    def _half(self, frame: Frame, size: tuple[int, int], label: str) -> NDArray[np.uint8]:
        picture = rgb8(frame, None, size)
        if self.labels:
            scale = max(0.5, size[1] / 600)
            for colour, thickness in (((0, 0, 0), 4), ((255, 255, 255), 1)):
                at = (8, round(26 * scale) + 4)
                cv2.putText(picture, label, at, cv2.FONT_HERSHEY_SIMPLEX, scale, colour, thickness, cv2.LINE_AA)
        return picture


def half(shown: tuple[int, int], width: int, height: int | None = None) -> tuple[int, int]:
    """Size of one of two equal pictures that are `width` wide together and at most `height` high, even; never enlarged.

    shown: width and height of the upright frame.
    """
    scale = min(1.0, width / (2 * shown[0]), (height or shown[1]) / shown[1])
    return max(2, int(shown[0] * scale) // 2 * 2), max(2, int(shown[1] * scale) // 2 * 2)
