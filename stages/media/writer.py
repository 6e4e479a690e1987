"""Writing one video file: the encoder, the muxer and the copied streams."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from fractions import Fraction
from math import lcm
from pathlib import Path
from typing import Any

import av
import av.container
from av.codec.context import Flags

from stages.errors import ConfigError
from stages.media import hdr
from stages.media.colour import colour_of
from stages.media.containers import MUXERS, keeps_time, relabelled
from stages.media.conversion import convert
from stages.media.passengers import Passengers
from stages.media.side_data import display_matrix, side_data
from stages.packets import Clip, Colour, Frame

_FULL = 2  # AVCOL_RANGE_JPEG


@dataclass(frozen=True, slots=True)
class Settings:
    """What an encoder is opened with; see `stages.media.encode.Encode`."""

    codec: str
    pixel_format: str
    options: dict[str, str]
    threads: int = 0
    audio: bool = True


class VideoWriter:
    """Encodes frames into `path` with their own timestamps and tags, and copies the clip's other streams along.

    The encoder is opened with the first frame, whose tags it takes over.
    """

    def __init__(self, clip: Clip, path: Path, settings: Settings) -> None:
        self.path, self.warnings = path, list[str]()
        self._clip, self._settings, self._started, self._tags = clip, settings, False, Colour()
        path.open("wb").close()
        muxer = MUXERS[path.suffix]
        self._output = av.open(str(path), "w", format=muxer)
        self._stream = _add_stream(self._output, clip, settings)
        self._passengers = None
        if clip.kind == "video":
            self._passengers = Passengers(clip, self._output, path.suffix, audio=settings.audio)
            self.warnings += self._passengers.warnings
        self._warn_of_losses(clip)

    def write(self, frame: Frame) -> None:
        """Encode one frame."""
        native = convert(frame.native, self._settings.pixel_format)
        if not self._started:
            self._start(frame.native, native)
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
        self.warnings += _lost_tags(self.path, self._tags)

    def discard(self) -> None:
        """Leave nothing behind."""
        if self._passengers is not None:
            self._passengers.close()
        with suppress(av.error.FFmpegError, OSError):  # the disk may be the reason for giving up
            self._output.close()
        self.path.unlink(missing_ok=True)

    def _mux(self, packets: list[av.Packet]) -> None:
        for packet in packets:
            if self._passengers is not None and packet.dts is not None:
                for other in self._passengers.until(packet.dts * Fraction(packet.time_base)):
                    self._output.mux(other)
            self._output.mux(packet)

    def _start(self, source: Any, native: Any) -> None:
        self._started = True
        self._tags = colour_of(native)
        context = self._stream.codec_context
        context.color_primaries, context.color_trc = native.color_primaries, native.color_trc
        context.colorspace = native.colorspace
        context.color_range = _FULL if native.format.name.startswith("yuvj") else native.color_range
        if self._passengers is not None:
            self._stream.metadata.update(self._passengers.video_tags)
            context.sample_aspect_ratio = self._passengers.aspect or Fraction(0, 1)
            if source.interlaced_frame:
                context.flags |= int(Flags.interlaced_dct) | int(Flags.interlaced_me)
                context.field_order = self._passengers.field_order
        self._carry_side_data(source)
        context.open(strict=False)
        if unknown := sorted(set(self._settings.options) & set(context.options)):
            raise ConfigError(f"encode.options.{unknown[0]}: unknown to {context.name}; leave it out")
        self._output.container_options.update(_muxer_options(self._output))
        self._output.start_encoding()

    def _carry_side_data(self, native: Any) -> None:
        if matrix := display_matrix(native, self._clip.codec):
            self._stream.set_display_matrix(matrix)
        found = side_data(native, self._clip.codec)
        options, lost = hdr.carried(self._settings.codec, found, self._settings.options)
        self._stream.codec_context.options.update(options)
        self.warnings += [f"HDR metadata not carried over: {name}" for name in lost]

    def _warn_of_losses(self, clip: Clip) -> None:
        wanted = self._settings.pixel_format
        if wanted not in (clip.pixel_format, relabelled(clip.pixel_format)):
            self.warnings.append(f"pixels converted from {clip.pixel_format} to {wanted}")
        if not keeps_time(self.path.suffix, clip.time_base):
            self.warnings.append(f"{self.path.suffix} rounds timestamps to 1 ms; .mov and .mp4 keep them exact")


def _add_stream(output: av.container.OutputContainer, clip: Clip, settings: Settings) -> Any:
    stream: Any = output.add_stream(settings.codec, rate=clip.rate, options=dict(settings.options))
    context = stream.codec_context
    context.width, context.height, context.pix_fmt = clip.width, clip.height, settings.pixel_format
    context.time_base = stream.time_base = clip.time_base
    context.thread_count = settings.threads
    context.flags |= int(Flags.frame_duration)
    if settings.codec == "libx265" and output.format.name in ("mp4", "mov"):
        context.codec_tag = "hvc1"  # QuickTime plays no hev1
    return stream


def _lost_tags(path: Path, wanted: Colour) -> list[str]:
    """What the finished file says of its colour, read back, against what was asked for."""
    with av.open(str(path)) as container:
        found = colour_of(next(container.decode(video=0)))
    if found == wanted:
        return []
    kept = {f.name: getattr(found, f.name) for f in fields(Colour)}
    lost = [f"{name} {value}" for name, value in asdict(wanted).items() if kept[name] != value]
    words = ", ".join(lost).replace("full_range True", "full range").replace("full_range False", "limited range")
    return [f"{path.suffix} does not keep the colour tags: {words} (H.273); .mkv does"]


def _muxer_options(output: av.container.OutputContainer) -> dict[str, str]:
    """MOV and MP4 round small timescales up and edit lists to 1 ms unless told; told, time stays the same integers."""
    if output.format.name not in ("mp4", "mov"):
        return {}
    scales = [Fraction(s.time_base).denominator for s in output.streams if s.time_base]
    movie = lcm(*scales) if lcm(*scales) < 1 << 31 else max(scales)
    return {"video_track_timescale": str(scales[0]), "movie_timescale": str(movie)}
