"""Shaping: from the Action Units that were measured to those that a gain profile asks for.

    asked = measured + (gain - 1) * smoothed        # below a soft ceiling at 10, not below 0

so a gain of 1 hands on the measured values bit for bit, and a change of gain moves the smooth course of a unit and not
its noise. Without smoothing the measured value stands on both sides, and `asked = gain * measured`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from stages import facs
from stages.contract import ClipStage, MapStage, Timeline
from stages.errors import ConfigError
from stages.expression.gain import Gain
from stages.packets import Events, FaceUnits, Floats, Units

KNEE: Final = 0.8 * facs.MAX_ASKED
"""Where the soft ceiling begins to bend."""
FADE: Final = 0.15
"""Confidence above `min_confidence` over which a gain takes hold, so that it never pops in."""


@dataclass(frozen=True, kw_only=True)
class _Shaping:
    """What shaping a clip and live have in common. profile: what is asked for."""

    profile: Gain

    def __post_init__(self) -> None:
        if not isinstance(self.profile, Gain):
            raise ConfigError(
                "profile must be a gain profile: name `_target_: stages.expression.gain.Gain` in its file"
            )

    def _asked(self, units: Units, smoothed: Units | None) -> Units:
        """The very same packet if nothing is asked for."""
        course = {face.track: face for face in smoothed.faces} if smoothed else {}
        faces = tuple(self._face(face, course.get(face.track, face)) for face in units.faces)
        unchanged = all(new is old for new, old in zip(faces, units.faces, strict=True))
        return units if unchanged else Units(units.at, faces)

    def _face(self, face: FaceUnits, course: FaceUnits) -> FaceUnits:
        moved = course.values if self.profile.enable_smooth else face.values
        delta = (self.profile.gains - 1) * moved * _trust(face.confidence, self.profile.min_confidence)[:, None]
        changed = delta != 0
        if not changed.any():
            return face
        values = np.where(changed, bounded(face.values, delta), face.values)
        return FaceUnits(face.track, values, face.confidence, face.pose)


@dataclass(frozen=True, kw_only=True)
class Shape(_Shaping, ClipStage):
    """Ask for a profile over a whole clip."""

    def process(
        self, units: Timeline[Units], smoothed: Timeline[Units], events: Timeline[Events] | None = None
    ) -> Iterator[Units | None]:
        """The units to show; the very same packet where nothing is asked for."""
        for measured, calm in zip(units, smoothed, strict=True):
            yield self._asked(measured, calm) if measured is not None else None


@dataclass(frozen=True, kw_only=True)
class ShapeLive(_Shaping, MapStage):
    """Ask for a profile frame by frame."""

    def process(self, units: Units, smoothed: Units) -> Units:
        """The units to show. The very same packet if nothing is asked for."""
        return self._asked(units, smoothed)


def bounded(measured: Floats, delta: Floats) -> Floats:
    """`measured + delta`, not below 0, bending below 10 from `KNEE` on; exactly `measured` where it is 0."""
    asked = measured + delta
    knee = np.maximum(np.float32(KNEE), measured)
    room = np.maximum(np.float32(facs.MAX_ASKED) - knee, np.float32(1e-6))
    bent = knee + room * np.tanh((asked - knee) / room)
    limited: Floats = np.maximum(np.where(asked > knee, bent, asked), 0).astype(np.float32)
    return limited


def _trust(confidence: Floats, least: float) -> Floats:
    """(facs.COUNT,) 0 up to `least`, 1 from `least + FADE` on."""
    rise = np.clip((confidence - np.float32(least)) / np.float32(FADE), 0, 1)
    trust: Floats = (rise * rise * (3 - 2 * rise)).astype(np.float32)
    return trust
