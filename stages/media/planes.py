"""Native planes: crops of a frame as R'G'B', and edits written back as differences.

Chroma is repeated over the luma samples it covers when read and averaged over the same samples when written, a pair
that is exact for what did not change. Sub-sample siting shifts both alike, so a warp moves chroma as it should. A frame
that is stored sideways is read and written as a viewer sees it, by copies of the blocks that are touched.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from typing import Any, Literal

import av
import cv2
import numpy as np
from av.filter import Graph
from numpy.typing import NDArray

from stages.contract import MapStage
from stages.errors import ClipError, ConfigError
from stages.media import kernels, layers, moving, painting
from stages.media.colour import coding
from stages.media.pixels import Layout, Plane, turned, upright, whole_planes
from stages.packets import Clip, Colour, Edit, Edits, Floats, Frame, Moved, Painted, Region, Stamp

Box = tuple[int, int, int, int]
Bytes = NDArray[np.uint8]

__all__ = ["WriteBack", "after", "align", "clone", "crop", "draw", "drawn", "paste", "planar8", "rgb8"]


def align(box: tuple[float, float, float, float], frame: Frame) -> Box:
    """Grow `box` (x0, y0, x1, y1 in luma pixels) to whole chroma blocks, and cut it to the frame."""
    sx, sy = turned(frame.pixel_format, frame.turns).chroma
    x0, y0 = (int(np.floor(v)) >> s << s for v, s in zip(box[:2], (sx, sy), strict=True))
    x1, y1 = (-(-int(np.ceil(v)) >> s) << s for v, s in zip(box[2:], (sx, sy), strict=True))
    return max(0, x0), max(0, y0), min(frame.width, x1), min(frame.height, y1)


def crop(frame: Frame, box: Box) -> Floats:
    """The region `box` (inside the frame) as float32 (h, w, 3) non-linear R'G'B', nominal 0..1, not clipped.

    Raises:
        ClipError: a pixel format or colour matrix that cannot be edited.
    """
    x0, y0, x1, y1 = _inside(box, frame)
    k, form = _constants(frame)
    return _picture(*_readable(frame, form, box), form, k, (y1 - y0, x1 - x0))


def rgb8(
    frame: Frame,
    box: Box | None = None,
    size: tuple[int, int] | None = None,
    *,
    fill: Literal["edge", "black"] = "edge",
) -> Bytes:
    """8-bit R'G'B' (h, w, 3) of the frame or of `box`, for detectors and landmarkers; `size` is (width, height).

    Where the box goes beyond the frame the edge is repeated, or black is filled in. Resizing is
    antialiased and done on the planes before conversion; off the chroma grid, chroma may sit a luma pixel aside then.
    """
    whole = (0, 0, frame.width, frame.height)
    wanted = whole if box is None else box
    x0, y0, x1, y1 = max(wanted[0], 0), max(wanted[1], 0), min(wanted[2], whole[2]), min(wanted[3], whole[3])
    if x0 >= x1 or y0 >= y1:
        width, height = size or (wanted[2] - wanted[0], wanted[3] - wanted[1])
        return np.zeros((height, width, 3), np.uint8)
    inner, scale = None, (1.0, 1.0)
    if size is not None:
        scale = size[0] / (wanted[2] - wanted[0]), size[1] / (wanted[3] - wanted[1])
        inner = max(1, round((x1 - x0) * scale[0])), max(1, round((y1 - y0) * scale[1]))
    picture: Bytes = cv2.merge(tuple(planar8(frame, (x0, y0, x1, y1), inner)))
    if (x0, y0, x1, y1) == tuple(wanted):
        return picture
    left, top = round((x0 - wanted[0]) * scale[0]), round((y0 - wanted[1]) * scale[1])
    width, height = size or (wanted[2] - wanted[0], wanted[3] - wanted[1])
    right, bottom = max(0, width - left - picture.shape[1]), max(0, height - top - picture.shape[0])
    how = cv2.BORDER_REPLICATE if fill == "edge" else cv2.BORDER_CONSTANT
    padded: Bytes = cv2.copyMakeBorder(picture, top, bottom, left, right, how)
    return padded[:height, :width]


def planar8(frame: Frame, box: Box, size: tuple[int, int] | None = None) -> Bytes:
    """As `rgb8`, of a box inside the frame, as planes (3, h, w)."""
    k, form = _constants(frame)
    planes, origin = _readable(frame, form, box)
    chroma = form.chroma
    width, height = box[2] - box[0], box[3] - box[1]
    if size not in (None, (width, height)):
        region = (*origin, origin[0] + width, origin[1] + height)
        chromas = [(0, 0)] + [form.chroma if form.model == "yuv" else (0, 0)] * 2
        planes = tuple(_resized(p, region, c, size) for p, c in zip(planes, chromas, strict=False))
        origin, chroma, (width, height) = (0, 0), (0, 0), size
    out = np.empty((3, height, width), np.uint8)
    if form.model == "yuv":
        kernels.yuv_to_rgb8(planes, origin, chroma, k, out)
    else:
        for channel, target in enumerate(out):
            cut = _cut(planes, channel, origin, target)
            target[:] = np.clip((cut - k[0]) * (255 * k[1]) + np.float32(0.5), 0, 255)
    return out


def paste(frame: Frame, edits: tuple[Region, ...]) -> Frame:
    """A copy of `frame` with mask * (after - before) of each edit added to its codes, rounded and clipped.

    The difference is turned into codes, not the picture: a sample whose mask is 0, or whose picture did not change,
    keeps its code bit by bit. What is only moved, or painted on that, is so in codes. Alpha, timestamps, tags and side
    data are those of `frame`, which is left untouched.

    Raises:
        ClipError: a pixel format or colour matrix that cannot be edited.
    """
    k, form = _constants(frame)
    pasted = replace(frame, native=clone(frame.native))
    for edit in _layers(edits):
        box = _inside(edit.box, frame)
        if align(box, frame) != box:
            raise ValueError(f"box {box} is not on the chroma grid of {frame.pixel_format}; use align()")
        planes, origin = _readable(pasted, form, box)
        if isinstance(edit, Moved):
            _move(form, _readable(frame, form, box)[0], planes, origin, edit, k)
        elif isinstance(edit, Painted) and form.model == "yuv":
            painting.paint(planes, origin, form.chroma, edit, k)
        else:
            _add(form, planes, origin, draw(edit), k)
        _store(pasted, form, box, planes)
    return pasted


def _layers(edits: tuple[Region, ...]) -> Iterator[Region]:
    """The regions, and after each what is painted on it."""
    for edit in edits:
        yield edit
        if isinstance(edit, Moved) and edit.painted is not None:
            yield edit.painted


def drawn(edits: Edits) -> tuple[Edit, ...]:
    """The regions of `edits` as pictures; those that were painted as they are."""
    return tuple(draw(edit) for edit in edits.edits)


def draw(edit: Region) -> Edit:
    """The region before and after it was edited; the very same if it is drawn."""
    if isinstance(edit, Edit):
        return edit
    if isinstance(edit, Painted):
        under = after(edit.under, edit.box)
        made, mask = painting.pictured(edit.samples, edit.mask, edit.texture, under)
        return Edit(edit.track, edit.box, under, made, mask, edit.places, edit.sources)
    before = crop(edit.frame, edit.box)
    moved, mask = moving.resampled(before, edit.offsets, edit.mask)
    whole = Edit(edit.track, edit.box, before, moved, mask, edit.places, edit.sources)
    return layers.laid(whole, draw(edit.painted)) if edit.painted is not None else whole


def after(edit: Edit | Moved, box: Box) -> Floats:
    """(h, w, 3) what an edit has made of a box inside its own."""
    x0, y0, x1, y1 = (value - corner for value, corner in zip(box, edit.box[:2] * 2, strict=True))
    if isinstance(edit, Edit):
        return np.ascontiguousarray(edit.after[y0:y1, x0:x1])
    k, form = _constants(edit.frame)
    planes, origin = _blocks(edit.frame, form, edit.box)
    moved = tuple(plane.copy() for plane in planes)
    _move(form, planes, moved, origin, edit, k)
    return _picture(moved, (origin[0] + x0, origin[1] + y0), form, k, (y1 - y0, x1 - x0))


def clone(native: av.VideoFrame) -> av.VideoFrame:
    """A copy on samples of its own, with every property of `native`.

    A filter is the one way PyAV has to take side data, aspect ratio and interlacing along, and it takes its memory from
    a pool.
    """
    graphs = _LOCAL.__dict__.setdefault("graphs", {})
    key = native.width, native.height, native.format.name, native.time_base
    if key not in graphs:
        graphs.clear()
        graphs[key] = _copying_graph(native)
    source, sink, _ = graphs[key]
    source.push(native)
    copy: av.VideoFrame = sink.pull()
    return copy


@dataclass(frozen=True, kw_only=True)
class WriteBack(MapStage):
    """Writes edits into the native planes; without edits the very frame that came goes on.

    interlaced: what to do with frames flagged as two fields, one of a later moment: "refuse" them, or edit them as
    "progressive" ones, which is right where both fields were filmed at once (segmented frames).
    """

    interlaced: Literal["refuse", "progressive"] = "refuse"

    def __post_init__(self) -> None:
        if self.interlaced not in ("refuse", "progressive"):
            raise ConfigError(f"write.interlaced must be 'refuse' or 'progressive', not {self.interlaced!r}")

    def prepare(self) -> None:
        """Compile what moves and paints 8-bit samples."""
        frame, box = Frame(Stamp("", 0, 0, Fraction(1)), av.VideoFrame(4, 4, "yuv420p"), Colour()), (0, 0, 4, 4)
        still, nowhere = np.zeros((6, 2, 2), np.float32), np.zeros((0, 2), np.float32)
        under = Moved(0, box, frame, still[:2], still[2], nowhere, nowhere)
        texture = np.zeros((2, 2), np.uint64)
        over = Painted(0, box, under, still, still[0], texture, nowhere, nowhere)
        paste(frame, (replace(under, painted=over),))

    def check(self, clip: Clip) -> None:
        """Say before the first frame what would fail in the render.

        Raises:
            ClipError: the clip is interlaced.
        """
        if clip.interlaced and self.interlaced == "refuse":
            raise ClipError(f"{clip.name}: {_FIELDS}")

    def process(self, frame: Frame, edits: Edits | None) -> Frame:
        """See `paste`.

        Raises:
            ClipError: the frame is interlaced and a face in it is to change.
        """
        if edits is None or not edits.edits:
            return frame
        if frame.native.interlaced_frame and self.interlaced == "refuse":
            raise ClipError(f"{frame.at}: {_FIELDS}")
        return paste(frame, edits.edits)


_FIELDS = (
    "interlaced; faces are not edited in fields of two moments. Deinterlace the clip first, or use "
    "write.interlaced=progressive if both fields were filmed at once"
)
_LOCAL = threading.local()
_ONE_OF_RGB = np.eye(3, dtype=np.float32)


def _copying_graph(native: av.VideoFrame) -> tuple[Any, Any, Graph]:
    graph = Graph()
    source = graph.add_buffer(
        width=native.width, height=native.height, format=native.format, time_base=native.time_base
    )
    copy, sink = graph.add("copy"), graph.add("buffersink")
    source.link_to(copy)
    copy.link_to(sink)
    graph.configure()
    return source, sink, graph


@lru_cache(maxsize=64)
def _constants_of(pixel_format: str, colour: Any, height: int, turns: int) -> tuple[Floats, Layout]:
    return kernels.constants(coding(pixel_format, colour, height)), turned(pixel_format, turns)


def _constants(frame: Frame) -> tuple[Floats, Layout]:
    return _constants_of(frame.pixel_format, frame.colour, frame.native.height, frame.turns)


def _inside(box: Box, frame: Frame) -> Box:
    x0, y0, x1, y1 = box
    if not (0 <= x0 < x1 <= frame.width and 0 <= y0 < y1 <= frame.height):
        raise ValueError(f"box {box} is not inside the {frame.width}x{frame.height} frame")
    return box


def _readable(frame: Frame, form: Layout, box: Box) -> tuple[tuple[Plane, ...], tuple[int, int]]:
    """Planes the kernels can work on (the frame's, or copies of whole blocks) and the luma origin of `box` there."""
    own = _own(frame, form)
    return (own, (box[0], box[1])) if own is not None else _blocks(frame, form, box)


def _blocks(frame: Frame, form: Layout, box: Box) -> tuple[tuple[Plane, ...], tuple[int, int]]:
    """Copies of the blocks that `box` touches, and its luma origin there."""
    views = upright(frame.native, frame.turns)
    blocks = [_block(box, form, i) for i in range(len(views))]
    order = form.dtype.newbyteorder("=")
    copies = (np.right_shift(view[block], form.shift) for view, block in zip(views, blocks, strict=True))
    origin = box[0] - (blocks[0][1].start or 0), box[1] - (blocks[0][0].start or 0)
    return tuple(np.ascontiguousarray(copy, order) for copy in copies), origin


def _store(frame: Frame, form: Layout, box: Box, copies: tuple[Plane, ...]) -> None:
    """Put copies of blocks back; the frame's own planes are where they belong."""
    if _own(frame, form) is not None:
        return
    for i, (view, copy) in enumerate(zip(upright(frame.native, frame.turns), copies, strict=True)):
        block = view[_block(box, form, i)]
        spare = block & ((1 << form.shift) - 1)  # bits below the code are no one's, but not ours to clear
        block[:] = np.left_shift(copy, form.shift) | spare if form.shift else copy


def _own(frame: Frame, form: Layout) -> tuple[Plane, ...] | None:
    """The planes themselves, if kernels can work on them in place."""
    return whole_planes(frame.native) if form.contiguous and not frame.turns else None


def _block(box: Box, form: Layout, index: int) -> tuple[slice, slice]:
    """The slice of component `index` that covers `box`, grown to whole chroma blocks."""
    sx, sy = form.chroma
    x0, y0, x1, y1 = box[0] >> sx, box[1] >> sy, -(-box[2] >> sx), -(-box[3] >> sy)
    if index == 0 or form.model != "yuv":
        return slice(y0 << sy, y1 << sy), slice(x0 << sx, x1 << sx)
    return slice(y0, y1), slice(x0, x1)


def _add(form: Layout, planes: tuple[Plane, ...], origin: tuple[int, int], edit: Edit, k: Floats) -> None:
    change = tuple(np.ascontiguousarray(a) for a in (edit.before, edit.after, edit.mask))
    if form.model == "yuv":
        kernels.add_yuv(planes, origin, form.chroma, change, k)
        return
    for plane, weights in zip(planes, _ONE_OF_RGB if form.model == "rgb" else k[None, 12:15], strict=True):
        kernels.add_channel(plane, origin, weights, change, k)


def _move(
    form: Layout, planes: tuple[Plane, ...], targets: tuple[Plane, ...], origin: tuple[int, int], edit: Moved, k: Floats
) -> None:
    size = edit.box[2] - edit.box[0], edit.box[3] - edit.box[1]
    alike = [((0, 0), slice(0, 1)), (form.chroma, slice(1, 3))] if form.model == "yuv" else [((0, 0), slice(None))]
    for (across, down), which in alike:
        place = origin[0] >> across, origin[1] >> down, -(-size[0] >> across), -(-size[1] >> down)
        moving.move(planes[which], targets[which], place, (across, down), edit, (k[10], k[11]))


def _picture(
    planes: tuple[Plane, ...], origin: tuple[int, int], form: Layout, k: Floats, shape: tuple[int, int]
) -> Floats:
    """(h, w, 3) R'G'B' of planes from their luma origin on."""
    out = np.empty((*shape, 3), np.float32)
    if form.model == "yuv":
        kernels.yuv_to_rgb(planes, origin, form.chroma, k, out)
        return out
    for channel in range(3):
        np.multiply(_cut(planes, channel, origin, out) - k[0], k[1], out=out[..., channel])
    return out


def _cut(planes: tuple[Plane, ...], channel: int, origin: tuple[int, int], like: Plane) -> Floats:
    """The samples of R, G or B (gray serves all three) that belong to a picture of the shape of `like`."""
    x, y = origin
    plane = planes[channel % len(planes)]
    return plane[y : y + like.shape[0], x : x + like.shape[1]].astype(np.float32)


def _resized(plane: Plane, region: Box, chroma: tuple[int, int], size: tuple[int, int]) -> Plane:
    """`region` (luma pixels) of a plane at `size`: halved by area while that is twice too large, then linear.

    That is free of aliasing and ten times faster than INTER_AREA at odd ratios.
    """
    (sx, sy), (x0, y0, x1, y1) = chroma, region
    part = plane[y0 >> sy : -(-y1 >> sy), x0 >> sx : -(-x1 >> sx)]
    while part.shape[1] >= 2 * size[0] and part.shape[0] >= 2 * size[1]:
        height, width = part.shape[0] // 2, part.shape[1] // 2
        part = cv2.resize(part[: 2 * height, : 2 * width], (width, height), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(cv2.resize(part, size, interpolation=cv2.INTER_LINEAR))
