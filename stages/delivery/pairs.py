"""Frames before and after, small, kept until it is known what was achieved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from stages.contract import MapStage
from stages.delivery.review import half
from stages.errors import ConfigError
from stages.media.planes import rgb8
from stages.packets import Bytes, Frame, Pair

_WHOLE: Final = (cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444)


def fitted(shown: tuple[int, int], width: int) -> tuple[int, int]:
    """Size of one of the two pictures in a film of `width` pixels; upright ones are no higher than half of it."""
    return half(shown, width, width // 2)


@dataclass(frozen=True, kw_only=True)
class MakePairs(MapStage):
    """Make both pictures small and code them. width: of the film they are for, in pixels. quality: of JPEG, 50..100."""

    width: int = 1280
    quality: int = 92

    def __post_init__(self) -> None:
        if not 50 <= self.quality <= 100:
            raise ConfigError(f"review.pairs.quality must be 50 to 100, not {self.quality}")

    def process(self, before: Frame, after: Frame) -> Pair:
        """Both in R'G'B'; the very same frame is coded once."""
        first = self._coded(before)
        return Pair(before.at, first, first if after is before else self._coded(after))

    def _coded(self, frame: Frame) -> Bytes:
        picture = rgb8(frame, None, fitted((frame.width, frame.height), self.width))
        done, coded = cv2.imencode(".jpg", picture[:, :, ::-1], (cv2.IMWRITE_JPEG_QUALITY, self.quality, *_WHOLE))
        if not done:
            raise ValueError(f"{frame.at}: the picture for the review film could not be coded")
        return np.asarray(coded, np.uint8).reshape(-1)


def opened(coded: Bytes) -> Bytes:
    """(h, w, 3) R'G'B' of one half of a pair."""
    picture = cv2.imdecode(coded, cv2.IMREAD_COLOR)
    if picture is None:
        raise ValueError("a picture kept for the review film is damaged")
    return np.asarray(picture[:, :, ::-1], np.uint8)
