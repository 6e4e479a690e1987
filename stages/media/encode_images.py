"""Delivery as pictures: one file a frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from stages.errors import ConfigError, DeliveryError
from stages.media import containers
from stages.media.encode import EncoderState, Master, delivering
from stages.media.image_writer import CODECS, ImageWriter
from stages.media.light import Light
from stages.packets import Clip, Job


@dataclass(frozen=True, kw_only=True)
class EncodeImages(Master):
    """Writes `delivery.<suffix>` for a still, else a folder `delivery` with one picture a frame; sound is left out.

    codec: "png" and "tiff" are lossless, 8 or 16 bit; "exr" is float; "mjpeg" is JPEG at its best quality.
    pixel_format: one, or several of which the nearest to the source is taken; None means all that the encoder takes.
    light: what "exr" stores, "linear" light or "code" values as they are; see `stages.media.light`. options: any
    further encoder options. layer: see `stages.media.encode.Encode`.
    """

    codec: Literal["png", "tiff", "exr", "mjpeg"] = "png"
    pixel_format: str | Sequence[str] | None = None
    light: Light = "code"
    options: Mapping[str, Any] = field(default_factory=dict)
    layer: Literal["none", "face"] = "none"

    def __post_init__(self) -> None:
        if self.codec not in CODECS:
            raise ConfigError(f"encode.codec must be one of {', '.join(CODECS)} for pictures, not {self.codec!r}")
        if self.light not in ("code", "linear"):
            raise ConfigError(f"encode.light must be 'linear' or 'code', not {self.light!r}")
        if self.light == "linear" and self.codec != "exr":
            raise ConfigError(f"encode.light: {self.codec} holds no linear light; use codec=exr, or light=code")
        containers.check_layer(self.layer, self.codec, self.pixel_format)

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
        self._format(clip)

    def begin(self, job: Job) -> EncoderState:
        """Open `delivery` in the job's folder."""
        path = job.folder / f"delivery{self.suffix(job.clip)}"
        with delivering(path):
            options = {name: str(value) for name, value in self.options.items()}
            writer = ImageWriter(job.clip, path, CODECS[self.codec], options, self._format(job.clip), self.light)
        if job.clip.audio_streams:
            writer.warnings.append("sound left out: pictures carry none")
        return writer

    def _format(self, clip: Clip) -> str:
        return containers.pixel_format(self.codec, containers.incoming(self.layer, clip), self.pixel_format)
