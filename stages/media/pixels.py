"""Pixel formats: where each component of a native frame lies, as NumPy views that copy nothing.

Names and layouts are FFmpeg's (libavutil/pixdesc.c). Planar formats have one component a plane; semi-planar and packed
ones share a plane and are seen with a step. `p010` and its kin keep their bits at the top of 16.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Literal

import av
import numpy as np
from numpy.typing import NDArray

from stages.errors import ClipError

Model = Literal["yuv", "rgb", "gray"]
Plane = NDArray[Any]

# name: (order of components within a pixel, bytes a component); "x" is padding.
_PACKED = {
    "rgb24": ("rgb", 1),
    "bgr24": ("bgr", 1),
    "rgba": ("rgba", 1),
    "bgra": ("bgra", 1),
    "argb": ("argb", 1),
    "abgr": ("abgr", 1),
    "rgb0": ("rgbx", 1),
    "bgr0": ("bgrx", 1),
    "0rgb": ("xrgb", 1),
    "0bgr": ("xbgr", 1),
    "rgb48": ("rgb", 2),
    "bgr48": ("bgr", 2),
    "rgba64": ("rgba", 2),
    "bgra64": ("bgra", 2),
}
_SEMI_PLANAR = {"nv12": 8, "nv16": 8, "nv24": 8}
_TOP_BITS = {"p010", "p012", "p210", "p212", "p410", "p412"}
_PLANAR_PREFIXES = ("yuv4", "yuva4", "yuvj4", "gbrp", "gbrap", "gray", "ya8", "ya16")


@dataclass(frozen=True, slots=True)
class Component:
    """One component: its plane, its first sample and the distance to the next, in samples."""

    plane: int
    offset: int = 0
    step: int = 1


@dataclass(frozen=True, slots=True)
class Layout:
    """How a pixel format stores its colour components (alpha is left out: nothing edits it).

    components: Y or gray; Y, Cb, Cr; or R, G, B. depth: bits a sample. shift: unused low bits of a stored sample.
    chroma: log2 of the luma samples a chroma sample spans, across and down (0, 0 without subsampling).
    """

    name: str
    model: Model
    components: tuple[Component, ...]
    depth: int
    dtype: np.dtype[Any]
    shift: int
    chroma: tuple[int, int]

    @property
    def contiguous(self) -> bool:
        """Samples of a row lie side by side in native byte order, so that kernels can work in place."""
        return all(c.step == 1 for c in self.components) and self.shift == 0 and self.dtype.isnative


@cache
def layout(name: str) -> Layout:
    """The layout of FFmpeg's pixel format `name`.

    Raises:
        ClipError: float, paletted, bayer and other formats whose samples cannot be edited in place.
    """
    fmt = av.VideoFormat(name, 16, 16)
    base = name.removesuffix("le").removesuffix("be")
    depth = fmt.components[0].bits
    order = ">" if fmt.is_big_endian else "<"
    dtype = np.dtype(np.uint8) if depth <= 8 else np.dtype(f"{order}u2")
    model: Model = "rgb" if fmt.is_rgb else "gray" if len(fmt.components) < 3 else "yuv"
    if base in _PACKED:
        return Layout(name, "rgb", _packed(base), depth, dtype, 0, (0, 0))
    if base in _SEMI_PLANAR or base[:4] in _TOP_BITS | {"p016", "p216", "p416"}:
        shift = 16 - depth if base in _TOP_BITS else 0
        semi = (Component(0), Component(1, 0, 2), Component(1, 1, 2))
        return Layout(name, "yuv", semi, depth, dtype, shift, _subsampling(fmt))
    if name in ("pal8",) or not base.startswith(_PLANAR_PREFIXES) or "f16" in base or "f32" in base or "msb" in base:
        raise ClipError(f"pixel format {name!r} cannot be edited: convert the clip to yuv422p10le or gbrp16le first")
    return Layout(name, model, _planar(base, model), depth, dtype, 0, _subsampling(fmt) if model == "yuv" else (0, 0))


def _packed(base: str) -> tuple[Component, ...]:
    order, _ = _PACKED[base]
    return tuple(Component(0, order.index(letter), len(order)) for letter in "rgb")


def _planar(base: str, model: Model) -> tuple[Component, ...]:
    if model == "rgb":  # FFmpeg stores the planes as G, B, R
        return (Component(2), Component(0), Component(1))
    if base.startswith("ya"):
        return (Component(0, 0, 2),) if model == "gray" else tuple(Component(i) for i in range(3))
    return tuple(Component(i) for i in range(1 if model == "gray" else 3))


def _subsampling(fmt: av.VideoFormat) -> tuple[int, int]:
    across, down = 16 // fmt.chroma_width(16), 16 // fmt.chroma_height(16)
    return across.bit_length() - 1, down.bit_length() - 1


def components(native: av.VideoFrame) -> tuple[Plane, ...]:
    """Views of the colour components of `native`, (rows, samples) each, stored codes; writing to them writes the frame.

    The order is Y (or gray); Y, Cb, Cr; or R, G, B, whatever the order of planes.

    Raises:
        ClipError: see `layout`.
    """
    form, planes = layout(native.format.name), native.planes
    stored = {c.plane: _rows(planes[c.plane], form.dtype) for c in form.components}
    views = []
    for component in form.components:
        rows = stored[component.plane]
        width = planes[component.plane].width
        views.append(rows[:, component.offset : component.offset + width * component.step : component.step])
    return tuple(views)


def upright(native: av.VideoFrame, turns: int) -> tuple[Plane, ...]:
    """`components` after `turns` quarter turns counter-clockwise; the layout that goes with them is `turned`."""
    views = components(native)
    return tuple(np.rot90(view, turns) for view in views) if turns else views


@cache
def turned(name: str, turns: int) -> Layout:
    """The layout of FFmpeg's pixel format `name` after quarter turns; see `layout`."""
    form = layout(name)
    return replace(form, chroma=form.chroma[::-1]) if turns % 2 else form


