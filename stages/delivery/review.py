"""The review picture: source and result side by side."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import av.container
import cv2
import numpy as np
from numpy.typing import NDArray

from stages.contract import OrderedStage
from stages.errors import ConfigError
from stages.media.encode import delivering
from stages.media.planes import rgb8
from stages.packets import Clip, Frame, Job

_BT709, _LIMITED, _FULL = 1, 1, 2


@dataclass(slots=True)
class ReviewState:
    """The open review file; `size` is the (width, height) of one half."""

    path: Path
    output: av.container.OutputContainer
    stream: Any
    size: tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class SideBySide(OrderedStage[ReviewState]):
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

    def begin(self, job: Job) -> ReviewState:
        """Open the file."""
        path, clip = job.folder / "review.mp4", job.clip
        size = _half(clip, self.width)
        with delivering(path):
            path.open("wb").close()
            timescale = {"video_track_timescale": str(clip.time_base.denominator)}
            output = av.open(str(path), "w", format="mp4", container_options=timescale)
            options = {"preset": self.preset, "crf": str(self.crf), "g": "48"}
            stream: Any = output.add_stream("libx264", rate=clip.rate, options=options)
            context = stream.codec_context
            context.width, context.height, context.pix_fmt = 2 * size[0], size[1], "yuv420p"
            context.time_base = stream.time_base = clip.time_base
            context.colorspace = context.color_primaries = context.color_trc = _BT709
            context.color_range = _LIMITED
        return ReviewState(path, output, stream, size)

    def process(self, state: ReviewState, before: Frame, after: Frame) -> None:
        """Encode one pair."""
        halves = [self._half(frame, state.size, label) for frame, label in ((before, "source"), (after, "result"))]
        picture = av.VideoFrame.from_ndarray(np.hstack(halves), "rgb24")
        native = picture.reformat(
            format="yuv420p", dst_colorspace=_BT709, src_color_range=_FULL, dst_color_range=_LIMITED
        )
        native.colorspace, native.color_range = _BT709, _LIMITED
        native.pts, native.time_base = before.at.pts, before.at.time_base
        with delivering(state.path):
            state.output.mux(state.stream.encode(native))

    def finish(self, state: ReviewState) -> None:
        """Complete the file."""
        with delivering(state.path):
            state.output.mux(state.stream.encode(None))
            state.output.close()

    def abort(self, state: ReviewState) -> None:
        """Remove it."""
        try:
            state.output.close()
        finally:
            state.path.unlink(missing_ok=True)

    def _half(self, frame: Frame, size: tuple[int, int], label: str) -> NDArray[np.uint8]:
        picture = rgb8(frame, None, size)
        if self.labels:
            scale = max(0.5, size[1] / 600)
            for colour, thickness in (((0, 0, 0), 4), ((255, 255, 255), 1)):
                at = (8, round(26 * scale) + 4)
                cv2.putText(picture, label, at, cv2.FONT_HERSHEY_SIMPLEX, scale, colour, thickness, cv2.LINE_AA)
        return picture


def _half(clip: Clip, width: int) -> tuple[int, int]:
    scale = min(1.0, width / (2 * clip.width))
    return max(2, int(clip.width * scale) // 2 * 2), max(2, int(clip.height * scale) // 2 * 2)
