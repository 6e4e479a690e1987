"""Move a face's skin so that it shows the Action Units asked for.

Every vertex of the face moves by the sum over units and sides of (asked - measured) x that unit's displacement
(stages.expression.basis), turned into the picture with the head. The mesh in its new place is rasterised to a backward
map, the region is resampled once, and only what moves is touched: the region is the bounding box of moving vertices.

Whoever is given another face (`Roles`) is also re-shaped toward it: the inner face takes on the other's proportions,
its outline stays the performer's. Then the whole face is drawn, on every frame, for `stages.render.wear` to paint on.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from stages import facs
from stages.contract import MapStage
from stages.errors import ConfigError
from stages.expression import basis, pose
from stages.faces import layouts
from stages.media import planes
from stages.packets import (
    Donors,
    Edit,
    Edits,
    Face,
    Faces,
    FaceUnits,
    Floats,
    Frame,
    Motion,
    Motions,
    Moved,
    Role,
    Roles,
    Units,
)
from stages.render import cavity, mesh, raster, reshape
from stages.render.deform import Deformed, deform
from stages.render.openings import Limit, View, lent

LEAST_DELTA: Final = 1e-4
"""Intensity; a smaller change is none."""

LEAST_FACE: Final = 32.0
"""Pixels; a face narrower or lower than this is left alone, its mesh would be smaller than the tracker's error."""

OUTLINE_UNITS: Final = ("AU26", "AU27", "AU29", "AU30", "AU34")
"""The jaw and the cheeks' bulk move the outline of the face; every other unit fades toward it."""

LID_OVERLAP: Final = 0.012
"""Interocular distances by which a closed upper lid covers the wet rim of the lower one."""

LIP_REST: Final = 0.12
"""Share of its gap that a closed mouth keeps: the dark seam of the lips."""

INTERPOLATION: Final = {"linear": cv2.INTER_LINEAR, "cubic": cv2.INTER_CUBIC, "lanczos4": cv2.INTER_LANCZOS4}


