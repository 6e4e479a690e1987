"""One entry of a gallery as it lies on disk: its strips, and the figures of its report."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from runner.gallery.options import Entry
from runner.report.summary import CHANGED
from stages.delivery.strips import Strip, read_strips
from stages.errors import DeliveryError

MARK: Final = "rendered"
"""The file that tells with which settings an entry was rendered; without it, it was not."""

_TELLING: Final = 0.25
"""Largest change in intensity from which an Action Unit counts in the medians; less is noise."""

COLUMNS: Final = (
    "jitter.ratio",
    "jitter.calm.ratio",
    "flicker",
    "flicker.p95",
    "sharpness.ratio",
    "seam.delta_e.ratio",
    "skin.delta_e",
    "pose.error_deg",
    "identity.cosine",
    "identity.cosine.p05",
    "expression.correlation",
    "naturalness",
    "background.identical",
    "gain",
    "slope",
    "r2",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """What one changed Action Unit was commanded to and came to; change: the largest, in intensity.

    gain: what the measured curve was really multiplied by. slope, r2: achieved on asked; None at a command of 0, whose
    curve has nothing to follow.
    """

    unit: str
    commanded: float
    change: float
    gain: float | None
    slope: float | None
    r2: float | None


@dataclass(frozen=True, slots=True)
class Shown:
    """An entry, the folder of its report, its figures by name (`COLUMNS`), and what its Action Units came to."""

    entry: Entry
    folder: Path
    figures: Mapping[str, float] = field(default_factory=dict)
    reached: tuple[Reached, ...] = ()
    strips: Mapping[str, Strip] = field(default_factory=dict)
    started: str = ""
    error: str = ""


def read(entry: Entry, folder: Path) -> Shown:
    """What a finished render left in `folder`.

    Raises:
        DeliveryError: its report cannot be read.
    """
    try:
        report = json.loads((folder / "report.json").read_text("utf-8"))
        reached = tuple(_reached(report["units"]))
        figures = {name: report["scores"][name] for name in COLUMNS if name in report["scores"]}
    except (KeyError, TypeError, ValueError) as error:
        raise DeliveryError(f"{folder / 'report.json'}: not a report: {type(error).__name__}: {error}") from error
    for name in ("gain", "slope", "r2"):
        values = [value for one in reached if one.change >= _TELLING and (value := getattr(one, name)) is not None]
        figures |= {name: statistics.median(values)} if values else {}
    return Shown(entry, folder, figures, reached, read_strips(folder), str(report["started"]))


def _reached(units: Mapping[str, Any]) -> list[Reached]:
    """Those that were changed, the most first."""
    made = [_unit(name, unit) for name, unit in units.items() if unit["change"] > CHANGED]
    return sorted(made, key=lambda one: -one.change)


def _unit(name: str, unit: Mapping[str, Any]) -> Reached:
    commanded = unit["gain"] if unit["commanded"] is None else unit["commanded"]
    got = unit["achieved"] or {}
    curve = got if commanded else {}
    return Reached(
        unit=name,
        commanded=commanded,
        change=unit["change"],
        gain=got.get("gain"),
        slope=curve.get("slope"),
        r2=curve.get("r2"),
    )
