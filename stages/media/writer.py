"""Writing one video file: straight into its container, or in chunks that are joined in the end.

A chunk is coded by an encoder of its own, so it leans on no other (a closed GOP) and a killed run loses the unfinished
one alone. Joining copies coded pictures; nothing is coded twice.
"""

from __future__ import annotations

import errno
import io
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import av

from stages.frozen import freeze, thaw
from stages.media import packet_file
from stages.media.containers import MUXERS
from stages.media.conversion import convert
from stages.media.output import Opening, Output, Settings, add_stream
from stages.media.packet_file import PacketWriter
from stages.media.steady import steadied
from stages.packets import Clip, Frame, Job

CHUNKS = ".chunks"
"""Folder of a job's work folder that unjoined chunks lie in."""
_NO_ORDER = 2
"""So few pictures are coded as they are shown; for clips that short x265 makes decoding times of stray memory."""


class VideoWriter:
    """Encodes frames into `path` with their own timestamps and tags, and copies the clip's other streams along.

    The encoder is opened with the first frame, whose tags it takes over.
    """

    def __init__(self, clip: Clip, path: Path, settings: Settings) -> None:
        self.path = path
        self._settings, self._started, self._muxed = settings, False, 0
        self._output = Output(clip, path, settings)

    @property
    def warnings(self) -> list[str]:
        """What could not be carried over."""
        return self._output.warnings

    def write(self, frame: Frame) -> av.VideoFrame:
        """Encode one frame; what the encoder was given."""
        self._output.look(frame.native)
        native = convert(frame.native, self._settings.pixel_format)
        if not self._started:
            self._output.start(self._output.opening(frame.native, native))
            self._started = True
        native.pict_type = 0  # the encoder chooses, whatever the source's encoder chose
        self._mux(self._output.stream.encode(native))
        return native

    def close(self) -> None:
        """Flush the encoder and finish the file."""
        last = self._output.stream.encode(None)
        if not self._muxed and len(last) <= _NO_ORDER:
            for packet in last:
                packet.dts = packet.pts
        self._mux(last)
        self._output.close()

    def discard(self) -> None:
        """Leave nothing behind."""
        self._output.discard()

    def cut(self) -> bytes:
        """A file that is written in one go cannot be gone on with."""
        raise TypeError(f"{self.path.name} is written in one go")

    def resume(self, saved: bytes) -> None:
        """See `cut`."""
        raise ValueError(f"{self.path.name} is written in one go")

    def _mux(self, packets: Sequence[av.Packet]) -> None:
        for packet in packets:
            self._output.mux(packet)
            self._muxed += 1


class ChunkWriter:
    """As `VideoWriter`, in chunks: `cut()` ends one, and `close()` joins all of them into `path`."""

    def __init__(self, clip: Clip, path: Path, settings: Settings) -> None:
        self.path = path
        self._clip, self._settings, self._count = clip, settings, 0
        self._output = Output(clip, path, settings)
        self._folder = path.parent / CHUNKS / path.stem
        self._folder.mkdir(parents=True, exist_ok=True)
        self._opening: Opening | None = None
        self._head: bytes | None = None
        self._encoder: Any = None
        self._file: PacketWriter | None = None

    @property
    def warnings(self) -> list[str]:
        """What could not be carried over."""
        return self._output.warnings

    def write(self, frame: Frame) -> av.VideoFrame:
        """Encode one frame, the first after a cut in a chunk of its own; what the encoder was given."""
        self._output.look(frame.native)
        native = convert(frame.native, self._settings.pixel_format)
        if self._opening is None:
            self._opening = self._output.opening(frame.native, native)
        file = self._file or self._begin(self._opening)
        native.pict_type = 0  # the encoder chooses, whatever the source's encoder chose
        for packet in self._encoder.encode(native):
            file.write(packet)
        return native

    def cut(self) -> bytes:
        """Finish the chunk, on disk; the rest is to go into the next. Returns what `resume` needs."""
        if self._file is not None:
            for packet in self._encoder.encode(None):
                self._file.write(packet)
            self._file.commit()
            self._encoder = self._file = None
            self._count += 1
        return freeze((self._count, self._opening, self._head))

    def resume(self, saved: bytes) -> None:
        """Go on after the chunks of a run that was killed.

        Raises:
            ValueError: one of them is gone or damaged.
        """
        self._count, self._opening, self._head = thaw(saved)
        for path in self._chunks():
            packet_file.times(path)

    def close(self) -> None:
        """Join all chunks, in their order."""
        self.cut()
        if self._opening is not None:
            self._check_space()
            self._output.start(self._opening)
            self._check_head(self._output.stream.codec_context)
            for packet in self._joined():
                self._output.mux(packet)
        self._output.close()

    def discard(self) -> None:
        """Leave no unfinished file behind; whole chunks stay."""
        if self._file is not None:
            self._file.discard()
        self._encoder = None
        self._output.discard()

    def _check_space(self) -> None:
        """Joining copies every chunk: there must be room for as much again. What is coded waits for the next start."""
        needed, free = sum(path.stat().st_size for path in self._chunks()), shutil.disk_usage(self._folder).free
        if free < needed:
            text = f"{free / 1e6:.1f} MB are free, joining needs {needed / 1e6:.1f} MB"
            raise OSError(errno.ENOSPC, text, str(self.path))

    def _begin(self, opening: Opening) -> PacketWriter:
        nowhere = av.open(io.BytesIO(), "w", format=MUXERS[self.path.suffix])  # tells the encoder what it is for
        self._encoder = add_stream(nowhere, self._clip, self._settings)
        opening.apply(self._encoder.codec_context)
        self._check_head(self._encoder.codec_context)
        self._file = PacketWriter(self._path(self._count))
        return self._file

    def _check_head(self, context: Any) -> None:
        """Every chunk must be decodable with the parameter sets in the file's head."""
        head = bytes(context.extradata or b"")
        if self._head is None:
            self._head = head
        if head != self._head:
            raise ValueError(f"{context.name} made other parameter sets than for the first chunk; use chunks=none")

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:06d}.packets"

    def _chunks(self) -> list[Path]:
        return [self._path(number) for number in range(self._count)]

    def _joined(self) -> Iterator[av.Packet]:
        chunks = [packet_file.times(path) for path in self._chunks()]
        due = decoding_times(chunks)
        for path in self._chunks():
            for packet in packet_file.read(path, self._clip.time_base):
                packet.dts = next(due)
                yield packet


def open_writer(job: Job, path: Path, settings: Settings) -> VideoWriter | ChunkWriter:
    """Begin `path`: in chunks, if the job has any."""
    settings = replace(settings, options=steadied(settings.codec, settings.options))
    return (ChunkWriter if job.chunk else VideoWriter)(job.clip, path, settings)


def decoding_times(chunks: Sequence[Sequence[tuple[int, int]]]) -> Iterator[int]:
    """Decoding times of joined chunks, given the (presentation, decoding) times of each one's packets.

    Every encoder starts ahead of its first picture by its own reordering delay, which between chunks would run into the
    chunk before. As x264 does, picture i is decoded at the time that picture i - delay is shown.
    """
    shown = [pts for chunk in chunks for pts in sorted(pts for pts, _ in chunk)]
    delay = max((sum(dts < min(p for p, _ in chunk) for _, dts in chunk) for chunk in chunks if chunk), default=0)
    delay = min(delay, len(shown) - 1)
    for index, pts in enumerate(shown):
        yield shown[index - delay] if index >= delay else pts - (shown[delay] - shown[0])
