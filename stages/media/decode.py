"""Decoding: what a clip is, and its frames in presentation order with exact integer time.

A clip is a video file, a still picture, or a sequence of pictures (a folder, or a pattern such as `shot.%04d.png`).
Frames keep the pixel format they were coded in; nothing here converts.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import av
import av.container
import av.video.stream
from av.error import FFmpegError

from stages.errors import ClipError, ConfigError
from stages.media import images
from stages.media.colour import colour_of
from stages.media.extent import cut_short
from stages.media.pixels import turns
from stages.media.streams import moving
from stages.media.timing import Clock, Entry, entry, truncated
from stages.packets import Clip, Frame, Stamp

log = logging.getLogger(__name__)
_REWRAP = "re-export it, or have its readable part with decode.on_corrupt=stop"


@dataclass(frozen=True, kw_only=True)
class Decode:
    """The source of every graph.

    threads: decoder threads, 0 for one a core. on_corrupt: what a damaged or missing packet means: "error" raises,
    "stop" ends the clip there with a warning. image_rate: frames a second of stills and sequences ("24000/1001" too).
    """

    threads: int = 0
    on_corrupt: Literal["error", "stop"] = "error"
    image_rate: str | float = 24

    def __post_init__(self) -> None:
        if self.threads < 0:
            raise ConfigError(f"decode.threads must be 0 (one a core) or more, not {self.threads}")
        if self.on_corrupt not in ("error", "stop"):
            raise ConfigError(f"decode.on_corrupt must be 'error' or 'stop', not {self.on_corrupt!r}")
        try:
            positive = Fraction(str(self.image_rate)) > 0
        except (ValueError, ZeroDivisionError):
            positive = False
        if not positive:
            raise ConfigError(f"decode.image_rate must be a positive number or fraction, not {self.image_rate!r}")

    @property
    def _image_rate(self) -> Fraction:
        return Fraction(str(self.image_rate)).limit_denominator(1001)

    def probe(self, path: str | Path) -> Clip:
        """What is known of the clip at `path`; the first frame is decoded, so that a clip that probes also plays.

        Raises:
            ClipError: nothing there, nothing in it, truncated, no picture, or a folder without images.
        """
        path = Path(path)
        _require_nameable(path)
        if images.is_images(path):
            return images.probe(path, self._image_rate)
        _require_file(path)
        with _opened(path) as (container, stream):
            return _describe(path, container, stream, self._first(path, container, stream))

    def frames(self, clip: Clip, *, start: int = 0, stop: int | None = None) -> Iterator[Frame]:
        """Frames `start` to `stop` (exclusive; None for the end) in presentation order.

        Raises:
            ClipError: a damaged packet, a truncated file or a change of size or format, named with frame and time.
        """
        if clip.kind != "video":
            yield from images.frames(clip, start, stop)
            return
        yield from islice(self._decoded(clip, start), None if stop is None else max(0, stop - start))

    def _first(
        self, path: Path, container: av.container.InputContainer, stream: av.video.stream.VideoStream
    ) -> av.VideoFrame:
        try:
            first: av.VideoFrame = next(container.decode(stream))
            return first
        except StopIteration:
            raise ClipError(f"{path.name}: no frame in its video stream; is it truncated? re-export the clip") from None
        except FFmpegError as cause:
            raise ClipError(f"{path.name}: its first frame cannot be decoded ({_why(cause)}); {_REWRAP}") from cause

    def _decoded(self, clip: Clip, start: int) -> Iterator[Frame]:
        """Frames from `start` on."""
        last = None
        try:
            for frame in self._strict(clip, start):
                if frame.at.index >= start:
                    yield frame
                last = frame
        except _DamageError as damage:
            where = (
                f"{clip.name} frame {last.at.index + 1} ({last.at.seconds:.3f}s)" if last else f"{clip.name} frame 0"
            )
            if last is None and self.on_corrupt == "stop":
                raise ClipError(f"{where}: {damage}; nothing of it can be read, copy it again") from damage.__cause__
            if self.on_corrupt == "error":
                raise ClipError(f"{where}: {damage}; {_REWRAP}") from damage.__cause__
            log.warning("%s: %s; the clip ends here", where, damage)

    def _strict(self, clip: Clip, start: int) -> Iterator[Frame]:
        """Frames from some frame at or before `start` on."""
        with _opened(clip.path) as (container, stream):
            stream.thread_type = "AUTO"
            stream.codec_context.thread_count = self.threads
            if (came_in := _entry(clip, start)) is not None:
                container.seek(came_in.pts, stream=stream)
            clock = Clock(clip, came_in.first if came_in else 0)
            reader = _Reader(container, stream)
            for native in reader.natives():
                if came_in is None or native.pts is None or native.pts >= came_in.pts:
                    yield _frame(clip, clock, native)
            missing = truncated(container, stream, reader.packets, clock) if came_in is None else None
            if missing := missing or cut_short(clip.path, container.format.name):
                raise _DamageError(missing)


def probe(path: str | Path) -> Clip:
    """`Decode().probe`."""
    return Decode().probe(path)


def frames(clip: Clip, *, start: int = 0, stop: int | None = None) -> Iterator[Frame]:
    """`Decode().frames`."""
    return Decode().frames(clip, start=start, stop=stop)


class _DamageError(Exception):
    """The stream is broken here."""


def _entry(clip: Clip, start: int) -> Entry | None:
    if start == 0:
        return None
    with _opened(clip.path) as (container, stream):
        return entry(container, stream, start)


class _Reader:
    """Decodes one stream and counts its packets."""

    def __init__(self, container: av.container.InputContainer, stream: av.video.stream.VideoStream) -> None:
        self.packets = 0
        self._container, self._stream = container, stream

    def natives(self) -> Iterator[av.VideoFrame]:
        """What the decoder gives; at damage, first what it had finished before."""
        for packet in self._container.demux(self._stream):
            self.packets += packet.size > 0
            try:
                if packet.is_corrupt:
                    raise _DamageError("damaged or truncated packet")
                yield from packet.decode()
            except (FFmpegError, _DamageError) as cause:
                yield from self._pending()
                raise _DamageError(_why(cause)) from cause

    def _pending(self) -> list[av.VideoFrame]:
        try:
            return list(self._stream.decode(None))
        except FFmpegError:
            return []


def _frame(clip: Clip, clock: Clock, native: av.VideoFrame) -> Frame:
    if native.is_corrupt:
        raise _DamageError("damaged picture")
    if (native.width, native.height, native.format.name) != (clip.width, clip.height, clip.pixel_format):
        raise _DamageError(
            f"the picture changes from {clip.width}x{clip.height} {clip.pixel_format} to "
            f"{native.width}x{native.height} {native.format.name}"
        )
    index, pts = clock.tick(native.pts, native.duration)
    if pts is None:
        raise _DamageError("time runs backwards")
    native.pts, native.time_base = pts, clip.time_base
    return Frame(Stamp(clip.name, index, pts, clip.time_base), native, colour_of(native), turns(native))


def _require_nameable(path: Path) -> None:
    try:
        path.exists()
    except OSError as cause:
        raise ClipError(f"{str(path)[:80]}...: no such clip ({cause.strerror}); check the path") from cause


def _require_file(path: Path) -> None:
    if not path.exists():
        raise ClipError(f"{path}: no such clip; check the path")
    if path.is_dir():
        raise ClipError(f"{path}: a folder without images; give a video file or a folder of numbered images")
    try:
        empty = path.stat().st_size == 0
        path.open("rb").close()
    except OSError as cause:
        raise ClipError(f"{path}: cannot be read ({cause.strerror}); check its permissions") from cause
    if empty:
        raise ClipError(f"{path.name}: the file is empty; copy it again")


@contextmanager
def _opened(path: Path) -> Iterator[tuple[av.container.InputContainer, av.video.stream.VideoStream]]:
    try:
        container = av.open(str(path), metadata_errors="replace")
    except FFmpegError as cause:
        raise ClipError(f"{path.name}: not a readable video ({_why(cause)}); is it truncated? re-export it") from cause
    with container:
        if container.format.name == "tty":  # FFmpeg would draw any text file as a terminal
            raise ClipError(f"{path.name}: text, not a video; check the path")
        pictures = moving(container)
        if not pictures:
            what = "only sound" if container.streams.audio else "no video"
            raise ClipError(f"{path.name}: {what} in it; give a clip with a picture, or copy it again if it had one")
        if pictures[0].codec_context is None:
            raise ClipError(f"{path.name}: no decoder for its video codec; convert it to H.264, ProRes or FFV1")
        yield container, pictures[0]


def _describe(path: Path, container: Any, stream: Any, first: av.VideoFrame) -> Clip:
    time_base = Fraction(stream.time_base)
    rate = stream.average_rate or stream.guessed_rate or stream.base_rate or Fraction(25)
    return Clip(
        path=path,
        name=images.one_line(path.name),
        width=first.width,
        height=first.height,
        time_base=time_base,
        rate=Fraction(rate),
        frames=_count(container, stream, Fraction(rate)),
        pixel_format=first.format.name,
        colour=colour_of(first),
        codec=stream.codec_context.codec.canonical_name,
        kind="video",
        audio_streams=len(container.streams.audio),
        interlaced=bool(first.interlaced_frame),
        turns=turns(first),
    )


def _count(container: Any, stream: Any, rate: Fraction) -> int | None:
    if stream.frames:
        return int(stream.frames)
    seconds = Fraction(container.duration, av.time_base) if container.duration else None
    return round(seconds * rate) if seconds else None


def _why(cause: Exception) -> str:
    return str(getattr(cause, "strerror", None) or cause).rstrip(".")
