"""Clips made of moving gradients and noise, written through PyAV."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from stages.media.colour import colour_of
from stages.media.pixels import components, layout, set_alpha
from stages.packets import Frame, Stamp


def picture(pixel_format: str, index: int = 0, size: tuple[int, int] = (96, 64), seed: int = 7) -> av.VideoFrame:
    """A gradient that moves with `index`, plus noise, in legal limited-range codes of any editable format.

    Alpha, where there is any, goes from clear on the left to opaque on the right.
    """
    native = av.VideoFrame(*size, pixel_format)
    form, noise = layout(pixel_format), np.random.default_rng(seed + index)
    unit = 1 << (form.depth - 8)
    for number, view in enumerate(components(native)):
        rows, columns = np.mgrid[0 : view.shape[0], 0 : view.shape[1]]
        wave = 128 + 70 * np.sin((columns + 3 * index) / (9 + 4 * number)) * np.cos(rows / 11)
        codes = (wave + noise.normal(0, 6, view.shape)) * unit + noise.integers(0, unit, view.shape)
        view[:] = np.clip(codes, 16 * unit, 235 * unit).astype(np.uint16) << form.shift
    set_alpha(native, np.linspace(0, 1, size[0], dtype=np.float32)[None])
    return native


def frame_of(pixel_format: str, *, size: tuple[int, int] = (96, 64), matrix: int = 2, full: bool = False) -> Frame:
    """One frame of `picture`, tagged."""
    native = picture(pixel_format, size=size)
    native.colorspace, native.color_range = matrix, 2 if full else 1
    native.pts, native.time_base = 5, Fraction(1, 25)
    return Frame(Stamp("synthetic", 5, 5, Fraction(1, 25)), native, colour_of(native))


@dataclass
class Recipe:
    """What a synthetic clip is made of."""

    codec: str = "ffv1"
    pixel_format: str = "yuv420p"
    size: tuple[int, int] = (96, 64)
    pts: Sequence[int] = tuple(range(8))
    time_base: Fraction = Fraction(1, 25)
    rate: Fraction = Fraction(25)
    audio: Sequence[str] = ()
    options: dict[str, str] = field(default_factory=dict)
    tags: dict[str, int] = field(default_factory=dict)  # colorspace, color_primaries, color_trc, color_range
    metadata: dict[str, str] = field(default_factory=dict)
    rotation: float = 0
    aspect: Fraction | None = None


def write(path: Path, recipe: Recipe) -> Path:
    """Write the clip."""
    scale = {"video_track_timescale": str(recipe.time_base.denominator)} if path.suffix in (".mp4", ".mov") else {}
    with av.open(str(path), "w", container_options=scale) as output:
        stream: Any = output.add_stream(recipe.codec, rate=recipe.rate, options=recipe.options)
        stream.width, stream.height = recipe.size
        stream.pix_fmt = recipe.pixel_format
        stream.codec_context.time_base = stream.time_base = recipe.time_base
        for name, value in recipe.tags.items():
            setattr(stream.codec_context, name, value)
        stream.metadata.update(recipe.metadata)
        if recipe.rotation:
            stream.set_display_rotation(recipe.rotation)
        if recipe.aspect:
            stream.codec_context.sample_aspect_ratio = recipe.aspect
        sounds = [output.add_stream(name, rate=48000) for name in recipe.audio]
        for index, pts in enumerate(recipe.pts):
            native = picture(recipe.pixel_format, index, recipe.size)
            native.pts, native.time_base = pts, recipe.time_base
            for name, value in recipe.tags.items():
                setattr(native, name, value)
            output.mux(stream.encode(native))
        output.mux(stream.encode(None))
        for number, sound in enumerate(sounds):
            _sing(output, sound, 330 * (number + 1))
    return path


def _sing(output: Any, stream: Any, pitch: int) -> None:
    wave = (8000 * np.sin(np.arange(16 * 1024) * pitch / 48000 * 2 * np.pi)).astype(np.int16)
    for start in range(0, len(wave), 1024):
        stereo = np.repeat(wave[None, start : start + 1024], 2, axis=1)
        sound = av.AudioFrame.from_ndarray(stereo, "s16", "stereo")
        sound.sample_rate, sound.pts, sound.time_base = 48000, start, Fraction(1, 48000)
        output.mux(stream.encode(sound))
    output.mux(stream.encode(None))
