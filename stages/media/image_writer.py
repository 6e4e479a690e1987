"""Writing pictures: a still, or one numbered file a frame."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
from av.codec.context import Flags

from stages.media import containers, images
from stages.media.conversion import convert
from stages.media.exif import UPRIGHT, of_rotation, orientation, oriented
from stages.media.light import Light, float_frame
from stages.packets import Clip, Frame

_LAMBDA = 118  # FF_QP2LAMBDA: quality scale 1 in the units of global_quality


@dataclass(frozen=True, slots=True)
class ImageCodec:
    """An encoder whose packets are picture files."""

    name: str
    suffix: str


CODECS = {
    "png": ImageCodec("png", ".png"),
    "tiff": ImageCodec("tiff", ".tif"),
    "exr": ImageCodec("exr", ".exr"),
    "mjpeg": ImageCodec("mjpeg", ".jpg"),
}
_BY_SUFFIX = {"tif": CODECS["tiff"], "tiff": CODECS["tiff"], "jpg": CODECS["mjpeg"], "jpeg": CODECS["mjpeg"]}


def image_codec(clip: Clip) -> ImageCodec:
    """The codec that keeps a picture what it is: TIFF and JPEG stay that, all others become PNG."""
    return _BY_SUFFIX.get(clip.codec, CODECS["png"])


class ImageWriter:
    """Writes frames into `path`: a file for a still, else a folder of pictures with the source's names.

    light: what floats mean, see `stages.media.light`.
    """

    def __init__(
        self,
        clip: Clip,
        path: Path,
        codec: ImageCodec,
        options: dict[str, str] | None = None,
        pixel_format: str | None = None,
        light: Light = "code",
    ) -> None:
        self.path, self.warnings = path, list[str]()
        self._clip, self._codec, self._options, self._light = clip, codec, options or {}, light
        self._format = pixel_format or containers.pixel_format(codec.name, clip.pixel_format)
        self._context: Any = None
        self._sources = images.listed(clip.path) if clip.kind != "video" else []
        self._fresh = range(0)  # frames written since the last cut
        self._saved = False
        if clip.kind == "still":
            path.open("ab").close()
        else:
            path.mkdir(exist_ok=True)
        if self._format != clip.pixel_format:
            self.warnings.append(f"pixels converted from {clip.pixel_format} to {self._format}")

    def write(self, frame: Frame) -> av.VideoFrame:
        """Write one picture; what the encoder was given."""
        exr, half = self._codec.name == "exr", self._options.get("format") == "half"
        native = float_frame(frame, self._light, half=half) if exr else convert(frame.native, self._format)
        if self._context is None:
            self._context = self._open(native)
            if exr and self._orientation(frame) != UPRIGHT:
                self.warnings.append("pictures lie as they were filmed: OpenEXR has no tag for rotation")
        native.pict_type = 0
        data = b"".join(bytes(packet) for packet in self._context.encode(native))
        self._target(frame.at.index).write_bytes(data if exr else oriented(data, self._orientation(frame)))
        self._fresh = range(self._fresh.start if self._fresh else frame.at.index, frame.at.index + 1)
        return native

    def close(self) -> None:
        """Nothing is pending: every picture is whole when written."""

    def cut(self) -> bytes:
        """Wait until all pictures are on disk."""
        for index in self._fresh:
            with self._target(index).open("rb") as file:
                os.fsync(file.fileno())
        self._fresh, self._saved = range(0), True
        return b""

    def resume(self, saved: bytes) -> None:
        """Pictures that are there stay; what was begun after them is written anew."""
        self._saved = True

    def discard(self) -> None:
        """Leave nothing behind; what was there at the last cut stays."""
        if self._saved:
            for index in self._fresh:
                self._target(index).unlink(missing_ok=True)
        elif self.path.is_dir():
            shutil.rmtree(self.path, ignore_errors=True)
        else:
            self.path.unlink(missing_ok=True)

    def _target(self, index: int) -> Path:
        if self._clip.kind == "still":
            return self.path
        name = self._sources[index].stem if self._sources else f"{index:06d}"
        return self.path / f"{name}{self._codec.suffix}"

    def _orientation(self, frame: Frame) -> int:
        """How the source is turned for viewing; the samples stay as they lie."""
        if self._sources:
            return orientation(self._sources[frame.at.index].read_bytes())
        return of_rotation(int(frame.native.rotation))

    def _open(self, native: av.VideoFrame) -> Any:
        context: Any = av.CodecContext.create(self._codec.name, "w")
        context.width, context.height, context.pix_fmt = native.width, native.height, self._format
        context.time_base, context.framerate = self._clip.time_base, self._clip.rate
        context.thread_count = 1  # frame threads would hold pictures back
        context.color_range, context.colorspace = native.color_range, native.colorspace
        context.color_primaries, context.color_trc = native.color_primaries, native.color_trc
        if self._codec.name == "mjpeg":
            context.flags |= int(Flags.qscale)
            context.global_quality = _LAMBDA
            context.qmin = context.qmax = 1
        context.options.update(self._options)
        return context
