"""A run in MLflow's words: parameters, tags and metrics."""

from __future__ import annotations

import math
import re
import statistics
from collections.abc import Iterator, Mapping
from typing import Any, Final

from runner.report.plain import without_password
from runner.report.record import RunRecord
from runner.report.summary import CHANGED, PRESENT

LONGEST: Final = 500  # characters of a parameter, as MLflow's tables show
UNIT: Final = re.compile(r"\.(AU\d+)(?=\.|$)")
LOAD: Final = re.compile(r"ms\.|fps$|seconds$|frames$|warnings$|faces\.|au\.(measured|asked)\.")
"""What says how the run went or what the clip is like, not how good the delivery is."""
# Wiring, stock and how a sweep goes about it: not settings of the run.
_LEFT_OUT: Final = {"graph", "assets", "bench", "eval", "gallery", "mermaid", "quiet", "sweep", "enrol"}


def params(record: RunRecord) -> dict[str, str]:
    """The resolved configuration by dotted key, and what identifies clip, delivery and models. Long values are cut."""
    flat = dict(flatter({key: value for key, value in record.config.items() if key not in _LEFT_OUT}))
    flat |= {"clip.path": record.clip.path, "clip.sha256": record.clip_sha256}
    if record.delivery:
        flat |= {"delivery.path": record.delivery.path, "delivery.sha256": record.delivery.sha256}
    for model in record.models:
        flat |= {f"model.{model.name}.sha256": model.sha256, f"model.{model.name}.provider": model.provider}
    for one in record.identities:
        flat |= {f"identity.{one.name}.sha256": one.sha256, f"identity.{one.name}.consent": one.consent}
    return {plain_key(key): shortened(without_password(str(value))) for key, value in flat.items()}


def tags(record: RunRecord) -> dict[str, str]:
    """What runs are found by in MLflow."""
    found = {
        "clip": record.clip.name,
        "task": record.task,
        "production": record.production,
        "preset": record.preset,
        "gain": record.gain,
        "identity": ", ".join(one.name for one in record.identities),
        "analysis": record.analysis.source,
        "glabella": record.glabella,
        "delivery": record.delivery.path.as_posix() if record.delivery else "",
        "error": record.error,
        "warnings": "\n".join(record.warnings),
        "mlflow.note.content": f"**Failed:** {record.error}" if record.error else "",
    }
    return {name: value[:5000] for name, value in found.items() if value}


def metrics(record: RunRecord, report: Mapping[str, Any]) -> dict[str, float]:
    """Run facts, stage times, quality scores, and the figures of each Action Unit that moves.

    report: what `report.json` holds; empty where there is none.
    """
    found: dict[str, float | None] = {
        "fps": record.fps,
        "seconds": record.seconds,
        "frames": record.frames,
        "warnings": len(record.warnings),
        "faces.tracks": record.faces.tracks,
        "faces.lost": record.faces.lost,
        "faces.frames_without": record.faces.frames_without,
        **{f"ms.{stage}": ms for stage, ms in record.stage_ms.items()},
        **(report.get("scores") or record.scores),
        **(record.events.metrics() if record.events else {}),
    }
    for name, unit in report.get("units", {}).items():
        if unit["change"] > CHANGED or unit["measured"]["peak"] > PRESENT:
            found |= _unit_metrics(name, unit)
    return {
        plain_key(name): float(value) for name, value in found.items() if value is not None and math.isfinite(value)
    }


def figures(single: Mapping[str, float]) -> dict[str, float]:
    """`metrics`, and the means over the Action Units that the run changed: `au.achieved.r2` is the mean of
    `au.achieved.AU04.r2` and so on."""
    grouped: dict[str, list[float]] = {}
    for name, value in single.items():
        unit = UNIT.search(name)
        if unit and f"au.commanded.{unit[1]}" in single and not LOAD.match(name):
            grouped.setdefault(UNIT.sub("", name), []).append(value)
    means = {name: statistics.fmean(found) for name, found in grouped.items()}
    return {**means, **single}


def _unit_metrics(name: str, unit: Mapping[str, Any]) -> dict[str, float | None]:
    found: dict[str, float | None] = {
        f"au.{curve}.{name}.{figure}": unit[curve][figure]
        for curve in ("measured", "asked")
        for figure in ("mean", "p95")
    }
    if unit["change"] > CHANGED:
        found[f"au.commanded.{name}"] = unit["gain"] if unit.get("commanded") is None else unit["commanded"]
    if unit["achieved"]:
        found[f"au.achieved.{name}"] = unit["achieved"]["gain"]
        found |= {f"au.achieved.{name}.{figure}": unit["achieved"][figure] for figure in ("slope", "r2", "mae")}
        found[f"au.leakage.{name}"] = unit.get("stray")
        found[f"au.correlation.{name}"] = unit["achieved"].get("r")
    return found


def flatter(value: Mapping[str, Any], at: str = "") -> Iterator[tuple[str, Any]]:
    """Settings by dotted key, without the copies of other groups that stages hold."""
    for key, item in value.items():
        if at and isinstance(item, Mapping) and "_target_" in item:
            continue  # a copy of another group, such as a detector within faces
        if isinstance(item, Mapping) and item:
            yield from flatter(item, f"{at}{key}.")
        else:
            yield f"{at}{key}", item


def plain_key(name: str) -> str:
    """`name` with the characters alone that every store of MLflow takes."""
    return re.sub(r"[^\w\-. /]", "_", name)[:250]


def shortened(text: str) -> str:
    """At most `LONGEST` characters."""
    note = " … (cut; whole in report.json)"
    return text if len(text) <= LONGEST else text[: LONGEST - len(note)] + note
