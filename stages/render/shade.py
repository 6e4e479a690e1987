"""Wrinkles and shading: what skin looks like once the Action Units asked for are at work.

Expression ratio images (Liu, Shan & Zhang, *Expressive expression mapping with ratio images*, 2001): moving skin does
not fold it, so the edited picture is multiplied by the ratio of luminance that the change of every unit makes
(`stages.expression.textures`), laid onto the mesh where the edit has put it.

Pictures are non-linear R'G'B'. A factor on all three channels of a code that is a power of light is a factor on light,
to that power; so the logarithm of luminance is divided by `textures.stage.POWER` first.
"""

# mypy: disable-error-code="untyped-decorator"
from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import Final

import cv2
import numba
import numpy as np
from numpy.typing import NDArray

from stages.contract import MapStage
from stages.errors import ConfigError
from stages.expression import chart, pose
from stages.expression.textures.stage import POWER
from stages.faces import layouts
from stages.media.planes import drawn
from stages.packets import Edit, Edits, Face, Faces, FaceUnits, Floats, Texture, Textures, Units
from stages.render import mesh, raster

COARSE: Final = 4
"""Pixels a side of a sample of the ratio: a texel of the chart is as large in a face of 800 pixels."""
LEAST: Final = 1e-4
"""Natural logarithm; a smaller change is none."""
TINT: Final = np.array([0.92, 1.03, 1.12], np.float32)
"""How much more or less than luma red, green and blue change where skin folds: it is redder in the dark, as light that
has gone through skin is, and paler where it shines. Medians of three people's pages (docs/appearance.md)."""
_EDGE: Final = 3.0
"""Coarse samples over which the ratio fades out inside the edit's mask."""


@dataclass(frozen=True, kw_only=True)
class Off(MapStage):
    """Skin is moved and nothing else."""

    def process(self, edits: Edits) -> Edits:
        """The very same packet."""
        return edits


@dataclass(frozen=True, kw_only=True)
class Shade(MapStage):
    """Multiply edits by what the units asked for do to the skin's luminance.

    strength: 0..1.5, share of what was learned. darkest, brightest: factors on R'G'B' that are never passed; the way
    to them is soft. full_yaw, no_yaw: degrees between which it fades out as the head turns.
    """

    strength: float = 1.0
    darkest: float = 0.6
    brightest: float = 1.5
    full_yaw: float = 25.0
    no_yaw: float = 42.0

    def __post_init__(self) -> None:
        if not 0 <= self.strength <= 1.5:
            raise ConfigError(f"shade.strength must be 0..1.5, it is {self.strength}")
        if not 0.2 <= self.darkest < 1 < self.brightest <= 3:
            raise ConfigError(
                f"shade.darkest must be 0.2..1 and shade.brightest 1..3; they are {self.darkest}, {self.brightest}"
            )
        if not 0 <= self.full_yaw < self.no_yaw <= 90:
            raise ConfigError(
                f"shade.full_yaw must lie below no_yaw, within 0..90; they are {self.full_yaw}, {self.no_yaw}"
            )

    def prepare(self) -> None:
        """Lay out the chart and compile."""
        _rows()
        spot = np.zeros((1, 1), np.float32)
        _add(np.zeros((1, 1), np.uint16), _halves(), np.zeros(1, np.intp), spot[0], spot[0])
        limited(spot, self.darkest, self.brightest)
        _multiply(np.zeros((1, 1, 3), np.float32), spot, TINT, np.zeros((1, 1, 3), np.float32))

    def process(
        self, edits: Edits, faces: Faces, units: Units, asked: Units, textures: Textures | None = None
    ) -> Edits:
        """The edits with shaded skin; the very same packet where nothing changes the skin."""
        if textures is None or not self.strength:
            return edits
        shown = {face.track: face for face in faces.faces}
        return edits.having(
            tuple(
                self._edit(edit, shown.get(edit.track), units, asked, textures.of(edit.track)) for edit in drawn(edits)
            )
        )

    def _edit(self, edit: Edit, face: Face | None, units: Units, asked: Units, texture: Texture | None) -> Edit:
        now, then = _of(units, edit.track), _of(asked, edit.track)
        if texture is None or face is None or now is None or then is None or not len(edit.places):
            return edit
        change = summed(texture, then.values - now.values)
        if change is None:
            return edit
        turned = pose.of(face.landmarks).yaw
        share = self.strength * float(np.clip((self.no_yaw - abs(turned)) / (self.no_yaw - self.full_yaw), 0, 1))
        excess = limited(change * np.float32(share / POWER), self.darkest, self.brightest)
        if np.abs(excess).max() < LEAST:
            return edit
        return replace(edit, after=_multiplied(edit.after, laid(excess, edit, face)))


