"""Small clips' worth of Action Units and a run's record, made by rule, so that every expected figure is known."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import overload

import numpy as np

from runner.report import Analysis, Delivered, FaceFacts, ModelUse, PassFacts, RunRecord
from stages import facs
from stages.contract import Timeline
from stages.packets import Clip, Colour, FaceUnits, Stamp, Units

TIME_BASE = Fraction(1001, 30000)
NAME = "sc010 (take=2), final"


class Line(Timeline[Units]):
    """A timeline held in memory."""

    def __init__(self, items: Iterable[Units | None]) -> None:
        self._items = list(items)

    def __len__(self) -> int:
        return len(self._items)

    @overload
    def __getitem__(self, index: int) -> Units | None: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Units | None]: ...
    def __getitem__(self, index: int | slice) -> Units | Sequence[Units | None] | None:
        return self._items[index]


def stamp(index: int) -> Stamp:
    return Stamp(NAME, index, index, TIME_BASE)


def units(index: int, intensities: dict[str, float], *, tracks: int = 1, lean: float = 0.0) -> Units:
    """The same intensities on every track; sided units get +lean on the left and -lean on the right."""
    values = np.zeros((facs.COUNT, 2), np.float32)
    for name, intensity in intensities.items():
        values[facs.INDEX[name]] = intensity + lean, intensity - lean
    confidence = np.full(facs.COUNT, 0.75, np.float32)
    pose = np.array([1, 2, 3], np.float32)
    return Units(stamp(index), tuple(FaceUnits(track, values, confidence, pose) for track in range(tracks)))


def smile(index: int) -> float:
    """AU12 of frame `index`: 0..2, a slow wave."""
    return float(1 - np.cos(index / 10))


def line(frames: int, gain: float = 1.0, *, tracks: int = 1, there: Callable[[int], bool] = lambda _: True) -> Line:
    """AU12 waves times `gain`, AU04 rests at 1; no face where `there` says so."""
    return Line(
        units(i, {"AU12": gain * smile(i), "AU04": 1.0}, tracks=tracks, lean=0.1) if there(i) else None
        for i in range(frames)
    )


def clip(frames: int = 100) -> Clip:
    return Clip(
        path=Path("/shows/ep01") / f"{NAME}.mov",
        name=NAME,
        width=1920,
        height=1080,
        time_base=TIME_BASE,
        rate=Fraction(30000, 1001),
        frames=frames,
        pixel_format="yuv422p10le",
        colour=Colour(matrix=1, primaries=1, transfer=1),
        codec="prores",
        kind="video",
        audio_streams=2,
    )


def record(frames: int = 100, **changes: object) -> RunRecord:
    about = {
        "glabella": "0.1.0",
        "command": ("glabella", "run", "gain=expressive"),
        "clip": clip(frames),
        "clip_sha256": "ab" * 32,
        "out": Path("outputs/ep01"),
        "started": "2026-02-03T04:05:06+00:00",
        "seconds": 8.0,
        "delivery": Delivered(path=Path("outputs/ep01/master.mov"), sha256="cd" * 32, size=48_300_000),
        "config": {"gain": {"au_gain": {"AU12": 1.5}, "note": "x" * 900}, "encode": {"crf": 12, "tags": []}},
        "preset": "broadcast",
        "gain": "expressive",
        "changed": {"encode.crf": (16, 12)},
        "versions": {"python": "3.11"},
        "models": (ModelUse(name="mesh478", sha256="ef" * 32, licence="Apache-2.0", provider="CPUExecutionProvider"),),
        "analysis": Analysis(source="cached", key="k" * 16),
        "passes": (PassFacts(name="render", frames=frames, seconds=4.0, fps=25.0),),
        "stage_ms": {"decode": 1.5, "warped": 6.0},
        "faces": FaceFacts(tracks=1, frames_with=frames, lost=2),
        "scores": {"identity.cosine": 0.93},
    }
    return RunRecord(**(about | changes))  # type: ignore[arg-type]
