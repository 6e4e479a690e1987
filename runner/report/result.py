"""`result.json`: what a run found and made, frame by frame, for programs. docs/result.md and docs/schema/result-1.json.

It is written and read in lines, a frame each, so that memory does not grow with the clip.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from runner.report.plain import to_plain
from runner.report.record import RunRecord
from stages import facs
from stages.contract import Timeline
from stages.packets import Face, Faces, FaceUnits, Floats, FrameHash, Quality, Units

NAME: Final = "result.json"
SCHEMA: Final = "glabella/result"
VERSION: Final = 1
"""Raised when a field changes its meaning or goes; new fields may come without."""

CURVES: Final = ("measured", "asked", "achieved")


@dataclass(frozen=True, kw_only=True)
class Known:
    """The timelines that a result is made of. written: time and hash of every frame. units: by name of the curve."""

    written: Timeline[FrameHash]
    faces: Timeline[Faces] | None
    units: Mapping[str, Timeline[Units]]
    quality: Timeline[Quality] | None


def write_result(folder: Path, record: RunRecord, known: Known) -> None:
    """Write `result.json` into `folder`.

    Raises:
        OSError: the folder cannot be written.
    """
    with (folder / NAME).open("w", encoding="utf-8") as file:
        file.write(_json(_about(record, known))[:-1] + ', "frames": [')
        comma = "\n"
        for frame in _frames(known):
            file.write(comma + _json(frame))
            comma = ",\n"
        file.write("\n]}\n")


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _about(record: RunRecord, known: Known) -> dict[str, Any]:
    clip = record.clip
    made = record.delivery
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "glabella": record.glabella,
        "clip": {
            "name": clip.name,
            "sha256": record.clip_sha256,
            "width": clip.width,
            "height": clip.height,
            "rate": str(clip.rate),
            "time_base": str(clip.time_base),
            "frames": len(known.written),
        },
        "delivery": {"name": made.path.name, "sha256": made.sha256, "bytes": made.size} if made else None,
        "accepted": not record.error,
        "units": list(facs.NAMES),
        "scores": to_plain(record.scores),
        "warnings": to_plain(record.warnings),
    }


def _frames(known: Known) -> Iterator[dict[str, Any]]:
    for index, written in enumerate(known.written):
        if written is None:
            continue
        quality = _at(known.quality, index)
        yield {
            "index": index,
            "pts": written.at.pts,
            "seconds": round(written.at.seconds, 6),
            "hash": written.digest,
            "background": _number(quality.background) if quality is not None else None,
            "faces": _faces(known, index, quality),
        }


def _faces(known: Known, index: int, quality: Quality | None) -> list[dict[str, Any]]:
    seen, scores = _at(known.faces, index), quality.by_track() if quality is not None else {}
    boxes = {face.track: face for face in seen.faces} if seen is not None else {}
    curves = {name: _by_track(_at(line, index)) for name, line in known.units.items() if name in CURVES}
    tracks = sorted(boxes.keys() | curves.get("measured", {}).keys())
    return [_face(track, boxes.get(track), curves, scores.get(track, {})) for track in tracks]


def _face(
    track: int, seen: Face | None, curves: Mapping[str, Mapping[int, FaceUnits]], scores: Mapping[str, float]
) -> dict[str, Any]:
    measured = curves.get("measured", {}).get(track)
    return {
        "track": track,
        "box": _rounded(seen.box, 1) if seen else None,
        "presence": _number(seen.presence) if seen else None,
        "bridged": seen.bridged if seen else None,
        "pose": _rounded(measured.pose, 2) if measured else None,
        "confidence": _rounded(measured.confidence, 3) if measured else None,
        **{name: _intensities(curves.get(name, {}).get(track)) for name in CURVES},
        "scores": {name: _number(value) for name, value in scores.items()},
    }


def _at(line: Timeline[Any] | None, index: int) -> Any:
    return line[index] if line is not None and index < len(line) else None


def _by_track(units: Units | None) -> dict[int, FaceUnits]:
    return {face.track: face for face in units.faces} if units is not None else {}


def _intensities(face: FaceUnits | None) -> list[Any] | None:
    return _rounded(face.values, 3) if face is not None else None


def _rounded(values: Floats, digits: int) -> list[Any]:
    """Nested lists; what is not a number is 0 there, with a confidence of 0 beside it."""
    plain: list[Any] = np.nan_to_num(np.round(values.astype(np.float64), digits)).tolist()
    return plain


def _number(value: float) -> float | None:
    return round(float(value), 4) if math.isfinite(value) else None
