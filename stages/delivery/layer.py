"""Layer delivery: only what was altered, with a matte, to be laid over the plate by a compositing program.

The matte is that of the edits, raised where it does not suffice (chroma spreads over its block). The colour is then not
the edit's own but what gives the written frame when it is laid over the plate (Porter, Duff 1984, *over*), so that the
two together are the full render whatever its sampling and rounding:

    colour * matte = render - plate * (1 - matte)
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import av
import numpy as np
from numpy.typing import NDArray

from stages.contract import MapStage
from stages.errors import ConfigError
from stages.media.light import Light, light_of, packed
from stages.media.planes import crop, drawn
from stages.packets import Edits, Frame

_FULL = 2  # AVCOL_RANGE_JPEG
_TOP = 65535
_FAINT = 1e-6
Doubles = NDArray[np.float64]
Box = tuple[int, int, int, int]


@dataclass(frozen=True, kw_only=True)
class Layer(MapStage):
    """What goes into the master.

    what: "none" hands on the frame as it was written, "face" makes the layer. codec: "exr" gets floats, colours
    multiplied by the matte as OpenEXR has them; all others get 16-bit R'G'B', straight (not multiplied), codes beyond
    black and white cut off. light: what floats mean; see `stages.media.light`.
    """

    what: Literal["none", "face"] = "none"
    codec: str = "prores_ks"
    light: Light = "code"

    def __post_init__(self) -> None:
        if self.what not in ("none", "face"):
            raise ConfigError(f"encode.layer must be 'none' or 'face', not {self.what!r}")

    def process(self, before: Frame, after: Frame, edits: Edits | None) -> Frame:
        """The frame to encode: `after`, or the layer that makes it of `before`; all clear where nothing was edited."""
        if self.what == "none":
            return after
        boxes = [edit.box for edit in edits.edits] if edits else []
        matte = _matte(after, edits)
        colour = np.zeros((*matte.shape, 3))
        for box in boxes:
            region = _slice(box)
            plate, render = (self._seen(frame, box) for frame in (before, after))
            colour[region], matte[region] = self._over(plate, render, matte[region])
        colour, matte = (np.rot90(upright, -after.turns) for upright in (colour, matte))
        native = packed(after, colour, matte, self.light) if self._floats else _codes(after, colour, matte)
        return replace(after, native=native)

    @property
    def _floats(self) -> bool:
        return self.codec == "exr"

    def _seen(self, frame: Frame, box: Box) -> Doubles:
        codes = crop(frame, box)
        if not self._floats:
            return np.clip(codes, 0, 1).astype(np.float64)
        return light_of(codes, frame.colour.transfer) if self.light == "linear" else codes.astype(np.float64)

    def _over(self, plate: Doubles, render: Doubles, matte: Doubles) -> tuple[Doubles, Doubles]:
        """Colour (multiplied for floats) and matte of the layer that turns `plate` into `render`."""
        least = np.where(plate > _FAINT, 1 - render / np.maximum(plate, _FAINT), 0)  # colours are not negative
        if self._floats:
            raised = np.maximum(matte, least.max(axis=-1)).clip(0, 1)
            kept: Doubles = raised.astype(np.float16).astype(np.float64)  # so that colours are made for what is stored
            return render - plate * (1 - kept[..., None]), kept
        most = (render - plate) / np.maximum(1 - plate, _FAINT)  # nor brighter than white
        raised = np.maximum(matte, np.maximum(least, most).max(axis=-1)).clip(0, 1)
        kept = np.ceil(raised * _TOP - _FAINT) / _TOP
        opaque = np.maximum(kept, 1 / _TOP)[..., None]
        straight = (render - plate * (1 - kept[..., None])) / opaque
        return np.where(kept[..., None] > 0, straight, 0).clip(0, 1), kept


def _slice(box: Box) -> tuple[slice, slice]:
    return slice(box[1], box[3]), slice(box[0], box[2])


def _matte(frame: Frame, edits: Edits | None) -> Doubles:
    """(h, w) 0..1, what all edits together cover."""
    clear = np.ones((frame.height, frame.width))
    for edit in drawn(edits) if edits else ():
        clear[_slice(edit.box)] *= 1 - edit.mask
    return 1 - clear


def _codes(frame: Frame, colour: Doubles, matte: Doubles) -> av.VideoFrame:
    """16-bit R'G'B' and alpha, turned as stored, with the time and tags of `frame`.

    Its matrix stays for encoders of YCbCr.
    """
    made: av.VideoFrame = frame.native.reformat(format="rgba64le")
    rows: NDArray[Any] = np.frombuffer(memoryview(made.planes[0]), np.uint16).reshape(made.height, -1)
    pixels = rows[:, : made.width * 4].reshape(made.height, made.width, 4)
    pixels[:] = np.rint(np.dstack([colour, matte]) * _TOP)
    made.colorspace, made.color_range = frame.native.colorspace, _FULL
    return made
