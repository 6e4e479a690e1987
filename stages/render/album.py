"""The album of a clip: faces worth remembering, because they show what other frames hide.

While a clip is measured, every face is sorted by what it shows: how far each eye is open and where it looks, how the
mouth is (shut to wide; teeth, smiling, round), what the brows do, and where the head points. A face that is the first
of its kind becomes a page; a later one only if it is clearly better (straighter, surer, calmer), or if none was kept
for a while. Pages are what `stages.render.donors` chooses from, and what wrinkles are fitted on.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import cv2
import numpy as np

from stages.contract import OrderedStage
from stages.errors import ConfigError
from stages.expression import pose
from stages.faces import layouts
from stages.faces.blendshapes import INDEX
from stages.media import planes
from stages.packets import Face, Faces, Floats, Frame, Job, Page, Pages, Scores

MARGIN: Final = 0.3
"""Interocular distances around the landmarks that a page shows."""

BETTER: Final = 1.35
"""How many times as good a face must be to be kept beside the page of its kind."""

TURN: Final = 8.0
"""Degrees of yaw and pitch that make another view of the same face."""

LOOK: Final = 0.045
"""Interocular distances by which an iris moves in its eye to make another look."""

SHARES: Final = {"eyes": 0.25, "mouth": 0.3, "brows": 0.15, "view": 0.15, "pace": 0.15}
"""How much of the limit each reason to keep a face may use, so that a talkative clip leaves room for blinks."""

PACE: Final = 0.5
"""Seconds after which a face is kept whatever it shows, in a short clip; a long one spreads its share evenly."""

_BLINK: Final = (0.15, 0.35, 0.55)
_GAPE: Final = (0.03, 0.12, 0.28)
"""Between shut, parted, open and wide: the mouth's opening over its width."""
_STRONG: Final = (0.25, 0.55)

Kind = tuple[str | int, ...]


@dataclass
class Shelf:
    """What was kept of one track. best: quality by kind. used: pages by reason. paced: when the last was kept for its
    time, in seconds. last: (2,) where the head was.
    """

    best: dict[Kind, float] = field(default_factory=dict)
    used: dict[str, int] = field(default_factory=lambda: dict.fromkeys(SHARES, 0))
    paced: float = -np.inf
    last: Floats | None = None


@dataclass
class Album:
    """The shelves of every track. pace: seconds between faces that are kept for their time."""

    pace: float
    shelves: dict[int, Shelf] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class KeepPages(OrderedStage[Album]):
    """Keep faces of a new kind.

    limit: pages of a track, 1..200. size: pixels, the longer side of the face on a page at most. least_size: pixels of
    interocular distance below which a face has nothing to lend. min_presence: 0..1, what the landmarks must reach.
    max_yaw: degrees beyond which a face is seen from its side.
    """

    limit: int = 60
    size: int = 512
    least_size: float = 24.0
    min_presence: float = 0.6
    max_yaw: float = 40.0

    def __post_init__(self) -> None:
        if not 1 <= self.limit <= 200:
            raise ConfigError(f"limit must be 1..200 pages, not {self.limit}")
        if not 64 <= self.size <= 2048:
            raise ConfigError(f"size must be 64..2048 pixels, not {self.size}")
        if self.least_size < 0:
            raise ConfigError(f"least_size must not be negative, it is {self.least_size}")
        if not 0 <= self.min_presence <= 1:
            raise ConfigError(f"min_presence must be 0..1, not {self.min_presence}")
        if not 0 < self.max_yaw <= 90:
            raise ConfigError(f"max_yaw must be above 0 and at most 90 degrees, not {self.max_yaw}")

    def begin(self, job: Job) -> Album:
        """Nothing kept yet."""
        seconds = float((job.clip.frames or 0) / job.clip.rate)
        return Album(max(PACE, seconds / (SHARES["pace"] * self.limit)))

    def process(self, state: Album, frame: Frame, faces: Faces, scores: Scores) -> Pages | None:
        """The pages that this frame adds; None on most frames."""
        rows = dict(zip(scores.tracks, scores.values, strict=True))
        pages = []
        for face in faces.faces:
            if face.track in rows and not face.bridged and face.presence >= self.min_presence:
                page = self._page(state, frame, face, rows[face.track])
                pages += [page] if page else []
        return Pages(frame.at, tuple(pages)) if pages else None

    def _page(self, album: Album, frame: Frame, face: Face, scores: Floats) -> Page | None:
        shelf = album.shelves.setdefault(face.track, Shelf())
        head = pose.of(face.landmarks)
        calm = _calm(shelf, head)
        if head.scale < self.least_size or abs(head.yaw) > self.max_yaw:
            return None
        seen, quality = kinds(face.landmarks, scores, head), _quality(face, head) * calm
        reasons = [str(kind[0]) for kind in seen if self._wants(shelf, kind, quality)]
        due = frame.at.seconds >= shelf.paced + album.pace and self._has_room(shelf, "pace")
        box = _box(frame, face, head.scale)
        if not (reasons or due) or box is None:
            return None
        shelf.used[reasons[0] if reasons else "pace"] += 1
        shelf.paced = frame.at.seconds
        for kind in seen:
            shelf.best[kind] = max(quality, shelf.best.get(kind, 0.0))
        return cut(frame, face, scores, head, box, self.size)

    def _wants(self, shelf: Shelf, kind: Kind, quality: float) -> bool:
        return self._has_room(shelf, str(kind[0])) and quality > BETTER * shelf.best.get(kind, 0.0)

    def _has_room(self, shelf: Shelf, reason: str) -> bool:
        return shelf.used[reason] < SHARES[reason] * self.limit


