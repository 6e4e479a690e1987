"""A small film for people to look at: `review.mp4` in the job's folder, H.264 in BT.709, without sound."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import av

from stages.media.colour import colour_of
from stages.media.encode import EncoderState, delivering
from stages.media.output import Settings
from stages.media.writer import open_writer
from stages.packets import Bytes, Frame, Job, Stamp

NAME: Final = "review.mp4"
_BT709, _LIMITED, _FULL = 1, 1, 2


def opened(job: Job, size: tuple[int, int], preset: str, crf: float) -> EncoderState:
    """The film of a job, ready for pictures of `size` (width, height; even) at the clip's own times.

    Raises:
        DeliveryError: it cannot be written.
    """
    path = job.folder / NAME
    picture = replace(job.clip, width=size[0], height=size[1], pixel_format="yuv420p", kind="sequence", turns=0)
    settings = Settings("libx264", "yuv420p", {"preset": preset, "crf": str(crf), "g": "48"})
    with delivering(path):
        return open_writer(replace(job, clip=picture), path, settings)


def show(state: EncoderState, picture: Bytes, at: Stamp) -> None:
    """Encode one picture, (height, width, 3) R'G'B'.

    Raises:
        DeliveryError: it cannot be written.
    """
    native = av.VideoFrame.from_ndarray(picture, "rgb24").reformat(
        format="yuv420p", dst_colorspace=_BT709, src_color_range=_FULL, dst_color_range=_LIMITED
    )
    native.colorspace = native.color_primaries = native.color_trc = _BT709
    native.color_range = _LIMITED
    native.pts, native.time_base = at.pts, at.time_base
    with delivering(state.path):
        state.write(Frame(at, native, colour_of(native)))
