"""Writing one video file: the encoder, the muxer and the copied streams."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.codec.context import Flags
from av.sidedata.sidedata import Type

from stages.errors import ConfigError
from stages.media.containers import MUXERS, keeps_time, relabelled
from stages.media.passengers import Passengers
from stages.packets import Clip, Frame

_HDR = {Type.MASTERING_DISPLAY_METADATA, Type.CONTENT_LIGHT_LEVEL, Type.DOVI_METADATA, Type.DYNAMIC_HDR_PLUS}


class VideoWriter:
    """Encodes frames into `path` with their own timestamps and tags, and copies the clip's other streams along.

    The encoder is opened with the first frame, whose tags it takes over.
    """

    def __init__(
        self,
        clip: Clip,
        path: Path,
        codec: str,
        pixel_format: str,
        options: Mapping[str, str],
        threads: int,
        audio: bool,
    ) -> None:
        self.path, self.warnings = path, list[str]()
        self._clip, self._format, self._first = clip, pixel_format, True
        path.open("wb").close()
        muxer = MUXERS[path.suffix]
        self._output = av.open(str(path), "w", format=muxer, container_options=_muxer_options(muxer, clip.time_base))
        self._stream: Any = self._output.add_stream(codec, rate=clip.rate, options=dict(options))
        self._asked = set(options)
        context = self._stream.codec_context
        context.width, context.height, context.pix_fmt = clip.width, clip.height, pixel_format
        context.time_base = self._stream.time_base = clip.time_base
        context.thread_count = threads
        context.flags |= int(Flags.frame_duration)
        if codec == "libx265" and muxer in ("mp4", "mov"):
            context.codec_tag = "hvc1"  # QuickTime plays no hev1
        self._passengers = Passengers(clip, self._output, path.suffix, audio=audio) if clip.kind == "video" else None
        self._warn_of_losses(clip, path.suffix)

    def write(self, frame: Frame) -> None:
        """Encode one frame."""
        native = self._converted(frame.native)
        if self._first:
            self._open(frame.native)
        native.pict_type = 0  # the encoder chooses, whatever the source's encoder chose
        self._mux(self._stream.encode(native))

    def close(self) -> None:
        """Flush the encoder and finish the file."""
        self._mux(self._stream.encode(None))
        if self._passengers is not None:
            for packet in self._passengers.until(None):
                self._output.mux(packet)
            self._passengers.close()
        self._output.close()

    def discard(self) -> None:
        """Leave nothing behind."""
        if self._passengers is not None:
            self._passengers.close()
        try:
            self._output.close()
        except (av.error.FFmpegError, OSError):
            pass  # the disk may be the reason for giving up
        self.path.unlink(missing_ok=True)

    def _mux(self, packets: list[av.Packet]) -> None:
        for packet in packets:
            if self._passengers is not None and packet.dts is not None:
                for other in self._passengers.until(packet.dts * Fraction(packet.time_base)):
                    self._output.mux(other)
            self._output.mux(packet)

    def _open(self, native: av.VideoFrame) -> None:
        self._first = False
        context = self._stream.codec_context
        context.color_primaries, context.color_trc = native.color_primaries, native.color_trc
        context.colorspace, context.color_range = native.colorspace, native.color_range
        if native.format.name.startswith("yuvj"):
            context.color_range = 2
        if self._passengers is not None:
            self._stream.metadata.update(self._passengers.video_tags)
            if self._passengers.aspect:
                context.sample_aspect_ratio = self._passengers.aspect
        matrix = next((s for s in native.side_data if s.type == Type.DISPLAYMATRIX), None)
        if matrix is not None:
            self._stream.set_display_matrix(np.frombuffer(matrix, np.int32).tolist())
        if lost := sorted(s.type.name for s in native.side_data if s.type in _HDR):
            self.warnings.append(f"HDR metadata not carried over: {', '.join(lost)}")
        context.open(strict=False)
        if unknown := sorted(self._asked & set(context.options)):
            raise ConfigError(f"encode.options.{unknown[0]}: unknown to {context.name}; leave it out")
        self._output.start_encoding()

    def _converted(self, native: av.VideoFrame) -> av.VideoFrame:
        if native.format.name == self._format:
            return native
        if relabelled(native.format.name) == self._format:
            return _relabel(native, self._format)
        return native.reformat(format=self._format)

    def _warn_of_losses(self, clip: Clip, suffix: str) -> None:
        if self._passengers is not None:
            self.warnings += self._passengers.warnings
        if self._format != relabelled(clip.pixel_format) and self._format != clip.pixel_format:
            self.warnings.append(f"pixels converted from {clip.pixel_format} to {self._format}")
        if not keeps_time(suffix, clip.time_base):
            self.warnings.append(f"a {suffix} file rounds timestamps to 1 ms; use .mov or .mp4 to keep them exact")


def _muxer_options(muxer: str, time_base: Fraction) -> dict[str, str]:
    """MOV and MP4 multiply small timescales unless told; told, timestamps stay the same integers."""
    return {"video_track_timescale": str(time_base.denominator)} if muxer in ("mp4", "mov") else {}


def _relabel(native: av.VideoFrame, name: str) -> av.VideoFrame:
    """The same samples under another name of their format."""
    other = av.VideoFrame(native.width, native.height, name)
    for source, target in zip(native.planes, other.planes, strict=True):
        rows = np.frombuffer(source, np.uint8).reshape(source.height, -1)
        np.frombuffer(target, np.uint8).reshape(target.height, -1)[:, : source.width] = rows[:, : source.width]
    other.pts, other.time_base, other.duration = native.pts, native.time_base, native.duration
    other.colorspace, other.color_range = native.colorspace, 2
    other.color_primaries, other.color_trc = native.color_primaries, native.color_trc
    return other
