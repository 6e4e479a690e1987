"""Delivery: frames into a video file or pictures, with exact time, tags, and every other stream of the source."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import av
from av.error import FFmpegError

from stages.contract import OrderedStage
from stages.errors import ConfigError, DeliveryError
from stages.media import containers
from stages.media.framehash import framehash
from stages.media.image_writer import CODECS, ImageCodec, ImageWriter, image_codec
from stages.media.output import Settings
from stages.media.passengers import audio_codecs
from stages.media.pixels import has_alpha
from stages.media.trial import try_encoder
from stages.media.writer import open_writer
from stages.packets import Clip, Frame, FrameHash, Job


class EncoderState(Protocol):
    """An open delivery. `path` is what is being written."""

    path: Path

    @property
    def warnings(self) -> list[str]:
        """What could not be carried over."""

    def write(self, frame: Frame) -> av.VideoFrame:
        """Encode one frame; what the encoder was given."""

    def close(self) -> None:
        """Finish."""

    def discard(self) -> None:
        """Leave nothing unfinished behind."""

    def cut(self) -> bytes:
        """Have all that was written so far on disk; what `resume` needs."""

    def resume(self, saved: bytes) -> None:
        """Go on where `cut` was called, in a delivery just opened."""


class Delivering(OrderedStage[EncoderState]):
    """What everything that writes pictures has in common once it is open."""

    def finish(self, state: EncoderState) -> None:
        """Flush the encoder and complete the delivery."""
        with delivering(state.path):
            state.close()

    def abort(self, state: EncoderState) -> None:
        """Close and remove what was written since the last chunk."""
        state.discard()

    def save(self, state: EncoderState) -> bytes:
        """End a chunk."""
        with delivering(state.path):
            return state.cut()

    def restore(self, job: Job, saved: bytes) -> EncoderState:
        """Open the delivery again, after the chunks that are there."""
        state = self.begin(job)
        state.resume(saved)
        return state


class Master(Delivering):
    """Takes frames as they are, and tells what went into the encoder."""

    layer: Literal["none", "face"]

    def process(self, state: EncoderState, frame: Frame) -> FrameHash:
        """Encode `frame`.

        Raises:
            ConfigError: a layer is asked for, and the pipeline makes none.
        """
        if self.layer == "face" and not has_alpha(frame.pixel_format):
            raise ConfigError("encode.layer: nothing makes a layer in this pipeline; use pipeline=edit or replace")
        with delivering(state.path):
            native = state.write(frame)
        return FrameHash(frame.at, framehash(native), native.format.name)


@dataclass(frozen=True, kw_only=True)
class Encode(Master):
    """Encodes the delivery into the job's folder as `delivery<suffix>`; a still picture stays one, in its own codec.

    codec: FFmpeg's encoder. container: "mp4", "mov", "mkv", "webm", "avi", "nut", "mxf"; None keeps the source's where
    it can hold everything with exact time, else takes the codec's usual one. pixel_format: one, or several of which the
    nearest to the source is taken; None means all that the encoder takes. preset, crf: speed and quality, where
    the encoder has them. options: any further encoder options. threads: 0 for one a core. audio: "copy" every stream,
    or "none". layer: what comes in: "none" frames, "face" what was altered, with its matte (`stages.delivery.layer`).
    """

    codec: str = "libx264"
    container: str | None = None
    pixel_format: str | Sequence[str] | None = None
    preset: str | int | None = None
    crf: float | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    threads: int = 0
    audio: Literal["copy", "none"] = "copy"
    layer: Literal["none", "face"] = "none"

    def __post_init__(self) -> None:
        if self.container is not None and "." + self.container.lower().lstrip(".") not in containers.MUXERS:
            names = ", ".join(s[1:] for s in containers.MUXERS)
            raise ConfigError(f"encode.container must be one of {names}, or null, not {self.container!r}")
        if self.audio not in ("copy", "none"):
            raise ConfigError(f"encode.audio must be 'copy' or 'none', not {self.audio!r}")
        if not isinstance(self.options, Mapping):
            raise ConfigError(f"encode.options must map names to values, such as {{g: 24}}, not {self.options!r}")
        if self.threads < 0:
            raise ConfigError(f"encode.threads must be 0 (one a core) or more, not {self.threads}")
        containers.check_layer(self.layer, self.codec, self.pixel_format)

    def suffix(self, clip: Clip, wanted: str | None = None) -> str:
        """The delivery's file suffix: `wanted` or the configured container if it can hold everything.

        Raises:
            DeliveryError: it cannot; the text names those that can.
        """
        if clip.kind == "still":
            return self._picture(clip).suffix
        audio = audio_codecs(clip) if self.audio == "copy" else ()
        return containers.choose(clip, self.codec, audio, wanted or self.container)

    def check(self, clip: Clip, suffix: str | None = None) -> None:
        """Say before the first frame what would fail at the last.

        Raises:
            DeliveryError: the container cannot hold the codec or an audio stream.
            ConfigError: the encoder does not take the pixel format, the preset, the crf or an option.
        """
        self.suffix(clip, suffix)
        if clip.kind != "still":
            chosen = self._format(clip, self.codec, self.pixel_format)
            containers.check_size(clip, self.codec, chosen)
            try_encoder(clip, self.codec, chosen, self._options(), self._named().keys() - self.options.keys())

    def begin(self, job: Job) -> EncoderState:
        """Open `delivery<suffix>` in the job's folder."""
        path = job.folder / f"delivery{self.suffix(job.clip)}"
        if job.clip.kind == "still":
            with delivering(path):
                codec = self._picture(job.clip)
                return ImageWriter(job.clip, path, codec, pixel_format=self._format(job.clip, codec.name))
        pixel_format = self._format(job.clip, self.codec, self.pixel_format)
        with delivering(path):
            settings = Settings(self.codec, pixel_format, self._options(), self.threads, self.audio == "copy")
            return open_writer(job, path, settings)

    def _picture(self, clip: Clip) -> ImageCodec:
        return CODECS["png"] if self.layer == "face" else image_codec(clip)

    def _format(self, clip: Clip, codec: str, wanted: str | Sequence[str] | None = None) -> str:
        return containers.pixel_format(codec, containers.incoming(self.layer, clip), wanted)

    def _options(self) -> dict[str, str]:
        return {k: str(v) for k, v in {**self._named(), **self.options}.items() if v is not None}

    def _named(self) -> dict[str, Any]:
        return {"preset": self.preset, "crf": self.crf}


@contextmanager
def delivering(path: Path) -> Iterator[None]:
    """Turn what goes wrong while writing `path` into one line."""
    try:
        yield
    except (FFmpegError, OSError, ValueError) as cause:
        reason = getattr(cause, "strerror", None) or str(cause)
        raise DeliveryError(f"{path}: cannot be written ({reason}); {_advice(cause)}") from cause


def _advice(cause: Exception) -> str:
    return {
        28: "free space on the disk",
        13: "check the folder's permissions",
        30: "the disk is read-only; choose another output folder",
        2: "the folder is gone; choose another output folder",
        122: "the disk quota is used up; free space",
    }.get(getattr(cause, "errno", None) or 0, "check the encode settings")
