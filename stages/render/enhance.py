"""Enhance: a face that is softer than the plate gets detail, by a network, as far as it stays the same person.

Only detail is taken: tones broader than `_BROAD` stay those of the edit, whatever the network makes of the light. It is
added before blending, so that the seam is closed after it, and before the plate's grain is put back, because such
networks take grain away.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np

from stages.contract import MapStage
from stages.errors import ConfigError
from stages.expression import basis, pose
from stages.faces.roi import bounds
from stages.media import planes
from stages.packets import Edit, Edits, Face, Faces, Floats, Frame, Restraints
from stages.render.restorers import Restorer

LEAST_FACE: Final = 90.0
"""Pixels from forehead to chin; on smaller faces networks invent eyes."""

_BROAD: Final = 0.12
"""Standard deviation in interocular distances of what counts as tone, not detail."""

_FINE: Final = 0.012
"""And of what counts as fine contrast: pores, hair, rims (as `stages.quality.sharpness`)."""

_AROUND: Final = 0.15
"""Standard deviation in interocular distances of the neighbourhood over which sharpness is compared."""

_SOFT: Final = (0.55, 0.85)
"""Fine contrast, edit over plate, below which an edit needs all of the detail, and above which none."""

_ADDS: Final = (1.0, 1.25)
"""Fine contrast, restored over edit, below which nothing of the restored picture is taken, and above which all is:
networks wipe freckles and pores away, and what they wipe away was there."""

_NEAR: Final = 0.04
"""Standard deviation in interocular distances of the neighbourhood over which that is decided."""

_GRAIN: Final = 1.5 / 255
"""Fine contrast that says nothing: grain of a clean plate."""


@dataclass(frozen=True, kw_only=True)
class Off(MapStage):
    """Edits stay as they are."""

    def process(self, edits: Edits) -> Edits:
        """The very same packet."""
        return edits


@dataclass(frozen=True, kw_only=True)
class Enhance(MapStage):
    """Add a restorer's detail to edited faces, inside their masks.

    weight: 0..1, share of the detail. least_face: pixels from forehead to chin, 90 or more; smaller faces are left
    alone. where: `all`, or `soft`: only where the edit is softer than the plate in the same place.
    """

    restorer: Restorer
    weight: float = 0.5
    least_face: float = 112.0
    where: str = "soft"

    def __post_init__(self) -> None:
        if not 0 <= self.weight <= 1:
            raise ConfigError(f"enhance.weight must be 0..1, it is {self.weight}")
        if self.least_face < LEAST_FACE:
            raise ConfigError(f"enhance.least_face must be {LEAST_FACE:g} pixels or more, it is {self.least_face}")
        if self.where not in ("all", "soft"):
            raise ConfigError(f"enhance.where must be all or soft, not {self.where!r}")

    def prepare(self) -> None:
        """Open the network."""
        self.restorer.prepare()

    def process(self, frame: Frame, edits: Edits, faces: Faces, restraints: Restraints | None = None) -> Edits:
        """The edits with more detail; the very same packet where none is enhanced.

        restraints: how much of it each track may have, so that it stays the same person.
        """
        shown = {face.track: face for face in faces.faces}
        made = []
        for edit in planes.drawn(edits):
            weight = self.weight * (restraints.of(edit.track) if restraints is not None else 1.0)
            made.append(self._edit(frame, edit, shown.get(edit.track), weight))
        return edits.having(tuple(made))

    def _edit(self, frame: Frame, edit: Edit, face: Face | None, weight: float) -> Edit:
        if face is None or weight <= 0 or height(face) < self.least_face or not edit.mask.any():
            return edit
        unit = pose.of(face.landmarks).scale
        amount = edit.mask if self.where == "all" else edit.mask * needed(edit, unit)
        if amount.max() < 1 / 255:
            return edit
        more = self._detail(frame, edit, face, unit)
        amount = amount * adding(edit.after, more, unit)
        # Only the mask's inside counts at write-back; where it ends, so does the detail.
        return replace(edit, after=edit.after + more * (np.float32(weight) * amount)[..., None])

    def _detail(self, frame: Frame, edit: Edit, face: Face, unit: float) -> Floats:
        """(h, w, 3) of the edit's box."""
        points = edit.places if len(edit.places) else face.landmarks[:, :2]
        box = planes.align(self.restorer.reach(points, edit.box), frame)
        dx, dy = edit.box[0] - box[0], edit.box[1] - box[1]
        there = slice(dy, dy + edit.mask.shape[0]), slice(dx, dx + edit.mask.shape[1])
        picture = edit.before if box == edit.box else planes.crop(frame, box)
        picture = picture.copy()
        picture[there] += edit.mask[..., None] * (edit.after - edit.before)
        detail: Floats = _fine_of(self.restorer.added(picture, points - np.array(box[:2], np.float32)), unit)[there]
        return detail


def restored(picture: Floats, landmarks: Floats, restorer: Restorer, weight: float = 0.7) -> Floats:
    """A photo with a restorer's detail: once for an identity's photos costs less than on every frame of every clip.

    picture: (h, w, 3) float32 non-linear R'G'B' 0..1, the face and what is around it. landmarks: (478, 3) its pixels.
    """
    unit = pose.fit(landmarks, basis.load().mean).scale
    more = _fine_of(restorer.added(picture, landmarks[:, :2]), unit)
    made: Floats = picture + more * (np.float32(weight) * adding(picture, more, unit))[..., None]
    return np.clip(made, 0, 1)


def _fine_of(more: Floats, unit: float) -> Floats:
    """Without what is broad: tones stay those of the picture."""
    fine: Floats = more - cv2.GaussianBlur(more, (0, 0), _BROAD * unit, borderType=cv2.BORDER_REPLICATE)
    return fine


def height(face: Face) -> float:
    """Pixels from forehead to chin, or from ear to ear if that is more."""
    x0, y0, x1, y1 = bounds(face.landmarks)
    return float(max(x1 - x0, y1 - y0))


def needed(edit: Edit, unit: float) -> Floats:
    """(h, w) 0..1: 1 where the edit is much softer than the plate in the same place, 0 where it is as sharp.

    unit: pixels per interocular distance.
    """
    old, new = (_fineness(picture, unit, _AROUND) for picture in (edit.before, edit.after))
    return 1 - _ramp(new, old, _SOFT)


def adding(after: Floats, more: Floats, unit: float) -> Floats:
    """(h, w) 0..1: 1 where `more` makes a picture crisper, 0 where it would smooth it."""
    old, new = (_fineness(picture, unit, _NEAR) for picture in (after, after + more))
    return _ramp(new, old, _ADDS)


def _ramp(new: Floats, old: Floats, ends: tuple[float, float]) -> Floats:
    """0 where new over old is below the first end, 1 above the second, smooth between."""
    ratio = (new + np.float32(_GRAIN)) / (old + np.float32(_GRAIN))
    t: Floats = np.clip((ratio - ends[0]) / np.float32(ends[1] - ends[0]), 0, 1).astype(np.float32)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def _fineness(picture: Floats, unit: float, width: float) -> Floats:
    """(h, w) root mean square of fine contrast around each pixel; width: of that neighbourhood."""
    light = picture @ np.array([0.2126, 0.7152, 0.0722], np.float32)
    fine = light - cv2.GaussianBlur(light, (0, 0), max(_FINE * unit, 0.8))
    around = cv2.GaussianBlur(fine * fine, (0, 0), width * unit, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(np.sqrt(around), np.float32)
