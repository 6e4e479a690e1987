"""Put an identity's face on a performer.

The identity's texture (`stages.identity.likeness`) is drawn on the mesh that the warp has placed, so it has the
performer's pose, outline and expression and, as far as the warp was told, the identity's proportions. Eyes and the
inside of the mouth stay the performer's. The light of the frame is carried as a ratio of low frequencies (`light`),
the performer's wrinkles as an expression ratio image (Liu, Shan & Zhang, *Expressive expression mapping with ratio
images*, 2001), and where the performer's skin has moved under the mesh the texture is moved with it (`relief`).
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import cv2
import numpy as np

from stages import facs
from stages.contract import MapStage
from stages.errors import ConfigError
from stages.expression import chart, pose
from stages.expression.textures import regions as textures
from stages.faces import layouts
from stages.identity.chosen import Chosen
from stages.media.painting import pictured
from stages.media.planes import after, draw
from stages.packets import (
    Cover,
    Covers,
    Edit,
    Edits,
    Face,
    Faces,
    FaceUnits,
    Floats,
    Moved,
    Painted,
    Plain,
    Plains,
    Roles,
    Units,
)
from stages.render import mesh
from stages.render.shade import limited
from stages.render.wear import light, paint, regions, relief, unseen
from stages.render.wear.light import Shown
from stages.render.wear.regions import Parts
from stages.render.wear.texture import Wardrobe, Worn

DARKEST, BRIGHTEST = 0.6, 1.5
"""Factors of wrinkles and shading that are never passed; the way to them is soft."""
_MOST: Final = 4  # photos that are blended at once
_ANCHORED: Final = 16  # people whose registration is kept ready


@dataclass(frozen=True, kw_only=True)
class Wear(MapStage):
    """Paint an identity over the performers that are to be replaced.

    identity: whose face. parts: which parts of it. photos: 1..4, how many are blended at once. light: 0..1, share of
    the frame's light that is carried. wrinkles: 0..1.5, share of the performer's wrinkles and shading that is carried.
    full_yaw, no_yaw: degrees; it fades out as the head turns from the one to the other. no_presence, full_presence:
    0..1; it fades in as the landmark model's confidence rises from the one to the other.
    """

    identity: Chosen
    parts: Parts = field(default_factory=Parts)
    photos: int = 4
    light: float = 1.0
    wrinkles: float = 1.0
    full_yaw: float = 25.0
    no_yaw: float = 42.0
    no_presence: float = 0.3
    full_presence: float = 0.6

    def __post_init__(self) -> None:
        if not 1 <= self.photos <= _MOST:
            raise ConfigError(f"wear.photos must be 1..{_MOST}, it is {self.photos}")
        if not 0 <= self.light <= 1:
            raise ConfigError(f"wear.light must be 0..1, it is {self.light}")
        if not 0 <= self.wrinkles <= 1.5:
            raise ConfigError(f"wear.wrinkles must be 0..1.5, it is {self.wrinkles}")
        if not 0 <= self.full_yaw < self.no_yaw <= 90:
            raise ConfigError(
                f"wear.full_yaw must lie below no_yaw, within 0..90; they are {self.full_yaw}, {self.no_yaw}"
            )
        if not 0 <= self.no_presence < self.full_presence <= 1:
            raise ConfigError(
                "wear.no_presence must lie below full_presence, within 0..1; "
                f"they are {self.no_presence}, {self.full_presence}"
            )

    def prepare(self) -> None:
        """Load the identity, lay out the chart and compile.

        Raises:
            ConfigError: no identity was named, it is unknown, or its consent does not cover this.
        """
        self._wardrobe.worn(np.zeros(3, np.float32), 256.0, _still())
        paint.prepare(self._parts)

    @cached_property
    def _wardrobe(self) -> Wardrobe:
        return Wardrobe(self.identity.likeness, self.photos)

    @cached_property
    def _parts(self) -> Floats:
        """(SIZE, SIZE, 2) what is painted at all, and how much of it is written back."""
        return np.ascontiguousarray(np.stack([regions.painted(), self.parts.mask()], -1))

    def process(
        self,
        edits: Edits,
        faces: Faces,
        roles: Roles,
        units: Units | None = None,
        plains: Plains | None = None,
        covers: Covers | None = None,
    ) -> Edits | None:
        """Painted faces: `before` is what the warp has made, `mask` the part of the face that is replaced.

        units: as measured. plains: the performers at rest; without them no wrinkles are carried. covers: what of the
        faces lies behind something.
        """
        shown = {face.track: face for face in faces.faces}
        measured = {face.track: face for face in units.faces} if units is not None else {}
        made = []
        for edit in edits.edits:
            face = shown.get(edit.track)
            if face is None or roles.of(edit.track) is None or len(edit.places) != mesh.COUNT:
                continue
            plain = plains.of(edit.track) if plains is not None else None
            cover = covers.of(edit.track) if covers is not None else None
            below = edit if isinstance(edit, Moved) else draw(edit)
            painted = self._painted(below, face, measured.get(edit.track), plain, cover)
            made += [painted] if painted is not None else []
        return Edits(edits.at, tuple(made)) if made else None

    def _painted(
        self, edit: Edit | Moved, face: Face, measured: FaceUnits | None, plain: Plain | None, cover: Cover | None
    ) -> Edit | Painted | None:
        head = pose.of(face.landmarks)
        strength = self._strength(face, head)
        if strength <= 0:
            return None
        more = unseen.shift(measured, head)
        places = edit.places.copy()
        places[: layouts.MESH_COUNT] += more
        laid = paint.lay(edit.box, places, face)
        if laid is None:
            return None
        pixels = float(np.ptp(places[: layouts.MESH_COUNT], axis=0).max())
        worn = self._wardrobe.worn(head.angles, pixels, measured.values if measured is not None else _still())
        free, rest = _free(cover), (edit.places, edit.sources)
        if isinstance(edit, Moved):  # what has moved need not be drawn: it is seen where it comes from
            shown = light.look_up(edit.frame, edit.sources[: layouts.MESH_COUNT] + more)
            samples, mask = paint.sampled(laid, self._charts(shown, worn, free, plain), strength)
            return Painted(edit.track, laid.box, edit, samples, mask, worn.picture, *rest)
        under = after(edit, laid.box)
        shown = light.look(under, laid.box, places)
        samples, mask = paint.sampled(laid, self._charts(shown, worn, free, plain), strength)
        return Edit(edit.track, laid.box, under, *pictured(samples, mask, worn.picture, under), *rest)

    def _charts(self, shown: Shown, worn: Worn, free: Floats, plain: Plain | None) -> paint.Charts:
        """What is painted, in the performer's light and with the performer's wrinkles."""
        there = light.ratio(shown, worn.log, light.sized(worn.shown) * light.sized(free))
        lit = cv2.resize(np.exp(np.float32(self.light) * there), (chart.SIZE,) * 2, interpolation=cv2.INTER_LINEAR)
        if plain is None or not self.wrinkles:
            return paint.Charts(len(worn.picture), paint.dressed(worn.fill, lit, worn.skin), None, self._parts)
        now = relief.detail(shown.luma)
        shift = relief.flow(now, _anchor(plain))
        folds = relief.cored((relief.laid(now, shift) - plain.detail.astype(np.float32)) * textures.skin() * plain.sure)
        excess = limited(np.asarray(folds * self.wrinkles, np.float32), DARKEST, BRIGHTEST)
        # Light varies so slowly that it may be shifted along.
        dressed = paint.dressed(worn.fill, lit, worn.skin, excess)
        return paint.Charts(len(worn.picture), dressed, regions.followed(len(shift))[..., None] * shift, self._parts)

    def _strength(self, face: Face, head: pose.Pose) -> float:
        """0..1, by how far the head is turned and how sure the tracker is."""
        turned = _ramp(abs(head.yaw), self.no_yaw, self.full_yaw)
        return turned * _ramp(face.presence, self.no_presence, self.full_presence)


def _still() -> Floats:
    return np.zeros((facs.COUNT, 2), np.float32)


def _free(cover: Cover | None) -> Floats:
    """On the chart, at any size: 0..1 how much of the face is not covered."""
    if cover is None:
        return np.ones((1, 1), np.float32)
    return np.asarray(1 - cover.hidden.astype(np.float32) / 255, np.float32)


_ANCHORS: dict[int, relief.Anchor] = {}


def _anchor(plain: Plain) -> relief.Anchor:
    """A plain face ready to register with, by what it shows: packets are read anew for every frame."""
    key = zlib.adler32(plain.detail.tobytes())
    found = _ANCHORS.get(key)
    if found is None:
        if len(_ANCHORS) >= _ANCHORED:
            _ANCHORS.clear()
        found = _ANCHORS[key] = relief.anchor(plain.detail.astype(np.float32))
    return found


def _ramp(value: float, zero: float, one: float) -> float:
    """0 at `zero`, 1 at `one`, smooth between."""
    t = min(max((value - zero) / (one - zero), 0.0), 1.0)
    return t * t * (3 - 2 * t)
