"""`report.html`: one page that holds everything, with no file or network beside it."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import cv2
import jinja2

from runner.report.contact import Picture, difference, read
from runner.report.curves import PANEL_STYLE, Chart
from runner.report.plain import to_plain
from runner.report.record import IdentityUse, RunRecord
from runner.report.summary import UnitSummary
from stages import facs
from stages.delivery.stills import Still

_QUALITY: Final = 92  # JPEG, 4:4:4: judging colour needs its chroma


@dataclass(frozen=True, slots=True)
class Shown:
    """A still as the page shows it: data URIs, width and height of the crop in pixels.

    apart is the amplified difference of the lossless stills: amplifying what JPEG left of them would show JPEG.
    """

    still: Still
    before: str
    after: str
    apart: str
    whole: str
    width: int
    height: int


def write_page(
    path: Path,
    record: RunRecord,
    *,
    units: Sequence[UnitSummary],
    panels: Sequence[Chart],
    stills: Sequence[Still],
    factor: int,
    left_out: int,
) -> None:
    """Render the page. `factor` is the amplification of the difference view, `left_out` the faces without curves."""
    slowest = max(record.stage_ms.values(), default=0.0)
    text = render(
        "page.html",
        record=record,
        found=record.events,
        headline=list(facts(record)),
        shown=[_shown(still, factor) for still in stills],
        factor=factor,
        faces=[(track, list(charts)) for track, charts in groupby(panels, key=lambda panel: panel.track)],
        moving=sorted((unit for unit in units if unit.moves), key=lambda unit: (-unit.change, -unit.measured.peak)),
        still_units=[unit for unit in units if not unit.moves],
        tracks_left_out=left_out,
        units=units,
        read_back=any(unit.achieved for unit in units),
        stages=sorted(record.stage_ms.items(), key=lambda item: -item[1]),
        slowest=slowest,
        config=json.dumps(to_plain(record.config), indent=2, ensure_ascii=False),
        style=page_file("page.css") + PANEL_STYLE,
        script=page_file("page.js"),
    )
    path.write_text(text, encoding="utf-8")


def facts(record: RunRecord) -> Iterator[tuple[str, str, str]]:
    """Headline facts: label, value, detail."""
    clip, faces = record.clip, record.faces
    yield "Picture", " × ".join(map(str, clip.shown)), clip.pixel_format
    yield "Rate", f"{_number(float(clip.rate), 3)} fps", clip.codec
    yield "Length", clock(record.frames / float(clip.rate)), f"{record.frames} frames"
    yield "Run", clock(record.seconds), f"{record.fps:.1f} fps"
    yield "Analysis", record.analysis.source, _without(faces.frames_without)
    yield "Faces", str(faces.tracks), f"lost {faces.lost}×" if faces.lost else "never lost"
    if record.delivery:
        yield "Delivered", size(record.delivery.size), record.delivery.path.suffix.lstrip(".")


def _without(frames: int) -> str:
    return f"{frames} {'frame' if frames == 1 else 'frames'} faceless" if frames else "every frame"


def clock(seconds: float) -> str:
    """`48.2 s`, `3:07 min`, `1:02:03 h`."""
    whole = round(seconds)
    if seconds < 60:
        return f"{seconds:.1f} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02d} min"
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d} h"


def size(count: int) -> str:
    """Bytes in decimal units, as file managers and delivery specifications write them."""
    value, unit = float(count), "B"
    for bigger in ("kB", "MB", "GB", "TB"):
        if value < 1000:
            break
        value, unit = value / 1000, bigger
    return f"{value:.0f} {unit}" if unit in ("B", "kB") else f"{value:.1f} {unit}"


def _number(value: float | None, digits: int = 2) -> str:
    if value is None:
        return "–"
    text = f"{value:.{digits}f}"
    return text.rstrip("0").rstrip(".") if digits > 2 else text


def _written(value: Any) -> str:
    """A setting as YAML would show it."""
    if value is None:
        return "–"
    return value if isinstance(value, str) else json.dumps(to_plain(value), ensure_ascii=False)


def _shown(still: Still, factor: int) -> Shown:
    before, after = read(still.before), read(still.after)
    height, width = before.shape[:2]
    apart = difference(before, after, factor)
    return Shown(still, uri(before), uri(after), uri(apart), uri(read(still.whole)), width, height)


def uri(picture: Picture) -> str:
    """A JPEG that stands in the page itself."""
    options = [cv2.IMWRITE_JPEG_QUALITY, _QUALITY]
    options += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    _, coded = cv2.imencode(".jpg", picture[:, :, ::-1], options)
    return "data:image/jpeg;base64," + base64.b64encode(coded.tobytes()).decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a page is about."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """What `base.html` writes on top of a page that tells of more than one run."""

    clip: Subject
    started: str
    gain: str = ""
    preset: str = ""
    production: str = ""
    identities: tuple[IdentityUse, ...] = ()
    error: str = ""
    warnings: tuple[str, ...] = ()


def render(template: str, **values: Any) -> str:
    """A template beside this module, filled in; whatever it names must be given."""
    return _environment().get_template(template).render(**values)


def page_file(name: str) -> str:
    """The text of a file beside this module."""
    return (resources.files("runner.report") / name).read_text("utf-8")


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(page_file),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {"clock": clock, "size": size, "number": _number, "written": _written, "label": _label}
    return environment


def _label(unit: str) -> str:
    return facs.UNITS[facs.INDEX[unit]].label
