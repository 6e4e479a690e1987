"""Draw what the frame hides: an eye behind its lid, teeth behind lips, the lid of an open eye, the seam of shut lips.

The warp puts the rims where they are asked to be; what appears between them comes from another frame of the clip
(`stages.render.donors`), laid on the same mesh. An eyeball and the upper teeth are fixed in the head, so they keep
their place and size while the lids and lips slide over them (`stages.render.openings.behind`); skin follows the mesh.
The donor's light is matched by a smooth field fitted to skin around the opening that no muscle hides. How much of it
is seen depends on nothing but how far the opening has come from what the frame shows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.sparse.csgraph import dijkstra

from stages.contract import MapStage
from stages.faces import layouts
from stages.media.planes import drawn
from stages.packets import Donor, Donors, Edit, Edits, Floats
from stages.render import cavity, mesh, raster, skin
from stages.render.openings import behind

_EYES: Final = (0, 1)

_SOLID: Final = {("eye", True): 0.05, ("eye", False): 0.06, ("mouth", True): 0.0, ("mouth", False): 0.09}
_FADED: Final = {("eye", True): 0.15, ("eye", False): 0.17, ("mouth", True): 0.05, ("mouth", False): 0.2}
"""Interocular distances along the skin from the rim up to which a donor covers the frame, and from which it is gone;
by what it is and whether it opens."""

_RING: Final = (0.07, 0.24)
"""Interocular distances from the rim between which skin is compared for its light."""

_STEADY: Final = 0.6
"""How firmly the fitted light is held to one factor for the whole opening; 0 lets it slope freely."""

_STRONGEST: Final = 0.7
"""Natural logarithm of the strongest factor of light; by a fifth of an interocular distance it changes by a third."""

_DARKEST: Final = 0.02
"""Nominal; light is compared above it."""


@dataclass(frozen=True, slots=True)
class _Change:
    """How an opening goes from what the frame shows to what is asked. now, then: pixels; unit: interocular distance."""

    now: float
    then: float
    unit: float

    @property
    def opens(self) -> bool:
        return self.then > self.now

    def met(self) -> float:
        """0..1, how near its rims are to meeting."""
        return _ramp(1 - max(self.then, 0.0) / max(self.now, 1e-6), 0.7, 0.95)

    def shown(self, k: int) -> float:
        """0..1, how much of the donor is seen."""
        step = abs(self.then - self.now) / self.unit
        if self.opens:
            hidden = 1 - max(self.now, 0.0) / max(self.then, 1e-6)
            begin, whole = (0.12, 0.42) if k in _EYES else (0.5, 0.8)
            return _ramp(hidden, begin, whole) * _ramp(step, 0.006, 0.025)
        gone = 1 - max(self.then, 0.0) / max(self.now, 1e-6)
        return _ramp(gone, 0.25, 0.75) * _ramp(step, 0.01, 0.03) if k in _EYES else _ramp(gone, 0.55, 0.9)


@dataclass(frozen=True, kw_only=True)
class Off(MapStage):
    """Nothing is revealed."""

    def process(self, edits: Edits) -> Edits:
        """The very same packet."""
        return edits


@dataclass(frozen=True, kw_only=True)
class Reveal(MapStage):
    """Lay donors into edits that open or shut an opening."""

    def process(self, edits: Edits, donors: Donors | None) -> Edits:
        """The edits with eyes, mouths and lids that the frame does not show; the very same packet if none is needed."""
        if donors is None:
            return edits
        return edits.having(tuple(self._revealed(edit, donors) for edit in drawn(edits)))

    def _revealed(self, edit: Edit, donors: Donors) -> Edit:
        if len(edit.places) != mesh.COUNT:
            return edit
        for donor in donors.donors:
            if donor.track == edit.track:
                edit = lay(edit, donor)
        return edit


def lay(edit: Edit, donor: Donor) -> Edit:
    """One donor drawn onto an edit; the very edit if nothing of the donor is to be seen."""
    k, unit = donor.opening, _unit(edit.sources)
    change = _Change(_gap(edit.sources, k), _gap(edit.places, k), unit)
    shown = change.shown(k)
    shown *= _serves(_gap(donor.places, k) * unit / _unit(donor.places), change) if shown > 0 else 0.0
    if shown <= 0:
        return edit
    weight = _weights(k, change.opens).copy()
    if k in _EYES and not change.opens:
        # As long as the lids have not met, the eyeball between them is the frame's own.
        weight[mesh.OPENINGS[k].inner] = change.met()
    triangles = mesh.TRIANGLES[(weight[mesh.TRIANGLES] > 0).any(1)]
    corner = np.array(edit.box[:2], np.float32)
    box = _within(edit.places[np.unique(triangles)] - corner, edit.mask.shape)
    if box is None:
        return edit
    x0, y0, x1, y1 = box
    points = edit.places - corner - np.array([x0, y0], np.float32)
    rows = np.concatenate([_origins(edit, donor, change.opens) - points, weight[:, None] * np.float32(shown)], 1)
    dx, dy, alpha = raster.rasterise(triangles, points, rows.astype(np.float32), (y1 - y0, x1 - x0))
    dx += np.arange(x1 - x0, dtype=np.float32)
    dy += np.arange(y1 - y0, dtype=np.float32)[:, None]
    picture = donor.pixels.astype(np.float32)
    patch = cv2.remap(picture, dx, dy, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    patch *= _light(edit, donor, picture, box)
    after = edit.after.copy()
    part = after[y0:y1, x0:x1]
    part += alpha[..., None] * (patch - part)
    return replace(edit, after=after)


def _serves(lent: float, change: _Change) -> float:
    """0..1, whether the donor's opening lies on the right side of what the frame shows."""
    way = (lent - change.now) / (change.then - change.now)
    return _ramp(way, 0.1, 0.4)