def kinds(landmarks: Floats, scores: Floats, head: pose.Pose) -> tuple[Kind, ...]:
    """What a face shows, one entry a reason to keep it: `SHARES`' names with levels."""

    def score(name: str) -> float:
        """The mean of both sides if it has sides."""
        sides = (name,) if name in INDEX else (f"{name}Left", f"{name}Right")
        return float(np.mean([scores[INDEX[side]] for side in sides]))

    blinks = [_level(scores[INDEX[f"eyeBlink{side}"]], _BLINK) for side in ("Right", "Left")]
    looks = _looks(head.to_face(landmarks)) if max(blinks) < 2 else (0, 0)
    gape = _level(_over(landmarks, 13, 14) / _over(landmarks, 78, 308), _GAPE)
    teeth = max(score("mouthUpperUp"), score("mouthLowerDown")) > 0.3
    shape = _level(score("mouthSmile"), _STRONG), _level(score("mouthStretch"), (0.3,)), int(teeth)
    lips = int(max(score("mouthPucker"), score("mouthFunnel")) > 0.4)
    brows = _level(score("browInnerUp"), _STRONG), _level(score("browDown"), _STRONG), int(score("eyeSquint") > 0.5)
    view = round(head.yaw / TURN), round(head.pitch / TURN)
    return (
        ("eyes", *blinks, *looks),
        ("mouth", gape, *shape, lips),
        ("brows", *brows),
        ("view", *view, int(max(blinks) >= 2), min(gape, 2)),
    )


def cut(frame: Frame, face: Face, scores: Floats, head: pose.Pose, box: planes.Box, size: int) -> Page:
    """The page of a face, made smaller if the face is larger than `size` pixels."""
    pixels = planes.crop(frame, box)
    face_size = float(np.ptp(face.landmarks[: layouts.MESH_COUNT, :2], axis=0).max())
    if face_size > size:
        share = size / face_size
        wanted = max(1, round(pixels.shape[1] * share)), max(1, round(pixels.shape[0] * share))
        pixels = cv2.resize(pixels, wanted, interpolation=cv2.INTER_AREA)
    return Page(face.track, box, pixels.astype(np.float16), face.landmarks, scores, head.angles)


def _box(frame: Frame, face: Face, unit: float) -> planes.Box | None:
    """Around face and neck; None unless every landmark lies in the frame."""
    points = face.landmarks[: layouts.MESH_COUNT, :2]
    low, high = points.min(0), points.max(0)
    if low.min() < 0 or high[0] > frame.width - 1 or high[1] > frame.height - 1:
        return None
    return planes.align((*(low - MARGIN * unit), *(high + MARGIN * unit)), frame)


def _quality(face: Face, head: pose.Pose) -> float:
    return float(np.exp(-(head.yaw**2 + head.pitch**2) / (2 * 20.0**2))) * face.presence


def _calm(shelf: Shelf, head: pose.Pose) -> float:
    """0.3..1; a head that moves fast is blurred."""
    now = head.translation[:2].astype(np.float32)
    speed = 0.0 if shelf.last is None else float(np.linalg.norm(now - shelf.last)) / head.scale
    shelf.last = now
    return 0.3 + 0.7 / (1 + (speed / 0.03) ** 2)


def _looks(face: Floats) -> tuple[int, int]:
    """Where the eyes look, in steps of `LOOK` across and down. face: (478, 3) face space."""
    irises = face[[layouts.RIGHT_IRIS[0], layouts.LEFT_IRIS[0]], :2].mean(0)
    corners = face[[33, 133, 362, 263], :2].mean(0)
    across, down = (irises - corners) / LOOK
    return round(float(across)), round(float(down))


def _over(landmarks: Floats, one: int, two: int) -> float:
    return float(np.linalg.norm(landmarks[one] - landmarks[two])) + 1e-6


def _level(value: float, steps: tuple[float, ...]) -> int:
    return int(np.searchsorted(steps, value))
