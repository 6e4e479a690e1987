"""The gallery's page, its table and its sheet."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from runner.gallery.options import Options
from runner.gallery.shown import COLUMNS, Shown
from runner.report.contact import GAP, LINE, Picture, fit, lettered, paper
from runner.report.contact import read as picture
from runner.report.page import Heading, Subject, page_file, render
from stages.errors import DeliveryError

_CELL: Final = 236  # pixels of a face on the sheet
_ACROSS: Final = 4
_STYLE: Final = """
.entry{margin:0 0 44px}.entry h3{color:var(--ink);font-size:16px;margin:0 0 4px}
.entry p{margin:0 0 8px;font-size:13px;color:var(--dim)}.entry p b{color:var(--ink);font-weight:550}
.entry .strips{display:flex;flex-direction:column;gap:10px;overflow-x:auto;background:var(--well);padding:10px}
.entry .strips img,.entry video{display:block;max-width:none}
.entry video{max-width:100%;background:var(--well)}
.off{color:var(--fail)}td img{display:block;height:72px;width:auto}
.clip{font-size:24px}
"""


def write(root: Path, options: Options, shown: Sequence[Shown]) -> Path:
    """Write `index.html` and `scores.md` into `root`, and the sheet where one is wanted; returns the page.

    Raises:
        DeliveryError: a picture cannot be read or written.
        OSError: the folder cannot be written.
    """
    started = min((one.started for one in shown if one.started), default=datetime.now(UTC).isoformat())
    text = render(
        "gallery.html",
        record=Heading(clip=Subject(name=options.title), started=started),
        headline=list(_headline(shown)),
        clips=[(name, list(group)) for name, group in groupby(shown, key=lambda one: one.entry.clip.name)],
        columns=COLUMNS,
        link=lambda path: Path(os.path.relpath(path, root)).as_posix(),
        style=page_file("page.css") + _STYLE,
    )
    page = root / "index.html"
    page.write_text(text, encoding="utf-8")
    (root / "scores.md").write_text(table(shown), encoding="utf-8")
    if options.sheet:
        write_sheet(Path(options.sheet), shown)
    return page


def _headline(shown: Sequence[Shown]) -> Iterator[tuple[str, str, str]]:
    """Label, value, detail."""
    done = [one for one in shown if not one.error]
    yield "Renders", str(len(done)), f"{len(shown) - len(done)} failed" if len(done) < len(shown) else "none failed"
    for name, worst in (("background.identical", min), ("flicker", max), ("jitter.calm.ratio", max)):
        values = [one.figures[name] for one in done if name in one.figures]
        if values:
            yield name, f"{worst(values):.3f}", "the worst"


def table(shown: Sequence[Shown]) -> str:
    """The scores in Markdown."""
    head = ["clip", "gains", *COLUMNS]
    rows = [head, ["---", "---", *["--:"] * len(COLUMNS)]]
    rows += [
        [one.entry.clip.name, one.entry.name, *(_figure(one, name) for name in COLUMNS)]
        for one in shown
        if not one.error
    ]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _figure(one: Shown, name: str) -> str:
    return f"{one.figures[name]:.3f}" if name in one.figures else "–"


def write_sheet(path: Path, shown: Sequence[Shown]) -> None:
    """The source's face and every entry's on one JPEG.

    Raises:
        DeliveryError: it cannot be coded.
    """
    pairs = [(one.entry.name, picture(one.strips["face"].path)) for one in shown if "face" in one.strips]
    if not pairs:
        return
    cells = [("source", _half(pairs[0][1], 0)), *((name, _half(both, 1)) for name, both in pairs)]
    drawn = [_cell(*cell) for cell in cells]
    drawn += [paper(*drawn[0].shape[:2])] * (-len(drawn) % _ACROSS)
    rows = [np.hstack(drawn[i : i + _ACROSS]) for i in range(0, len(drawn), _ACROSS)]
    done, coded = cv2.imencode(".jpg", np.vstack(rows)[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])
    if not done:
        raise DeliveryError(f"{path.name}: the sheet could not be coded")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(coded.tobytes())


def _half(both: Picture, which: int) -> Picture:
    """Before (0) or after (1) of a picture that holds them side by side."""
    width = both.shape[1] // 2
    return both[:, :width] if which == 0 else both[:, both.shape[1] - width :]


def _cell(name: str, face: Picture) -> Picture:
    line = paper(LINE, _CELL)
    lettered(line, name, 0)
    whole = np.vstack([fit(face, _CELL), line])
    return np.asarray(cv2.copyMakeBorder(whole, 0, 0, 0, GAP, cv2.BORDER_CONSTANT, value=paper(1, 1)[0, 0].tolist()))
