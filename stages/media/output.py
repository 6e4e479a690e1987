"""One video file being made: the muxer with the copied streams, and how the encoder is opened for it."""

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
from stages.media import dnxhr, hdr
from stages.media.captions import LOST, Captions, carrying
from stages.media.colour import colour_of
from stages.media.containers import MUXERS, keeps_time, relabelled
from stages.media.passengers import Passengers
from stages.media.side_data import display_matrix, side_data
from stages.packets import Clip, Colour

_FULL = 2  # AVCOL_RANGE_JPEG


@dataclass(frozen=True, slots=True)
class Settings:
    """What an encoder is opened with; see `stages.media.encode.Encode`."""

    codec: str
    pixel_format: str
    options: dict[str, str]
    threads: int = 0
    audio: bool = True


@dataclass(frozen=True, slots=True)
class Opening:
    """What encoder and file are told of the first picture, the same for every chunk of it.

    primaries, transfer, matrix, range: FFmpeg's numbers. display: a display matrix, None for an upright picture.
    options: the encoder's, HDR metadata included; lost: HDR metadata that it cannot take. tags: what players shall see.
    """

    primaries: int
    transfer: int
    matrix: int
    range: int
    aspect: Fraction | None
    field_order: int | None
    display: list[int] | None
    options: dict[str, str]
    lost: tuple[str, ...]
    tags: Colour

    def apply(self, context: Any) -> None:
        """Open an encoder.

        Raises:
            ConfigError: an option that it does not know.
        """
        context.color_primaries, context.color_trc = self.primaries, self.transfer
        context.colorspace, context.color_range = self.matrix, self.range
        if self.aspect is not None:
            context.sample_aspect_ratio = self.aspect
        if self.field_order is not None:
            context.flags |= int(Flags.interlaced_dct) | int(Flags.interlaced_me)
            context.field_order = self.field_order
        context.options.update(self.options)
        context.open(strict=False)
        if unknown := sorted(set(self.options) & set(context.options)):
            raise ConfigError(f"encode.options.{unknown[0]}: unknown to {context.name}; leave it out")