def _origins(edit: Edit, donor: Donor, opens: bool) -> Floats:
    """(mesh.COUNT, 2) where in the donor's pixels each vertex of the edited mesh comes from."""
    origins = donor.places.copy()
    opening = mesh.OPENINGS[donor.opening]
    if not opens:
        return origins
    anchors = _anchors(donor.opening)
    scale, turn, shift = _similarity(
        donor.places[anchors], (edit.places if donor.opening in _EYES else edit.sources)[anchors]
    )
    face = donor.places[: layouts.MESH_COUNT] @ (scale * turn.T) + shift
    moves = edit.places[: layouts.MESH_COUNT] - face
    down = _down(edit.places)
    places, offsets = behind(opening, face, moves, np.zeros(2, np.float32), down)
    if donor.opening not in _EYES:
        give = cavity.shares(donor.pixels[..., 1].astype(np.float32), donor.places)
        offsets = cavity.stretched(offsets, face, moves, down, give)
    origins[opening.inner] = (places + offsets - shift) @ (turn / scale)
    return origins


def _light(edit: Edit, donor: Donor, picture: Floats, box: tuple[int, int, int, int]) -> Floats:
    """(h, w, 3) factors that bring the donor's light to that of the frame, over `box` of the edit."""
    ring = _ring(donor.opening)
    inside = edit.sources[ring] - np.array(edit.box[:2], np.float32)
    unit, lent = _unit(edit.sources), _unit(donor.places)
    here, good = _sampled(edit.before, inside, unit)
    there, fine = _sampled(picture, donor.places[ring], lent)
    ratio = np.log(np.maximum(here, _DARKEST) / np.maximum(there, _DARKEST))
    weight = (good * fine)[:, None]
    middle = edit.places[sorted(mesh.OPENINGS[donor.opening].rim)].mean(0) - np.array(edit.box[:2], np.float32)
    at = (edit.places[ring] - np.array(edit.box[:2], np.float32) - middle) / unit
    terms = np.concatenate([np.ones((len(ring), 1), np.float32), at / np.float32(0.2)], 1)
    held = np.diag([1e-3, _STEADY, _STEADY]) * max(float(weight.sum()), 1.0) * 0.2
    fitted = np.linalg.solve(terms.T @ (weight * terms) + held, terms.T @ (weight * ratio)).astype(np.float32)
    level = np.clip(fitted[0], -_STRONGEST, _STRONGEST)
    slope = np.clip(fitted[1:].mean(1), -_STRONGEST / 3, _STRONGEST / 3)
    x0, y0, x1, y1 = box
    x = ((np.arange(x0, x1, dtype=np.float32) - middle[0]) / (unit * 0.2)).astype(np.float32)
    y = ((np.arange(y0, y1, dtype=np.float32) - middle[1]) / (unit * 0.2)).astype(np.float32)
    across, along = np.exp(np.clip(x, -1.5, 1.5) * slope[0]), np.exp(np.clip(y, -1.5, 1.5) * slope[1])
    factors: Floats = (along[:, None] * across)[..., None] * np.exp(level)
    return factors