def summed(texture: Texture, delta: Floats) -> Floats | None:
    """(side, side) natural logarithm of the ratio of luminance that a change of units, (facs.COUNT, 2), makes."""
    amounts = delta[texture.units, np.minimum(texture.sides, 1)]
    at_work = np.flatnonzero(np.abs(amounts) >= LEAST)
    if not len(at_work):
        return None
    change = np.zeros(texture.change.shape[1:], np.float32)
    codes = texture.change.reshape(len(amounts), -1).view(np.uint16)
    _add(codes, _halves(), at_work, amounts.astype(np.float32), change.ravel())
    return change


@numba.njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def limited(change: Floats, darkest: float, brightest: float) -> Floats:
    """Factors less 1 from logarithms, bending softly toward the two limits; 0 stays exactly 0."""
    excess = np.zeros_like(change)
    logs, out = change.ravel(), excess.ravel()
    low, high = np.float32(-np.log(darkest)), np.float32(np.log(brightest))
    for i in range(len(logs)):
        if logs[i] != 0:
            bound = low if logs[i] < 0 else high
            out[i] = np.exp(bound * np.tanh(logs[i] / bound)) - np.float32(1)
    return excess


def laid(excess: Floats, edit: Edit, face: Face) -> Floats:
    """(ceil(h / COARSE), ceil(w / COARSE)) of a picture on the chart, where the edit has put the skin, 0 elsewhere."""
    x0, y0, x1, y1 = edit.box
    shape = -(-(y1 - y0) // COARSE), -(-(x1 - x0) // COARSE)
    placed = (edit.places - np.array([x0, y0], np.float32) - (COARSE - 1) / 2) / COARSE
    depth = face.landmarks[: layouts.MESH_COUNT, 2][_skin()].sum(1)
    triangles = _skin()[np.argsort(-depth, kind="stable")]
    u, v, on = raster.rasterise(triangles, placed[: layouts.MESH_COUNT].astype(np.float32), _rows(), shape)
    seen = cv2.remap(excess, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    return np.asarray(seen * on * _inside(edit.mask, shape), np.float32)


def _inside(mask: Floats, shape: tuple[int, int]) -> Floats:
    """(h, w) at a lower resolution, 0 from the mask's edge outward and rising softly inside."""
    small = cv2.resize(mask, shape[::-1], interpolation=cv2.INTER_NEAREST)
    solid = (small > 0.999).astype(np.uint8)
    far = cv2.distanceTransform(solid, cv2.DIST_L2, 3)
    t = np.clip((far - 1) / np.float32(_EDGE), 0, 1)
    soft: Floats = t * t * (3 - 2 * t)
    return soft


def _multiplied(after: Floats, excess: Floats) -> Floats:
    """after * (1 + excess), a channel as much as its `TINT`."""
    fine = cv2.resize(excess, None, fx=COARSE, fy=COARSE, interpolation=cv2.INTER_LINEAR)
    out = np.empty_like(after)
    _multiply(after, fine, TINT, out)
    return out


@numba.njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _multiply(after: Floats, excess: Floats, tint: Floats, out: Floats) -> None:
    """Where `excess` is 0, exactly `after`."""
    red, green, blue = tint
    for y in range(after.shape[0]):
        for x in range(after.shape[1]):
            more = excess[y, x]
            r, g, b = after[y, x, 0], after[y, x, 1], after[y, x, 2]
            out[y, x, 0] = r + r * (more * red)
            out[y, x, 1] = g + g * (more * green)
            out[y, x, 2] = b + b * (more * blue)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _add(codes: NDArray[np.uint16], values: Floats, rows: NDArray[np.intp], amounts: Floats, change: Floats) -> None:
    """Add so much of each row; most of a row is 0."""
    for row in rows:
        for i in range(codes.shape[1]):
            code = codes[row, i]
            if code:
                change[i] += values[code] * amounts[row]


@cache
def _halves() -> Floats:
    """(65536,) what each bit pattern of a float16 means; numpy's own conversion takes ten times as long."""
    values: Floats = np.arange(1 << 16, dtype=np.uint16).view(np.float16).astype(np.float32)
    values.setflags(write=False)
    return values


@cache
def _skin() -> NDArray[np.int32]:
    """Triangles of the face itself, without what lies behind lids and lips and the rings around."""
    return mesh.TRIANGLES[(mesh.TRIANGLES < layouts.MESH_COUNT).all(1)]


@cache
def _rows() -> Floats:
    """(468, 3) column and row on the chart, and 1."""
    rows: Floats = np.concatenate([chart.places(), np.ones((layouts.MESH_COUNT, 1), np.float32)], 1)
    return rows


def _of(units: Units, track: int) -> FaceUnits | None:
    return next((face for face in units.faces if face.track == track), None)
