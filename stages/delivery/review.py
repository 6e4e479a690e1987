"""The review picture: source and result side by side."""

from __future__ import annotations

from dataclasses import dataclass, replace

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from stages.errors import ConfigError
from stages.media.colour import colour_of
from stages.media.encode import Delivering, EncoderState, delivering
from stages.media.output import Settings
from stages.media.planes import rgb8
from stages.media.writer import open_writer
from stages.packets import Frame, Job

_BT709, _LIMITED, _FULL = 1, 1, 2


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
        path, (width, height) = job.folder / "review.mp4", _half(job.clip.shown, self.width)
        picture = replace(job.clip, width=2 * width, height=height, pixel_format="yuv420p", kind="sequence")
        settings = Settings("libx264", "yuv420p", {"preset": self.preset, "crf": str(self.crf), "g": "48"})
        with delivering(path):
            return open_writer(replace(job, clip=picture), path, settings)

    def process(self, state: EncoderState, before: Frame, after: Frame) -> None:
        """Encode one pair."""
        size = _half((before.width, before.height), self.width)
        halves = [self._half(frame, size, label) for frame, label in ((before, "source"), (after, "result"))]
        picture = av.VideoFrame.from_ndarray(np.hstack(halves), "rgb24")
        native = picture.reformat(
            format="yuv420p", dst_colorspace=_BT709, src_color_range=_FULL, dst_color_range=_LIMITED
        )
        native.colorspace = native.color_primaries = native.color_trc = _BT709
        native.color_range = _LIMITED
        native.pts, native.time_base = before.at.pts, before.at.time_base
        with delivering(state.path):
            state.write(Frame(before.at, native, colour_of(native)))

    def _half(self, frame: Frame, size: tuple[int, int], label: str) -> NDArray[np.uint8]:
        picture = rgb8(frame, None, size)
        if self.labels:
            scale = max(0.5, size[1] / 600)
            for colour, thickness in (((0, 0, 0), 4), ((255, 255, 255), 1)):
                at = (8, round(26 * scale) + 4)
                cv2.putText(picture, label, at, cv2.FONT_HERSHEY_SIMPLEX, scale, colour, thickness, cv2.LINE_AA)
        return picture


def _half(shown: tuple[int, int], width: int) -> tuple[int, int]:
    scale = min(1.0, width / (2 * shown[0]))
    return max(2, int(shown[0] * scale) // 2 * 2), max(2, int(shown[1] * scale) // 2 * 2)
