"""Before and after pictures of the frames that an edit changed most."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from stages import facs
from stages.contract import OrderedStage
from stages.errors import ConfigError, DeliveryError
from stages.media import planes
from stages.packets import Faces, Floats, Frame, Job, Units

Picture = NDArray[np.uint8]
Box = tuple[int, int, int, int]

FOLDER: Final = "stills"
GROUPS: Final[dict[str, tuple[int, ...]]] = {
    "brows": (1, 2, 4),
    "eyes": (5, 6, 7, 43, 45, 46),
    "nose and upper lip": (9, 10),
    "lip corners": (12, 14, 15, 20),
    "lips": (16, 17, 18, 22, 23, 24, 25, 28),
    "jaw and cheeks": (26, 27, 29, 30, 34),
    "gaze": (61, 62, 63, 64),
}
_GROUP_OF: Final = {f"AU{number:02d}": group for group, numbers in GROUPS.items() for number in numbers}
_BETTER: Final = 1.1  # a frame must beat a kept one by this much, so that a slow rise is not kept frame by frame
_AROUND: Final = 0.35  # of the face box, added on each side of the crop
_OVERVIEW: Final = 480  # pixels a row of the whole-frame thumbnail
_FILES: Final = {"before": "before", "after": "after", "whole": "frame"}


@dataclass(frozen=True, slots=True)
class Moved:
    """One Action Unit in a still: measured and asked intensity 0..5 of the side that changed more."""

    unit: str
    measured: float
    asked: float


@dataclass(frozen=True, slots=True)
class Still:
    """A kept frame: 8-bit R'G'B' PNGs of the same `box` (luma pixels) before and after, and the whole frame, small.

    track is the face it shows, None when nothing changed. moved: the AUs that changed most, largest first.
    """

    frame: int
    seconds: float
    track: int | None
    box: Box
    moved: tuple[Moved, ...]
    before: Path
    after: Path
    whole: Path

    @property
    def caption(self) -> str:
        """`frame 123 · 4.105 s · AU12 1.8 → 2.7`."""
        units = [f"{one.unit} {one.measured:.1f} → {one.asked:.1f}" for one in self.moved]
        return " · ".join([f"frame {self.frame}", f"{self.seconds:.3f} s", *units])


@dataclass(frozen=True, slots=True, eq=False)
class _Candidate:
    """A frame worth keeping, with its pictures."""

    frame: int
    seconds: float
    score: float
    group: str
    track: int | None
    box: Box
    moved: tuple[Moved, ...]
    before: Picture
    after: Picture
    whole: Picture


@dataclass(slots=True)
class Selection:
    """What is kept so far: telling frames, or evenly spaced ones as long as nothing has changed."""

    folder: Path
    telling: list[_Candidate] = field(default_factory=list)
    spaced: list[_Candidate] = field(default_factory=list)
    stride: int = 1


@dataclass(frozen=True, slots=True)
class _Change:
    """How much a frame was changed, and where most."""

    score: float
    group: str
    track: int
    moved: tuple[Moved, ...]


@dataclass(frozen=True, kw_only=True)
class KeepStills(OrderedStage[Selection]):
    """Keeps the frames that tell most about an edit, in bounded memory, and writes them at the end.

    A frame counts by the largest |asked - measured| of its Action Units; the n-th still of one part of the face (see
    `GROUPS`) counts a n-th, so that brows, eyes and mouth all get their turn. When nothing changes, evenly spaced
    frames are kept. Only frames that are kept are converted to R'G'B'.

    count: stills, 1..24. apart: least distance in seconds between two, 0..60. size: longest side of a crop in pixels,
    128..2048; a larger face is scaled down. least: the change in intensity that counts, above 0.

    Raises:
        ConfigError: a value out of range.
    """

    count: int = 6
    apart: float = 0.5
    size: int = 720
    least: float = 0.1

    def __post_init__(self) -> None:
        limits = {"count": (1, 24), "apart": (0, 60), "size": (128, 2048), "least": (1e-3, facs.MAX_INTENSITY)}
        for name, (low, high) in limits.items():
            if not low <= getattr(self, name) <= high:
                raise ConfigError(f"{name}: {getattr(self, name)!r} is out of range; use {low} to {high}")

    def begin(self, job: Job) -> Selection:
        """Nothing kept yet."""
        return Selection(job.folder / FOLDER)

    def process(
        self,
        state: Selection,
        before: Frame,
        after: Frame,
        faces: Faces | None,
        units: Units | None,
        asked: Units | None,
    ) -> None:
        """Look at one frame and keep it if it tells more than those kept."""
        change = _change(units, asked) if units and asked else None
        if change and change.score >= self.least:
            self._consider(state, change, before, after, faces)
        elif not state.telling and before.at.index % state.stride == 0:
            self._space(state, before, after, faces)

    def finish(self, state: Selection) -> None:
        """Write `stills/NNNNNN-before.png`, `-after.png`, `-frame.png` and `stills.json`.

        Raises:
            DeliveryError: the folder cannot be written.
        """
        kept = sorted(state.telling or state.spaced[:: max(1, -(-len(state.spaced) // self.count))], key=_frame)
        try:
            state.folder.mkdir(parents=True, exist_ok=True)
            with ThreadPoolExecutor(thread_name_prefix="stills") as pool:  # coding a PNG releases the interpreter
                described = list(pool.map(lambda one: _write(state.folder, one), kept))
            text = json.dumps({"schema": 1, "stills": described}, indent=2, ensure_ascii=False)
            (state.folder / "stills.json").write_text(text, encoding="utf-8")
        except OSError as error:
            raise DeliveryError(f"{state.folder}: the stills cannot be written: {error}") from error

    def _consider(self, state: Selection, change: _Change, before: Frame, after: Frame, faces: Faces | None) -> None:
        """Keep the frame in place of those too near to it, or of the one that tells least, if that tells more."""
        apart = [one for one in state.telling if abs(one.seconds - before.at.seconds) >= self.apart]
        scores = [(one.score, one.group) for one in apart] + [(change.score / _BETTER, change.group)]
        if len(scores) > self.count:
            worth = _worth(scores)
            out = worth.index(min(worth))
            if out == self.count:
                return
            del apart[out], scores[out]
        if sum(_worth(scores)) > sum(_worth([(one.score, one.group) for one in state.telling])):
            state.telling = [*apart, self._candidate(change, before, after, faces)]
            state.spaced = []

    def _space(self, state: Selection, before: Frame, after: Frame, faces: Faces | None) -> None:
        """Every stride-th frame; when there are too many, drop every other and double the stride."""
        state.spaced.append(self._candidate(None, before, after, faces))
        if len(state.spaced) >= 2 * self.count:
            state.stride *= 2
            state.spaced = [one for one in state.spaced if one.frame % state.stride == 0]

    def _candidate(self, change: _Change | None, before: Frame, after: Frame, faces: Faces | None) -> _Candidate:
        box = _crop(before, faces, change.track if change else None)
        return _Candidate(
            frame=before.at.index,
            seconds=before.at.seconds,
            score=change.score if change else 0.0,
            group=change.group if change else "",
            track=change.track if change else None,
            box=box,
            moved=change.moved if change else (),
            before=_rgb8(before, box, self.size),
            after=_rgb8(after, box, self.size),
            whole=_rgb8(after, (0, 0, after.width, after.height), _OVERVIEW),
        )


def read_stills(folder: Path) -> tuple[Still, ...]:
    """The stills of a job's work folder, in order of time; none if the run kept none.

    Raises:
        DeliveryError: `stills.json` is not what `KeepStills` writes.
    """
    listing = folder / FOLDER / "stills.json"
    if not listing.is_file():
        return ()
    try:
        return tuple(_still(listing.parent, one) for one in json.loads(listing.read_text("utf-8"))["stills"])
    except (KeyError, TypeError, ValueError) as error:
        raise DeliveryError(f"{listing}: not a list of stills: {type(error).__name__}: {error}") from error


def _still(folder: Path, plain: Mapping[str, Any]) -> Still:
    x0, y0, x1, y1 = plain["box"]
    return Still(
        frame=plain["frame"],
        seconds=plain["seconds"],
        track=plain["track"],
        box=(x0, y0, x1, y1),
        moved=tuple(Moved(**one) for one in plain["moved"]),
        before=folder / plain["before"],
        after=folder / plain["after"],
        whole=folder / plain["whole"],
    )


def _change(units: Units, asked: Units) -> _Change | None:
    """The face and Action Unit that were changed most."""
    best: _Change | None = None
    for face, wanted in _matched(units, asked):
        apart = np.abs(wanted[0] - face[0])
        score = float(apart.max())
        if best is None or score > best.score:
            moved = tuple(_largest(face[0], wanted[0], apart))
            group = _GROUP_OF[moved[0].unit] if moved else ""
            best = _Change(score, group, face[1], moved)
    return best


def _matched(units: Units, asked: Units) -> Iterator[tuple[tuple[Floats, int], tuple[Floats, int]]]:
    wanted = {face.track: face for face in asked.faces}
    for face in units.faces:
        if face.track in wanted:
            yield (face.values, face.track), (wanted[face.track].values, face.track)


def _largest(measured: Floats, asked: Floats, apart: Floats, most: int = 3) -> Iterator[Moved]:
    """Up to `most` Action Units that changed by 0.05 or more, largest first."""
    peak = apart.max(axis=1)
    for i in np.argsort(-peak, kind="stable")[:most]:
        if peak[i] >= 0.05:
            side = int(apart[i].argmax())
            yield Moved(facs.NAMES[i], round(float(measured[i, side]), 3), round(float(asked[i, side]), 3))


def _worth(scores: list[tuple[float, str]]) -> list[float]:
    """What each (score, group) tells: its score divided by its rank within its group."""
    ranks: dict[str, int] = {}
    worth = [0.0] * len(scores)
    for i, (score, group) in sorted(enumerate(scores), key=lambda item: -item[1][0]):
        ranks[group] = ranks.get(group, 0) + 1
        worth[i] = score / ranks[group]
    return worth


def _crop(frame: Frame, faces: Faces | None, track: int | None) -> Box:
    """The face's box with its surroundings, even and inside the frame; the whole frame without a face."""
    found = [face for face in faces.faces if track is None or face.track == track] if faces else []
    if not found:
        return 0, 0, frame.width, frame.height
    x0, y0, x1, y1 = (float(v) for v in found[0].box)
    margin = _AROUND * max(x1 - x0, y1 - y0)
    left, top = max(0, int(x0 - margin)) & ~1, max(0, int(y0 - margin)) & ~1
    right, bottom = min(frame.width, int(x1 + margin) & ~1), min(frame.height, int(y1 + margin) & ~1)
    inside = right - left >= 2 and bottom - top >= 2
    return (left, top, right, bottom) if inside else (0, 0, frame.width, frame.height)


def _rgb8(frame: Frame, box: Box, longest: int) -> Picture:
    """The box in 8-bit R'G'B', scaled down if a side is longer than `longest`."""
    width, height = box[2] - box[0], box[3] - box[1]
    scale = min(1.0, longest / max(width, height))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return planes.rgb8(frame, box, size if scale < 1 else None)


def _frame(one: _Candidate) -> int:
    return one.frame


def _write(folder: Path, one: _Candidate) -> dict[str, object]:
    names = {name: f"{one.frame:06d}-{file}.png" for name, file in _FILES.items()}
    for name, file in names.items():
        done, coded = cv2.imencode(".png", getattr(one, name)[:, :, ::-1])  # OpenCV's own choice is its quickest
        if not done:
            raise DeliveryError(f"{folder / file}: the still could not be coded")
        (folder / file).write_bytes(coded.tobytes())
    moved = [{"unit": each.unit, "measured": each.measured, "asked": each.asked} for each in one.moved]
    about = {"frame": one.frame, "seconds": one.seconds, "track": one.track, "box": list(one.box), "moved": moved}
    return {**about, **names}
