"""`analysis.html`: curves, figures and provenance on one page that needs no file or network beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Final

from runner.analyse.figures import FaceFigures
from runner.analyse.levels import SCALE
from runner.analyse.svg import COLOURS, STYLE, Picture
from runner.report.page import clock, page_file, render
from runner.report.plain import to_plain
from runner.report.record import RunRecord

_STYLE: Final = """
.drawn{margin-bottom:14px}.drawn svg{display:block;margin:0 auto;max-width:none}
.letters td[style]{background:linear-gradient(color-mix(in srgb,var(--left) calc(var(--share)*45%),transparent) 0 0)}
"""


def page(
    record: RunRecord,
    *,
    frames: int,
    faces: Sequence[FaceFigures],
    pictures: Sequence[Picture],
    note: str,
    present: float,
) -> str:
    """The page; `note` is what there is to say below the curves."""
    return render(
        "analysis.html",
        record=record,
        found=record.events,
        headline=list(_headline(record, frames, faces)),
        faces=faces,
        pictures=pictures,
        note=note,
        present=present,
        scale=SCALE,
        still=record.clip.kind == "still",
        config=json.dumps(to_plain(record.config), indent=2, ensure_ascii=False),
        style=COLOURS + page_file("page.css") + STYLE + _STYLE,
    )


def _headline(record: RunRecord, frames: int, faces: Sequence[FaceFigures]) -> Iterator[tuple[str, str, str]]:
    """Label, value, detail."""
    clip, seen = record.clip, record.faces
    yield "Picture", " × ".join(map(str, clip.shown)), clip.pixel_format
    if clip.kind != "still":
        yield "Length", clock(frames / float(clip.rate)), f"{frames} frames"
        yield "Without a face", str(seen.frames_without), "frames"
    yield "Faces", str(len(faces)), f"lost {seen.lost}×" if seen.lost else "never lost"
    yield "Measured", clock(record.seconds), "read from the cache" if record.analysis.source == "cached" else "anew"