@dataclass(frozen=True, kw_only=True)
class Warp(MapStage):
    """Mesh warp from measured to asked intensities.

    interpolation: linear, cubic or lanczos4. step: 1 evaluates the map at every pixel, 2 at every other.
    full_yaw, no_yaw: degrees; the edit fades out as the head turns from the one to the other. no_presence,
    full_presence: 0..1; it fades in as the landmark model's confidence rises from the one to the other. bridged:
    0..1, strength while optical flow carries the landmarks. eye_growth, mouth_growth: how many times its gap an
    opening may grow to; eye_slack, mouth_slack: and how many interocular distances beyond that. Where a donor shows
    what lies behind, it may open as far as in the donor. shape: 0..1, how far the inner face of whoever is replaced
    takes on the proportions of the identity.
    """

    interpolation: str = "cubic"
    step: int = 1
    full_yaw: float = 30.0
    no_yaw: float = 45.0
    no_presence: float = 0.3
    full_presence: float = 0.6
    bridged: float = 0.7
    eye_growth: float = 1.4
    eye_slack: float = 0.01
    mouth_growth: float = 1.8
    mouth_slack: float = 0.012
    shape: float = 1.0

    def __post_init__(self) -> None:
        if self.interpolation not in INTERPOLATION:
            raise ConfigError(f"interpolation must be one of {', '.join(INTERPOLATION)}, not {self.interpolation!r}")
        if self.step not in (1, 2):
            raise ConfigError(f"step must be 1 or 2, not {self.step}")
        if not 0 <= self.full_yaw < self.no_yaw <= 90:
            raise ConfigError(f"full_yaw must lie below no_yaw, within 0..90; they are {self.full_yaw}, {self.no_yaw}")
        if not 0 <= self.no_presence < self.full_presence <= 1:
            raise ConfigError(
                "no_presence must lie below full_presence, within 0..1; "
                f"they are {self.no_presence}, {self.full_presence}"
            )
        for name in ("bridged", "shape"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"{name} must be 0..1, not {getattr(self, name)}")
        self._check_openings()

    def _check_openings(self) -> None:
        for name in ("eye_growth", "mouth_growth"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be at least 1, not {getattr(self, name)}")
        for name in ("eye_slack", "mouth_slack"):
            if getattr(self, name) < 0:
                raise ConfigError(f"{name} must not be negative, it is {getattr(self, name)}")

    def prepare(self) -> None:
        """Load the displacements, and compile what lays a mesh and draws it."""
        still = _displaced(np.zeros((facs.COUNT, 2), np.float32), None)
        face = basis.load().mean * np.float32(LEAST_FACE)
        view, anywhere = View(LEAST_FACE, np.array([0, 1], np.float32), (1, 1)), Limit(1.0, 0.0)
        give = np.full((mesh.MOUTH.columns, cavity.SAMPLES), 1 / cavity.SAMPLES, np.float32)
        laid = deform(face, still[:, :2], view, eye=anywhere, mouth=anywhere, give=give)
        raster.painted(mesh.TRIANGLES.copy(), laid.points, np.zeros((mesh.COUNT, 3), np.float32), (1, 1), 1)

    def process(
        self,
        frame: Frame,
        faces: Faces,
        units: Units,
        asked: Units,
        motions: Motions | None = None,
        donors: Donors | None = None,
        roles: Roles | None = None,
    ) -> Edits | None:
        """One edit for every face that changes; None if none does. motions: of those who have their own. roles: who is
        replaced; if given, these faces are edited, all of them, and no other.
        """
        edits = []
        for face in faces.faces:
            role = roles.of(face.track) if roles is not None else None
            if roles is not None and role is None:
                continue
            delta = _delta(face, units, asked)
            if role is not None and delta is None:
                delta = np.zeros((facs.COUNT, 2), np.float32)
            own = motions.of(face.track) if motions is not None else None
            edit = self._edit(frame, face, delta, own, donors, role) if delta is not None else None
            if edit is not None:
                edits.append(edit)
        return Edits(frame.at, tuple(edits)) if edits else None

    def _edit(
        self,
        frame: Frame,
        face: Face,
        delta: Floats,
        own: Motion | None,
        donors: Donors | None,
        role: Role | None = None,
    ) -> Edit | Moved | None:
        size = face.landmarks[: layouts.MESH_COUNT, :2].max(0) - face.landmarks[: layouts.MESH_COUNT, :2].min(0)
        if size.min() < LEAST_FACE:
            return None
        head = pose.of(face.landmarks)
        strength = self._strength(face, head)
        if strength <= 0:
            return None
        moved = _displaced(delta * np.float32(strength), own)
        if role is not None:
            moved += np.float32(self.shape * strength) * reshape.displaced(head.to_face(face.landmarks), role.toward)
        wanted = head.turn(moved)[:, :2]
        down = head.rotation[:2, 1] / max(float(np.linalg.norm(head.rotation[:2, 1])), 1e-6)
        view = View(head.scale, down.astype(np.float32), (frame.width, frame.height))
        eye = Limit(self.eye_growth, self.eye_slack, overlap=LID_OVERLAP)
        mouth = Limit(self.mouth_growth, self.mouth_slack, rest=LIP_REST)
        parts = float((wanted[mesh.MOUTH.lower] - wanted[mesh.MOUTH.upper]).dot(down).max()) > 0
        give = cavity.yielding(frame, face.landmarks[:, :2]) if parts else None
        known = [lent(donors, face.track, k) for k in range(3)]
        deformed = deform(face.landmarks, wanted, view, eye=eye, mouth=mouth, give=give, known=known)
        return resample(
            frame, face.track, deformed, self.step, INTERPOLATION[self.interpolation], whole=role is not None
        )

    def _strength(self, face: Face, head: pose.Pose) -> float:
        """0..1, by how far the head is turned and how sure the tracker is."""
        turned = _ramp(abs(head.yaw), self.no_yaw, self.full_yaw)
        if face.bridged:
            return turned * self.bridged
        return turned * _ramp(face.presence, self.no_presence, self.full_presence)


def resample(
    frame: Frame, track: int, deformed: Deformed, step: int, interpolation: int, *, whole: bool = False
) -> Edit | Moved | None:
    """Draw a deformed mesh; None if it does not move, or not within the frame. whole: draw all of the face anyway.

    At step 2 and linear interpolation only what moves where is worked out.
    """
    near = mesh.neighbours(deformed.moved)
    near[: mesh.FIRST_RING] |= whole
    triangles = _painted(deformed, near)
    if not len(triangles):
        return None
    used = np.zeros(mesh.COUNT, np.bool_)
    used[triangles] = True
    places = np.concatenate([deformed.points[used], (deformed.points + deformed.offsets)[used]])
    box = planes.align((*(places.min(0) - 2), *(places.max(0) + 3)), frame)
    if box[0] >= box[2] or box[1] >= box[3]:
        return None
    x0, y0, x1, y1 = box
    rows = np.concatenate([deformed.offsets, near[:, None].astype(np.float32)], 1)
    laid = triangles, deformed.points - np.array([x0, y0], np.float32), rows, (y1 - y0, x1 - x0), step
    ends = deformed.points, deformed.points + deformed.offsets
    if step == 2 and interpolation == cv2.INTER_LINEAR:
        coarse = raster.painted(*laid)
        return Moved(track, box, frame, coarse[:2], coarse[2], *ends)
    before = planes.crop(frame, box)
    dx, dy, mask = raster.rasterise(*laid)
    dx += np.arange(x1 - x0, dtype=np.float32)
    dy += np.arange(y1 - y0, dtype=np.float32)[:, None]
    after = cv2.remap(before, dx, dy, interpolation, borderMode=cv2.BORDER_REPLICATE)
    return Edit(track, box, before, after, mask, *ends)


def _painted(deformed: Deformed, near: NDArray[np.bool_]) -> mesh.Indices:
    """The triangles that the edit touches, far ones first."""
    touched = np.logical_or.reduce(near[mesh.CORNERS])
    depth = np.add.reduce(deformed.depth[mesh.CORNERS])[touched]
    painted: mesh.Indices = mesh.TRIANGLES[touched][np.argsort(-depth, kind="stable")]
    return painted


def _delta(face: Face, units: Units, asked: Units) -> Floats | None:
    """(facs.COUNT, 2) asked minus measured of this face; None if it is not measured or nothing is asked."""
    now, then = _of(units, face.track), _of(asked, face.track)
    if now is None or then is None:
        return None
    delta: Floats = then.values - now.values
    return delta if np.abs(delta).max() >= LEAST_DELTA else None


def _displaced(delta: Floats, own: Motion | None) -> Floats:
    """(478, 3) face space: every unit's displacement, all but those of `OUTLINE_UNITS` held at the face's outline."""
    displacement = own.displacement if own is not None else basis.load().displacement
    asked = np.flatnonzero(delta.any(1))  # few units move at a time, and the table is large
    shares, carried = delta[asked], _carries()[asked, None]
    held, whole = np.tensordot(np.stack([shares * ~carried, shares * carried]), displacement[asked], 2)
    moved: Floats = held * reshape.inward()[:, None] + whole
    return moved.astype(np.float32, copy=False)


@cache
def _carries() -> NDArray[np.bool_]:
    """(facs.COUNT,) units that carry the outline."""
    return np.array([name in OUTLINE_UNITS for name in facs.NAMES])


def _of(units: Units, track: int) -> FaceUnits | None:
    return next((face for face in units.faces if face.track == track), None)


def _ramp(value: float, zero: float, one: float) -> float:
    """0 at `zero`, 1 at `one`, smooth between."""
    t = min(max((value - zero) / (one - zero), 0.0), 1.0)
    return t * t * (3 - 2 * t)