def _sampled(picture: Floats, points: Floats, unit: float) -> tuple[Floats, Floats]:
    """(n, 3) the picture's mean around each point, and (n,) 0..1 how well each lies inside."""
    height, width = picture.shape[:2]
    room = np.minimum(points, np.array([width - 1, height - 1], np.float32) - points).min(1)
    inside: Floats = np.clip(room / np.float32(0.05 * unit), 0, 1)
    around = (np.mgrid[-2:3, -2:3].reshape(2, -1).T * np.float32(0.0125 * unit)).astype(np.float32)
    places = (points[:, None] + around[None]).astype(np.float32)
    taken = cv2.remap(picture, places[..., 0], places[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    mean: Floats = taken.mean(1)
    return mean, inside


def _within(points: Floats, shape: tuple[int, int]) -> tuple[int, int, int, int] | None:
    """The box around points, cut to a picture of `shape`; None if nothing is left."""
    low, high = np.floor(points.min(0)).astype(int), np.ceil(points.max(0)).astype(int) + 1
    x0, y0, x1, y1 = max(low[0], 0), max(low[1], 0), min(high[0], shape[1]), min(high[1], shape[0])
    return (int(x0), int(y0), int(x1), int(y1)) if x1 - x0 > 1 and y1 - y0 > 1 else None


def _similarity(one: Floats, two: Floats) -> tuple[float, Floats, Floats]:
    """scale, (2, 2) rotation and (2,) shift that carry `one` (n, 2) onto `two` best."""
    a, b = (points[:, 0] + 1j * points[:, 1] for points in (one.astype(np.float64), two.astype(np.float64)))
    p, q = a - a.mean(), b - b.mean()
    factor = (np.conj(p) @ q) / max(float((np.abs(p) ** 2).sum()), 1e-9)
    shift = b.mean() - factor * a.mean()
    scale = float(abs(factor))
    c, s = factor.real / scale, factor.imag / scale
    return scale, np.array([[c, -s], [s, c]], np.float32), np.array([shift.real, shift.imag], np.float32)


@cache
def _anchors(k: int) -> NDArray[np.int32]:
    """Points that hold still in the head beside what opening k shows: the corners of an eye; nose for the teeth."""
    if k in _EYES:
        return np.array(mesh.OPENINGS[k].corners, np.int32)
    return np.array([33, 263, 133, 362, 168, 6, 2, 97, 326, 98, 327, 94], np.int32)


@cache
def _distance(k: int) -> Floats:
    """(468,) along the skin from the rim of opening k, interocular distances."""
    found: Floats = dijkstra(skin.graph(), directed=False, indices=sorted(mesh.OPENINGS[k].rim)).min(0)
    return found.astype(np.float32)


@cache
def _weights(k: int, opens: bool) -> Floats:
    """(mesh.COUNT,) how much of a donor each vertex shows."""
    key = ("eye" if k in _EYES else "mouth", opens)
    t = np.clip((_FADED[key] - _distance(k)) / (_FADED[key] - _SOLID[key]), 0, 1)
    weights = np.zeros(mesh.COUNT, np.float32)
    weights[: layouts.MESH_COUNT] = t * t * (3 - 2 * t)
    weights[mesh.OPENINGS[k].inner] = 1
    weights.setflags(write=False)
    return weights


@cache
def _ring(k: int) -> NDArray[np.intp]:
    """Skin around opening k that no other opening and no brow touches."""
    near = (_distance(k) > _RING[0]) & (_distance(k) < _RING[1])
    for other in range(3):
        if other != k:
            near &= _distance(other) > _RING[0]
    near[layouts.BROWS] = False
    near[layouts.LIPS_OUTER] = False
    return np.flatnonzero(near)


def _gap(points: Floats, k: int) -> float:
    """Mean opening of opening k in its middle, along the face's own down; points: (468+, 2) pixels."""
    opening = mesh.OPENINGS[k]
    middle = slice(opening.columns // 4, opening.columns - opening.columns // 4)
    return float((points[opening.lower[middle]] - points[opening.upper[middle]]).mean(0) @ _down(points))


def _down(points: Floats) -> Floats:
    """(2,) unit vector across the line between the eyes."""
    x, y = points[263] - points[33]
    length = max(float(np.hypot(x, y)), 1e-6)
    return np.array([-y / length, x / length], np.float32)


def _unit(points: Floats) -> float:
    """Pixels between the outer corners of the eyes."""
    return max(float(np.linalg.norm(points[263] - points[33])), 1e-6)


def _ramp(value: float, zero: float, one: float) -> float:
    """0 at `zero`, 1 at `one`, smooth between."""
    t = min(max((value - zero) / (one - zero), 0.0), 1.0)
    return t * t * (3 - 2 * t)
