"""Delivery as pictures: one lossless file a frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from stages.errors import ConfigError, DeliveryError
from stages.media import containers
from stages.media.encode import EncoderState, Master, delivering
from stages.media.image_writer import CODECS, ImageWriter
from stages.packets import Clip, Job


@dataclass(frozen=True, kw_only=True)
class EncodeImages(Master):
    """Writes `delivery.<suffix>` for a still, else a folder `delivery` with one picture a frame; sound is left out.

    codec: "png" and "tiff" are lossless, 8 or 16 bit; "mjpeg" is JPEG at its best quality. options: any further
    encoder options.
    """

    codec: Literal["png", "tiff", "mjpeg"] = "png"
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.codec not in CODECS:
            raise ConfigError(f"encode.codec must be one of {', '.join(CODECS)} for pictures, not {self.codec!r}")

    def suffix(self, clip: Clip, wanted: str | None = None) -> str:
        """The suffix of a still, or "" for a folder.

        Raises:
            DeliveryError: `wanted` is not what this codec writes.
        """
        suffix = CODECS[self.codec].suffix if clip.kind == "still" else ""
        if wanted and "." + wanted.lstrip(".").lower() not in (suffix, CODECS[self.codec].suffix):
            raise DeliveryError(f"{clip.name}: {self.codec} writes {CODECS[self.codec].suffix} files, not {wanted}")
        return suffix

    def check(self, clip: Clip, suffix: str | None = None) -> None:
        """Say before the first frame what would fail later; see `suffix`."""
        self.suffix(clip, suffix)
        containers.pixel_format(self.codec, clip.pixel_format)

    def begin(self, job: Job) -> EncoderState:
        """Open `delivery` in the job's folder."""
        path = job.folder / f"delivery{self.suffix(job.clip)}"
        with delivering(path):
            writer = ImageWriter(
                job.clip, path, CODECS[self.codec], {name: str(value) for name, value in self.options.items()}
            )
        if job.clip.audio_streams:
            writer.warnings.append("sound left out: pictures carry none")
        return writer
