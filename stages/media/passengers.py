"""What travels beside the picture: audio, subtitles, metadata and chapters, copied packet by packet."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av
import av.container
from av.error import FFmpegError

from stages.errors import ClipError
from stages.media.containers import supported
from stages.media.pixels import has_alpha
from stages.packets import Clip

# Written anew by every muxer, or true of the source file only.
_FILE_TAGS = frozenset(
    {"major_brand", "minor_version", "compatible_brands", "encoder", "vendor_id", "rotate", "alpha_mode"}
)
_STATISTICS = ("duration", "number_of_", "bps", "_statistics")


def tags(metadata: dict[str, str]) -> dict[str, str]:
    """The metadata that is about the content and not about the source file."""
    return {k: v for k, v in metadata.items() if k not in _FILE_TAGS and not k.lower().startswith(_STATISTICS)}


def audio_codecs(clip: Clip) -> tuple[str, ...]:
    """FFmpeg's names of the codecs of the clip's audio streams.

    Raises:
        ClipError: the clip cannot be opened any more, or an audio codec is unknown.
    """
    if clip.kind != "video" or not clip.audio_streams:
        return ()
    with _open(clip) as source:
        names = [s.codec_context.name if s.codec_context else None for s in source.streams.audio]
    if None in names:
        raise ClipError(f"{clip.name}: audio stream {names.index(None)} has an unknown codec; use encode.audio=none")
    return tuple(str(name) for name in names)


class Passengers:
    """The streams of the source that go into the delivery unchanged, in step with the picture."""

    def __init__(self, clip: Clip, output: av.container.OutputContainer, suffix: str, *, audio: bool) -> None:
        self.warnings: list[str] = []
        self._source = _open(clip)
        self._streams: dict[int, Any] = {}
        picture = self._source.streams.video[0]
        for stream in self._source.streams:
            if stream is picture or _is_timecode(stream):
                continue
            if stream.type == "audio" and not audio:
                self.warnings.append(f"audio stream {stream.index} left out (encode.audio=none)")
            elif stream.type in ("audio", "subtitle") and self._fits(stream, suffix):
                self._streams[stream.index] = _add(output, stream)
            elif stream.type in ("audio", "subtitle"):
                self.warnings.append(f"{stream.type} stream {stream.index} left out: a {suffix} file cannot hold it")
            else:
                self.warnings.append(f"{stream.type} stream {stream.index} left out: only sound and subtitles go along")
        if picture.metadata.get("alpha_mode") == "1" and not has_alpha(clip.pixel_format):
            self.warnings.append("alpha left out: it lies beside the pictures of VP8 and VP9, where it is not read")
        self.video_tags = {**_reel(self._source), **tags(picture.metadata)}
        self.aspect = picture.sample_aspect_ratio
        self.field_order = picture.codec_context.field_order
        output.metadata.update(tags(self._source.metadata))
        if chapters := self._source.chapters():
            output.set_chapters(chapters)
        self._packets = self._demux()
        self._waiting = next(self._packets, None)

    def until(self, seconds: Fraction | None) -> Iterator[av.Packet]:
        """Packets due by `seconds` (decoding time), or all that are left."""
        while self._waiting is not None and (seconds is None or _due(self._waiting) <= seconds):
            packet = self._waiting
            self._waiting = next(self._packets, None)
            packet.stream = self._streams[packet.stream_index]
            yield packet

    def close(self) -> None:
        """Close the source."""
        self._source.close()

    def _fits(self, stream: Any, suffix: str) -> bool:
        return stream.codec_context is not None and stream.codec_context.name in supported(suffix)

    def _demux(self) -> Iterator[av.Packet]:
        if not self._streams:
            return
        chosen = [self._source.streams[index] for index in self._streams]
        for packet in self._source.demux(*chosen):
            if packet.size:
                yield packet


def _open(clip: Clip) -> av.container.InputContainer:
    try:
        return av.open(str(clip.path), metadata_errors="replace")
    except FFmpegError as cause:
        raise ClipError(
            f"{clip.name}: cannot be opened again for its audio ({cause.strerror}); is it moved?"
        ) from cause


def _add(output: av.container.OutputContainer, stream: Any) -> Any:
    copy = output.add_stream_from_template(stream, opaque=True)
    copy.metadata.update(tags(stream.metadata))
    copy.disposition = stream.disposition
    return copy


def _is_timecode(stream: Any) -> bool:
    """A QuickTime timecode track: its value is in the video stream's metadata, from which the muxer makes it anew."""
    return stream.type == "data" and "timecode" in stream.metadata


def _reel(source: av.container.InputContainer) -> dict[str, str]:
    """The reel's name, which QuickTime keeps in the timecode track and the muxer takes from the picture's."""
    names = [s.metadata["reel_name"] for s in source.streams if _is_timecode(s) and "reel_name" in s.metadata]
    return {"reel_name": names[0]} if names else {}


def _due(packet: av.Packet) -> Fraction:
    stamp = packet.dts if packet.dts is not None else packet.pts
    return Fraction(0) if stamp is None else stamp * Fraction(packet.time_base)