def turns(native: av.VideoFrame) -> int:
    """Quarter turns, counter-clockwise, by which a viewer shows the picture upright, 0 to 3; other angles count as the
    nearest."""
    return round(native.rotation / 90) % 4


def has_alpha(name: str) -> bool:
    """Whether FFmpeg's pixel format `name` tells how opaque pixels are."""
    return bool(av.VideoFormat(name, 16, 16).components[-1].is_alpha)


def alpha(native: av.VideoFrame) -> NDArray[np.float32] | None:
    """How opaque each pixel is, (rows, samples) 0..1; None for a format without alpha."""
    codes = alpha_codes(native)
    return None if codes is None else codes.astype(np.float32) / np.float32(_highest(native))


def set_alpha(native: av.VideoFrame, wanted: NDArray[np.float32]) -> None:
    """Write what `alpha` reads, in a format that has it, rounded; opaque is the highest code."""
    codes = alpha_codes(native)
    if codes is not None:
        codes[:] = np.rint(wanted * np.float32(_highest(native)))


def alpha_codes(native: av.VideoFrame) -> Plane | None:
    """A view of the alpha samples of integers, (rows, samples)."""
    last = native.format.components[-1]
    if not last.is_alpha:
        return None
    base = native.format.name.removesuffix("le").removesuffix("be")
    order, _ = _PACKED.get(base, ("ya" if base in ("ya8", "ya16") else "a", 1))
    dtype = np.dtype(np.uint8) if last.bits <= 8 else np.dtype(">u2" if native.format.is_big_endian else "<u2")
    return _rows(native.planes[last.plane], dtype)[:, order.index("a") :: len(order)][:, : native.width]


def _highest(native: av.VideoFrame) -> int:
    return (1 << native.format.components[-1].bits) - 1


def whole_planes(native: av.VideoFrame) -> tuple[Plane, ...] | None:
    """Like `components` for contiguous layouts, with the padding of rows; None for a frame stored upside down.

    Rows without gaps between them are what compiled kernels are fastest on.
    """
    form, planes = layout(native.format.name), native.planes
    if any(planes[c.plane].line_size < 0 for c in form.components):
        return None
    return tuple(_rows(planes[c.plane], form.dtype) for c in form.components)


def _rows(plane: Any, dtype: np.dtype[Any]) -> Plane:
    rows = np.frombuffer(plane, dtype).reshape(plane.height, -1)
    return rows[::-1] if plane.line_size < 0 else rows


def visible(native: av.VideoFrame) -> tuple[NDArray[np.uint8], ...]:
    """The bytes of every plane, (rows, bytes a row), as views without the padding of rows: equal for equal pictures."""
    planes = native.planes
    rows = tuple(_rows(plane, np.dtype(np.uint8)) for plane in planes)
    wide = _row_bytes(native.format.name, native.width, tuple(plane.width for plane in planes))
    return tuple(row[:, :count] for row, count in zip(rows, wide, strict=True))


@cache
def _row_bytes(name: str, width: int, widths: tuple[int, ...]) -> tuple[int, ...]:
    """Of the samples in one row of every plane."""
    form = av.VideoFormat(name, width, 16)
    if len(widths) == 1:
        return (-(-width * form.padded_bits_per_pixel // 8),)
    sizes = [sum(-(-c.bits // 8) for c in form.components if c.plane == index) for index in range(len(widths))]
    return tuple(one * size for one, size in zip(widths, sizes, strict=True))
