"""Strips of consecutive frames around eyes, mouth and mask edge, before and after: for people to judge an edit by."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from stages import facs
from stages.contract import OrderedStage
from stages.delivery.stills import GROUPS
from stages.errors import ConfigError, DeliveryError
from stages.expression import pose
from stages.faces import layouts
from stages.media.planes import drawn, rgb8
from stages.packets import Edit, Edits, Face, Faces, Frame, Job, Units

Picture = NDArray[np.uint8]
Box = tuple[int, int, int, int]

FOLDER: Final = "strips"
REGIONS: Final = ("eyes", "mouth", "edge", "face")
_EYES: Final = np.concatenate([layouts.BROWS, layouts.LEFT_EYE, layouts.RIGHT_EYE])
_UPPER: Final = [facs.INDEX[f"AU{n:02d}"] for part in ("brows", "eyes", "gaze") for n in GROUPS[part]]
_LOWER: Final = np.setdiff1d(np.arange(facs.COUNT), _UPPER)
_BETTER: Final = 1.1  # a moment must beat the kept one by this much, so that a slow rise is not cut frame by frame
_ELSEWHERE: Final = 0.01  # what a change anywhere counts where the region itself is left alone
_GAP: Final = 4
_GROUND: Final = 24
_JPEG: Final = (cv2.IMWRITE_JPEG_QUALITY, 95, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444)


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """One frame as it came and as it went; change: |asked - measured| (facs.COUNT,) of each track, the greater side."""

    before: Frame
    after: Frame
    faces: Mapping[int, Face]
    edits: Mapping[int, Edit]
    change: Mapping[int, NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Strip:
    """A kept strip: its picture (JPEG), the first of its consecutive frames, and what it shows of whom.

    box: x0, y0, x1, y1 in luma pixels, the same on every frame. score: the change in intensity that it was picked for.
    """

    region: str
    first: int
    frames: int
    track: int
    box: Box
    score: float
    path: Path


@dataclass(slots=True)
class Kept:
    """The latest frames, and for each region the best strip so far with its picture."""

    folder: Path
    latest: deque[Moment]
    best: dict[str, tuple[Strip, Picture]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class KeepStrips(OrderedStage[Kept]):
    """Keeps one strip a region, at full size, around the moment that changes the region most.

    Rows: before, after, their difference times `factor`. `face` is one frame, before and after side by side.
    frames: in a strip, 1..24. factor: 1..32. size: longest side of the face's picture in pixels, 64..2048; the other
    regions are never scaled.
    """

    frames: int = 6
    factor: int = 4
    size: int = 480

    def __post_init__(self) -> None:
        for name, (low, high) in {"frames": (1, 24), "factor": (1, 32), "size": (64, 2048)}.items():
            if not low <= getattr(self, name) <= high:
                raise ConfigError(f"strips.{name}: {getattr(self, name)!r} is out of range; use {low} to {high}")

    def begin(self, job: Job) -> Kept:
        """Nothing kept yet."""
        return Kept(job.folder / FOLDER, deque(maxlen=self.frames))

    def process(
        self,
        state: Kept,
        before: Frame,
        after: Frame,
        faces: Faces | None,
        units: Units | None,
        asked: Units | None,
        edits: Edits | None,
    ) -> None:
        """Take the frame in, and keep the strip that it completes where that shows more."""
        found = {face.track: face for face in faces.faces} if faces else {}
        made = {edit.track: edit for edit in drawn(edits)} if edits else {}
        state.latest.append(Moment(before, after, found, made, _changes(units, asked)))
        if len(state.latest) == self.frames:
            self._consider(state)

    def finish(self, state: Kept) -> None:
        """Write `strips/REGION.jpg` and `strips.json`.

        Raises:
            DeliveryError: the folder cannot be written.
        """
        if len(state.latest) < self.frames:
            self._consider(state)  # the whole clip is shorter than a strip
        try:
            state.folder.mkdir(parents=True, exist_ok=True)
            for strip, picture in state.best.values():
                _, coded = cv2.imencode(".jpg", picture[:, :, ::-1], _JPEG)
                strip.path.write_bytes(coded.tobytes())
            listing = [_plain(strip) for strip, _ in state.best.values()]
            (state.folder / "strips.json").write_text(json.dumps({"schema": 1, "strips": listing}, indent=2), "utf-8")
        except OSError as error:
            raise DeliveryError(f"{state.folder}: the strips cannot be written: {error}") from error

    def _consider(self, state: Kept) -> None:
        moments = [*state.latest]
        middle = moments[len(moments) // 2] if moments else None
        for region in REGIONS if middle else ():
            assert middle is not None
            track, score = _most(middle, region)
            kept = state.best.get(region)
            if track is None or (kept and score <= kept[0].score * _BETTER):
                continue
            box = _box(middle, region, track)
            shown = [middle] if region == "face" else moments
            index, path = shown[0].before.at.index, state.folder / f"{region}.jpg"
            strip = Strip(region, index, len(shown), track, box, score, path)
            state.best[region] = strip, self._pair(middle, box) if region == "face" else self._strip(shown, box)

    def _strip(self, moments: Sequence[Moment], box: Box) -> Picture:
        rows = [
            [rgb8(frame, box) for frame in side] for side in zip(*((m.before, m.after) for m in moments), strict=True)
        ]
        apart = [cv2.convertScaleAbs(cv2.absdiff(*pair), alpha=self.factor) for pair in zip(*rows, strict=True)]
        return _stacked([_stacked(row, 1) for row in (*rows, apart)], 0)

    def _pair(self, moment: Moment, box: Box) -> Picture:
        width, height = box[2] - box[0], box[3] - box[1]
        scale = min(1.0, self.size / max(width, height))
        size = (max(1, round(width * scale)), max(1, round(height * scale))) if scale < 1 else None
        return _stacked([rgb8(frame, box, size) for frame in (moment.before, moment.after)], 1)


def read_strips(folder: Path) -> dict[str, Strip]:
    """Region -> strip of a job's folder; none if the run kept none.

    Raises:
        DeliveryError: `strips.json` is not what `KeepStrips` writes.
    """
    listing = folder / FOLDER / "strips.json"
    if not listing.is_file():
        return {}
    try:
        strips = json.loads(listing.read_text("utf-8"))["strips"]
        return {one["region"]: _strip(listing.parent, one) for one in strips}
    except (KeyError, TypeError, ValueError) as error:
        raise DeliveryError(f"{listing}: not a list of strips: {type(error).__name__}: {error}") from error


def _strip(folder: Path, plain: Mapping[str, Any]) -> Strip:
    x0, y0, x1, y1 = plain["box"]
    return Strip(**{**plain, "box": (x0, y0, x1, y1), "path": folder / f"{plain['region']}.jpg"})


def _plain(strip: Strip) -> dict[str, Any]:
    names = ("region", "first", "frames", "track", "box", "score")
    return {name: getattr(strip, name) for name in names}


def _changes(units: Units | None, asked: Units | None) -> dict[int, NDArray[np.float32]]:
    wanted = {face.track: face.values for face in asked.faces} if asked else {}
    faces = units.faces if units else ()
    return {f.track: np.abs(wanted[f.track] - f.values).max(axis=1) for f in faces if f.track in wanted}


def _most(moment: Moment, region: str) -> tuple[int | None, float]:
    """The face whose `region` changes most, and by how much; any face where nothing changes, None without one."""
    best: tuple[int | None, float] = (None, -1.0)
    for track in moment.faces:
        change = moment.change.get(track)
        score = _worth(change, region) if change is not None and track in moment.edits else 0.0
        best = max(best, (track, score), key=lambda one: one[1])
    return best


def _worth(change: NDArray[np.float32], region: str) -> float:
    own = change[_UPPER] if region == "eyes" else change[_LOWER] if region == "mouth" else change
    return float(own.max()) + _ELSEWHERE * float(change.max())


def _box(moment: Moment, region: str, track: int) -> Box:
    face, edit = moment.faces[track], moment.edits.get(track)
    unit = pose.of(face.landmarks).scale
    points, margin = face.landmarks[:, :2], {"eyes": 0.1, "mouth": 0.28, "face": 0.35, "edge": 0.5}[region] * unit
    if region == "edge" and edit is not None:
        points = _seam(edit, unit)
    elif region == "edge":
        points = points[152:153]  # the chin
    elif region != "face":
        points = points[_EYES if region == "eyes" else layouts.LIPS_OUTER]
    low, high = points.min(0) - margin, points.max(0) + margin
    limit = moment.before.width, moment.before.height
    x0, y0 = (min(max(0, int(v)), size - 2) & ~1 for v, size in zip(low, limit, strict=True))
    x1, y1 = (max(min(size, int(v) + 1 & ~1), at + 2) for v, size, at in zip(high, limit, (x0, y0), strict=True))
    return x0, y0, x1, y1


def _seam(edit: Edit, unit: float) -> NDArray[np.float32]:
    """(1, 2) luma pixels: where in the band along the mask's edge the picture changes most. unit: between the eyes."""
    inside = (edit.mask > 0).astype(np.uint8)
    reach = max(1, round(0.06 * unit))
    core = cv2.erode(inside, np.ones((3, 3), np.uint8), iterations=reach, borderType=cv2.BORDER_REPLICATE)
    apart = np.abs(edit.after - edit.before).mean(axis=2) * edit.mask
    near = cv2.blur(apart, (2 * reach + 1, 2 * reach + 1)) * (inside - core)
    y, x = divmod(int(near.argmax()), near.shape[1])
    return np.array([[edit.box[0] + x, edit.box[1] + y]], np.float32)


def _stacked(pictures: Sequence[Picture], axis: int) -> Picture:
    """Side by side (1) or below one another (0), with gaps between."""
    shape = [*pictures[0].shape]
    shape[axis] = _GAP
    gap = np.full(shape, _GROUND, np.uint8)
    parts = [part for picture in pictures for part in (gap, picture)][1:]
    return np.concatenate(parts, axis=axis)