class Output:
    """The file at `path`; the clip's other streams are copied along, in step with the picture.

    `warnings` tell what could not be carried over.
    """

    def __init__(self, clip: Clip, path: Path, settings: Settings) -> None:
        self.path, self.warnings = path, list[str]()
        self._clip, self._settings = clip, settings
        self._opening: Opening | None = None
        self._captions = Captions(settings.codec, clip.codec)
        path.open("wb").close()
        self._file = av.open(str(path), "w", format=MUXERS[path.suffix])
        self.stream = add_stream(self._file, clip, settings)
        self._passengers = None
        if clip.kind == "video":
            self._passengers = Passengers(clip, self._file, path.suffix, audio=settings.audio)
            self.warnings += self._passengers.warnings
        self._warn_of_losses(clip)

    def opening(self, source: av.VideoFrame, native: av.VideoFrame) -> Opening:
        """What is to be told of the first picture: as it came, and as the encoder gets it."""
        found = side_data(source, self._clip.codec)
        options, lost = hdr.carried(self._settings.codec, found, self._settings.options)
        riding = self._passengers
        return Opening(
            primaries=int(native.color_primaries),
            transfer=int(native.color_trc),
            matrix=int(native.colorspace),
            range=_FULL if native.format.name.startswith("yuvj") else int(native.color_range),
            aspect=(riding.aspect or Fraction(0, 1)) if riding else None,
            field_order=riding.field_order if riding and source.interlaced_frame else None,
            display=display_matrix(source, self._clip.codec),
            options=carrying(self._settings.codec, options),
            lost=tuple(lost),
            tags=colour_of(native),
        )

    def look(self, source: av.VideoFrame) -> None:
        """See whether a picture carries what the file will not."""
        if self._captions.found(source):
            self.warnings.append(LOST)

    def start(self, opening: Opening) -> None:
        """Open the encoder and write the file's head."""
        self._opening = opening
        if self._passengers is not None:
            self.stream.metadata.update(self._passengers.video_tags)
        if opening.display:
            self.stream.set_display_matrix(opening.display)
        opening.apply(self.stream.codec_context)
        self.warnings += [f"HDR metadata not carried over: {name}" for name in opening.lost]
        self._file.container_options.update(_muxer_options(self._file))
        self._file.start_encoding()

    def mux(self, packet: av.Packet) -> None:
        """Write a packet of the picture, and what is due before it."""
        if self._passengers is not None and packet.dts is not None:
            for other in self._passengers.until(packet.dts * Fraction(packet.time_base)):
                self._file.mux(other)
        packet.stream = self.stream
        if self._settings.codec == dnxhr.ENCODER and self._opening is not None:
            dnxhr.tell_matrix(packet, self._opening.matrix)
        self._file.mux(packet)

    def close(self) -> None:
        """Finish the file."""
        if self._passengers is not None:
            for packet in self._passengers.until(None):
                self._file.mux(packet)
        self._file.close()
        if self._passengers is not None:
            if MUXERS[self.path.suffix] in ("mp4", "mov"):
                self._passengers.retouch(self.path)
            self._passengers.close()
        self.warnings += _lost_tags(self.path, self._opening.tags if self._opening else Colour())
        if self._opening and (wanted := self._opening.aspect) and wanted != (found := _aspect(self.path)):
            self.warnings.append(
                f"{self.path.suffix} does not keep the pixels' aspect {wanted}, but {found}; .mov does"
            )
        if self._opening and self._opening.display and not _turned(self.path):
            self.warnings.append(f"{self.path.suffix} does not keep how the picture is turned; .mov does")

    def discard(self) -> None:
        """Leave nothing behind."""
        if self._passengers is not None:
            self._passengers.close()
        with suppress(av.error.FFmpegError, OSError):  # the disk may be the reason for giving up
            self._file.close()
        self.path.unlink(missing_ok=True)

    def _warn_of_losses(self, clip: Clip) -> None:
        wanted = self._settings.pixel_format
        if wanted not in (clip.pixel_format, relabelled(clip.pixel_format)):
            self.warnings.append(f"pixels converted from {clip.pixel_format} to {wanted}")
        if not keeps_time(self.path.suffix, clip.time_base):
            self.warnings.append(f"{self.path.suffix} rounds timestamps to 1 ms; .mov and .mp4 keep them exact")


def add_stream(output: av.container.OutputContainer, clip: Clip, settings: Settings) -> Any:
    """A stream of `output` with its encoder, not yet open."""
    stream: Any = output.add_stream(settings.codec, rate=clip.rate, options=dict(settings.options))
    context = stream.codec_context
    context.width, context.height, context.pix_fmt = clip.width, clip.height, settings.pixel_format
    context.time_base = stream.time_base = clip.time_base
    context.thread_count = settings.threads
    context.flags |= int(Flags.frame_duration)
    if settings.codec == "libx265" and output.format.name in ("mp4", "mov"):
        context.codec_tag = "hvc1"  # QuickTime plays no hev1
    return stream


def _aspect(path: Path) -> Fraction:
    """Width by height of a pixel, square where the file does not say."""
    with av.open(str(path)) as container:
        return container.streams.video[0].sample_aspect_ratio or Fraction(1)


def _turned(path: Path) -> bool:
    """Whether players are told to turn the picture."""
    with av.open(str(path)) as container:
        return display_matrix(next(container.decode(video=0)), "") is not None


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
    """MOV and MP4 round small timescales up and edit lists to 1 ms unless told; told, time stays the same integers.

    Tags named as phones do (com.apple.quicktime.make) they drop unless told to write all by name.
    """
    if output.format.name not in ("mp4", "mov"):
        return {}
    scales = [Fraction(s.time_base).denominator for s in output.streams if s.time_base]
    movie = lcm(*scales) if lcm(*scales) < 1 << 31 else max(scales)
    options = {"video_track_timescale": str(scales[0]), "movie_timescale": str(movie)}
    by_name = any(name.startswith("com.") for name in output.metadata)
    return {**options, "movflags": "use_metadata_tags"} if by_name else options
