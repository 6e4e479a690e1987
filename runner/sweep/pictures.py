"""The contact sheet of a sweep: rows are runs, columns the key frames of the clip, the source on top."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from runner.instantiate import instantiate
from runner.report.contact import GAP, LINE, Picture, fit, lettered, paper, read, write_sheet
from runner.sweep.scores import Scored
from stages.delivery.stills import Still, read_stills
from stages.errors import DeliveryError, GlabellaError
from stages.media import planes
from stages.media.decode import Decode

CELL: Final = 300  # pixels a side: the size at which a mouth corner can be judged
_APART: Final = 0.5  # least seconds between two key frames
_NAMES: Final = 190  # pixels of the column of names
_MOST: Final = 400  # of a crop that comes from a delivery, before it is fitted into its cell


@dataclass(frozen=True, slots=True)
class Row:
    """A run (None: the source) and its pictures, one a column, `CELL` pixels a side."""

    run: Scored | None
    name: str
    cells: tuple[Picture, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """Key frames in order of time, and what they look like in every run."""

    keys: tuple[Still, ...]
    rows: tuple[Row, ...]


def sheet(runs: Sequence[Scored], columns: int) -> Sheet:
    """The stills of runs of one clip, brought to common frames: where a run kept no still, its delivery is read.

    Raises:
        DeliveryError: a still or a delivery cannot be read.
    """
    kept = {run.entry.words: read_stills(run.entry.report) for run in runs if run.entry.report}
    keys = key_frames([still for stills in kept.values() for still in stills], columns)
    if not keys:
        return Sheet((), ())
    source = Row(None, "source", tuple(fit(read(key.before), CELL) for key in keys))
    return Sheet(keys, (source, *(Row(run, run.label, _cells(run, keys, kept[run.entry.words])) for run in runs)))


def key_frames(stills: Sequence[Still], columns: int) -> tuple[Still, ...]:
    """Those that were changed most, each Action Unit in turn, apart in time; frames without change if that is all."""
    left = sorted(stills, key=_change, reverse=True)
    chosen: list[Still] = []
    while left and len(chosen) < columns:
        seen = [still.moved[0].unit for still in chosen if still.moved]
        best = max(
            left, key=lambda still: _change(still) / (1 + seen.count(still.moved[0].unit if still.moved else ""))
        )
        chosen.append(best)
        left = [still for still in left if abs(still.seconds - best.seconds) >= _APART]
    return tuple(sorted(chosen, key=lambda still: still.frame))


def _change(still: Still) -> float:
    return max((abs(one.asked - one.measured) for one in still.moved), default=0.0)


def _cells(run: Scored, keys: Sequence[Still], stills: Sequence[Still]) -> tuple[Picture, ...]:
    own = {(still.frame, still.box): still.after for still in stills}
    missing = [key for key in keys if (key.frame, key.box) not in own]
    decoded = _decoded(run, missing) if missing else {}
    pictures = [decoded[key.frame] if key.frame in decoded else read(own[key.frame, key.box]) for key in keys]
    return tuple(fit(picture, CELL) for picture in pictures)


def _decoded(run: Scored, keys: Sequence[Still]) -> dict[int, Picture]:
    """The boxes of some frames of a delivery."""
    assert run.record is not None
    assert run.entry.delivery is not None
    wanted = {key.frame: key.box for key in keys}
    found: dict[int, Picture] = {}
    decode: Decode = instantiate(run.record.config["decode"], "decode")
    try:
        for frame in decode.frames(decode.probe(run.entry.delivery)):
            if frame.at.index in wanted:
                box = wanted[frame.at.index]
                found[frame.at.index] = planes.rgb8(frame, box, _small(box))
            if len(found) == len(wanted):
                return found
    except GlabellaError as error:
        raise DeliveryError(f"{run.entry.delivery}: cannot be compared: {error}") from error
    raise DeliveryError(f"{run.entry.delivery}: frame {max(wanted)} is missing; run with sweep.fresh=true")


def _small(box: tuple[int, int, int, int]) -> tuple[int, int] | None:
    width, height = box[2] - box[0], box[3] - box[1]
    scale = _MOST / max(width, height)
    return (max(1, round(width * scale)), max(1, round(height * scale))) if scale < 1 else None


def write_contact(path: Path, sheets: Mapping[str, Sheet]) -> None:
    """All sheets below one another as one picture, for where no page is read; nothing without pictures.

    Raises:
        DeliveryError: it cannot be coded.
    """
    bands = [band for clip, one in sheets.items() if one.keys for band in _bands(clip, one)]
    if not bands:
        path.unlink(missing_ok=True)
        return
    width = max(band.shape[1] for band in bands)
    padded = [cv2.copyMakeBorder(b, 0, 0, 0, width - b.shape[1], cv2.BORDER_CONSTANT, value=_ground()) for b in bands]
    write_sheet(path, np.vstack(padded))


def _ground() -> tuple[int, ...]:
    return tuple(int(value) for value in paper(1, 1)[0, 0])


def _bands(clip: str, one: Sheet) -> list[Picture]:
    head = paper(LINE, _NAMES + len(one.keys) * (CELL + GAP))
    lettered(head, clip, GAP)
    for i, key in enumerate(one.keys):
        lettered(head, f"frame {key.frame} · {key.seconds:.2f} s", _NAMES + i * (CELL + GAP))
    return [head, *(_band(row) for row in one.rows)]


def _band(row: Row) -> Picture:
    name = paper(CELL, _NAMES)
    middle = name[CELL // 2 : CELL // 2 + LINE]
    lettered(middle, row.name, GAP)
    gap = paper(CELL, GAP)
    cells = [part for cell in row.cells for part in (cell, gap)]
    return np.vstack([np.hstack([name, *cells]), paper(GAP, _NAMES + len(row.cells) * (CELL + GAP))])
