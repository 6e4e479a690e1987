"""What else lies in a clip's file: which of it a container can hold, and how it is added there."""

from __future__ import annotations

import io
from collections.abc import Collection
from pathlib import Path
from typing import Any, Final

import av
import av.container
from av.error import FFmpegError
from av.stream import Disposition

from stages.media import timed_metadata
from stages.media.containers import MUXERS, supported
from stages.media.timed_metadata import Description

# Written anew by every muxer, or true of the source file only.
_FILE_TAGS: Final = frozenset(
    {"major_brand", "minor_version", "compatible_brands", "encoder", "vendor_id", "rotate", "alpha_mode"}
)
_STATISTICS: Final = ("duration", "number_of_", "bps", "_statistics")
_DESCRIBED: Final = (".mov", ".mp4", ".m4v")
_ATTACHING: Final = (".mkv",)
_COVERED: Final = (".mp4", ".m4v", *_ATTACHING)
_PICTURES: Final = {"mjpeg": ("cover.jpg", "image/jpeg"), "png": ("cover.png", "image/png")}


class LeftOutError(Exception):
    """A stream does not come along; says why."""


def tags(metadata: dict[str, str]) -> dict[str, str]:
    """The metadata that is about the content and not about the source file."""
    return {k: v for k, v in metadata.items() if k not in _FILE_TAGS and not k.lower().startswith(_STATISTICS)}


def moving(container: av.container.InputContainer) -> list[av.VideoStream]:
    """The video streams that are no cover pictures."""
    return [stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic]


def is_timecode(stream: Any) -> bool:
    """A QuickTime timecode track: its value is in the video stream's metadata, from which the muxer makes it anew."""
    return stream.type == "data" and "timecode" in stream.metadata


class Boarding:
    """Adds streams of the file at `path` to `output`, which is to be a `suffix` file.

    described: by index there, what tracks are to be described as when the file is finished.
    """

    def __init__(self, path: Path, output: av.container.OutputContainer, suffix: str) -> None:
        self.described: dict[int, Description] = {}
        self._path, self._output, self._suffix = path, output, suffix
        self._tracks: dict[int, Description] = {}

    def read(self, source: av.container.InputContainer) -> None:
        """Look up how tracks are described, where FFmpeg does not tell."""
        if source.format.name.startswith("mov"):
            self._tracks = timed_metadata.descriptions(self._path)

    def take(self, stream: Any) -> Any:
        """Add a stream; what its packets go into, None where it has none.

        Raises:
            LeftOutError: the container cannot hold it.
        """
        if stream.type == "video":
            return self._cover(stream)
        if stream.type == "attachment":
            return self._attach(stream.name or "attachment", stream.mimetype or "application/octet-stream", stream)
        if stream.type in ("audio", "subtitle"):
            if stream.codec_context is None or stream.codec_context.name not in supported(self._suffix):
                raise LeftOutError(f"a {self._suffix} file cannot hold it")
            return _named(self._output.add_stream_from_template(stream, opaque=True), stream)
        return self._data(stream)

    def called(self, stream: Any) -> str:
        """What a stream is called in a warning."""
        known = self._tracks.get(stream.id)
        name = known.kind if known else getattr(stream, "name", None)
        return f"{stream.type} stream {stream.index}" + (f" ({name})" if name and not stream.codec_context else "")

    def _cover(self, stream: Any) -> Any:
        if not stream.disposition & Disposition.attached_pic or stream.disposition & Disposition.timed_thumbnails:
            raise LeftOutError("one picture is edited and delivered, the first")
        codec = stream.codec_context.name if stream.codec_context else ""
        self._require(_COVERED if codec in _PICTURES else ())
        if self._suffix not in _ATTACHING:
            return _named(self._output.add_stream_from_template(stream, opaque=True), stream)
        name, mimetype = _PICTURES[codec]
        return self._attach(stream.metadata.get("filename", name), mimetype, stream, _first(self._path, stream.index))

    def _attach(self, name: str, mimetype: str, stream: Any, data: bytes | None = None) -> None:
        self._require(_ATTACHING)
        added = self._output.add_attachment(name, mimetype, stream.data if data is None else data)
        added.metadata.update({key: value for key, value in tags(stream.metadata).items() if key not in added.metadata})

    def _data(self, stream: Any) -> Any:
        description = self._tracks.get(stream.id)
        if description is None:
            if self._suffix in _DESCRIBED or not _takes(self._suffix, stream):
                raise LeftOutError(f"a {self._suffix} file cannot hold it")
            return _named(self._output.add_stream_from_template(stream), stream)
        if description.chapters:
            return None  # the muxer makes a track of the chapters' titles anew
        self._require(_DESCRIBED)
        added = _named(timed_metadata.add_track(self._output), stream)
        self.described[added.index] = description
        return added

    def _require(self, able: Collection[str]) -> None:
        if self._suffix not in able:
            others = " and ".join(able)
            raise LeftOutError(f"a {self._suffix} file cannot hold it" + (f"; {others} can" if able else ""))


def _named(added: Any, stream: Any) -> Any:
    added.time_base = stream.time_base
    added.metadata.update(tags(stream.metadata))
    added.disposition = stream.disposition
    return added


def _takes(suffix: str, stream: Any) -> bool:
    """Whether the container's muxer writes a file with such a stream."""
    try:
        with av.open(io.BytesIO(), "w", format=MUXERS[suffix]) as trial:
            trial.add_stream_from_template(stream)
            trial.start_encoding()
    except (FFmpegError, ValueError):
        return False
    return True


def _first(path: Path, index: int) -> bytes:
    """The first packet of a stream."""
    with av.open(str(path), metadata_errors="replace") as source:
        return bytes(next(iter(source.demux(source.streams[index]))))
