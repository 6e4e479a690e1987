"""What travels beside the picture, copied packet by packet: sound, subtitles, data, attachments, chapters, tags."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.container
from av.error import FFmpegError

from stages.errors import ClipError
from stages.media.boxes import Box, edit_index, track_id
from stages.media.languages import spoken
from stages.media.pixels import has_alpha
from stages.media.streams import Boarding, LeftOutError, is_timecode, moving, tags
from stages.media.timed_metadata import described
from stages.packets import Clip


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
        self._boarding = Boarding(clip.path, output, suffix)
        self._boarding.read(self._source)
        self._picture = picture = moving(self._source)[0]
        for stream in self._source.streams:
            if stream.index != picture.index and not is_timecode(stream):
                self._board(stream, audio)
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

    def retouch(self, path: Path) -> None:
        """Say in a finished QuickTime or MP4 file what FFmpeg has no words for. `close` comes after."""
        numbers = {index: added.index + 1 for index, added in self._streams.items()} | {self._picture.index: 1}
        track_ids = {self._source.streams[index].id: track for index, track in numbers.items()}
        languages = {track: self._source.streams[index].language or "" for index, track in numbers.items()}

        def change(box: Box) -> Box:
            track = track_id(box) if box.kind == b"trak" else 0
            if description := self._boarding.described.get(track - 1):
                box = described(box, description, track_ids)
            return spoken(box, languages[track]) if track in languages else box

        edit_index(path, change)

    def close(self) -> None:
        """Close the source."""
        self._source.close()

    def _board(self, stream: Any, audio: bool) -> None:
        if stream.type == "audio" and not audio:
            self.warnings.append(f"audio stream {stream.index} left out (encode.audio=none)")
            return
        try:
            added = self._boarding.take(stream)
        except LeftOutError as why:
            self.warnings.append(f"{self._boarding.called(stream)} left out: {why}")
        else:
            if added is not None:
                self._streams[stream.index] = added

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
            f"{clip.name}: cannot be opened again for its sound ({cause.strerror}); is it moved?"
        ) from cause


def _reel(source: av.container.InputContainer) -> dict[str, str]:
    """The reel's name, which QuickTime keeps in the timecode track and the muxer takes from the picture's."""
    names = [s.metadata["reel_name"] for s in source.streams if is_timecode(s) and "reel_name" in s.metadata]
    return {"reel_name": names[0]} if names else {}


def _due(packet: av.Packet) -> Fraction:
    stamp = packet.dts if packet.dts is not None else packet.pts
    return Fraction(0) if stamp is None else stamp * Fraction(packet.time_base)
