"""Gates: figures that a delivery must reach before it is published.

    gates:
      fail_if: ["identity.cosine.p05 < 0.5", "background.identical < 1"]
      warn_if: ["flicker.p95 > 1.5"]

A gate names any figure that MLflow gets of a run. A delivery that a `fail_if` gate refuses does not come to its place:
it stays with its report in a folder `*.rejected`. A figure that was not measured passes no gate.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from runner.graph import Graph
from runner.instantiate import did_you_mean
from runner.report import quality
from runner.report.record import RunRecord, Verdict
from runner.report.summary import CORRELATION
from runner.tracking import figures, metrics
from stages import facs
from stages.errors import ConfigError
from stages.quality.jitter import ScoreMotion
from stages.quality.judge import Judge
from stages.quality.pictures import ComparePictures

_FORM: Final = re.compile(r"\s*([A-Za-z][\w.]*)\s*(<=|>=|==|!=|<|>)\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*")
_HOLDS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
_FACTS: Final = ("fps", "seconds", "frames", "warnings", "faces.tracks", "faces.lost", "faces.frames_without", "events")
_OPEN: Final = ("ms.", "events.")
"""What begins so is taken as it is: stages and events have names of their own."""
_UNIT_FIGURES: Final = {"achieved": ("", ".slope", ".r2", ".mae"), "leakage": ("",), "correlation": ("",)}
_CURVES: Final = {"measured": (".mean", ".p95"), "asked": (".mean", ".p95")}
_PICTURES: Final = ("flicker", "sharpness.", "seam.", "skin.", "naturalness", quality.BACKGROUND)


@dataclass(frozen=True, slots=True)
class Gate:
    """`score` compared with `bound`; where the comparison holds, the gate has caught something."""

    text: str
    score: str
    sign: str
    bound: float

    @classmethod
    def parse(cls, text: Any, where: str) -> Gate:
        """`identity.cosine.p05 < 0.5`.

        Raises:
            ConfigError: it has another form, or no such figure is known; begins with `where`.
        """
        found = _FORM.fullmatch(text) if isinstance(text, str) else None
        if not found:
            raise ConfigError(f"{where}: must be 'SCORE < NUMBER' (<, <=, >, >=, ==, !=), not {text!r}")
        score, sign, bound = found.groups()
        if score not in (known := names()) and not score.startswith(_OPEN):
            raise ConfigError(f"{where}: there is no score {score!r}{did_you_mean(score, known)}")
        return cls(f"{score} {sign} {bound}", score, sign, float(bound))

    def verdict(self, found: Mapping[str, float], fatal: bool) -> Verdict:
        """What it says of a run's figures."""
        value = found.get(self.score)
        known = value is not None and math.isfinite(value)
        caught = not known or _HOLDS[self.sign](float(value or 0), self.bound)
        return Verdict(gate=self.text, value=value if known else None, caught=caught, fatal=fatal)


@dataclass(frozen=True, kw_only=True)
class Gates:
    """What must not be: `fail_if` refuses the delivery, `warn_if` says so.

    Raises:
        ConfigError: a gate of another form, or a figure that nobody knows.
    """

    fail_if: tuple[str, ...] = ()
    warn_if: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        tuple(self._gates())

    def _gates(self) -> Iterator[tuple[Gate, bool]]:
        for name, fatal in (("fail_if", True), ("warn_if", False)):
            for index, text in enumerate(getattr(self, name)):
                yield Gate.parse(text, f"{name}[{index}]"), fatal

    def check(self, graph: Graph, reported: Mapping[str, str]) -> None:
        """Refuse a gate on what this pipeline does not measure; before the first frame.

        Raises:
            ConfigError: the first such gate, and what to switch on.
        """
        for gate, _ in self._gates():
            missing = _unmeasured(gate.score, graph, reported)
            if missing:
                raise ConfigError(f"gates: {gate.text!r} cannot be judged: {gate.score} is not measured {missing}")

    def judge(self, record: RunRecord, report: Mapping[str, Any], rejected: Path) -> RunRecord:
        """The record with every gate's verdict; a refused one is an error, and its delivery lies in `rejected`.

        report: what `report.json` will hold.
        """
        found = figures(metrics(record, report))
        verdicts = tuple(gate.verdict(found, fatal) for gate, fatal in self._gates())
        lines = [str(one) for one in verdicts if one.caught and not one.fatal]
        judged = replace(record, gates=verdicts, warnings=(*record.warnings, *lines))
        refused = [str(one) for one in verdicts if one.caught and one.fatal]
        if not refused:
            return judged
        moved = replace(record.delivery, path=rejected / record.delivery.path.name) if record.delivery else None
        return replace(judged, out=rejected, delivery=moved, error="; ".join(refused))


def names() -> set[str]:
    """Every figure that a run may have, but for those whose names belong to stages and events."""
    units = {f"au.{kind}{figure}" for kind, ends in _UNIT_FIGURES.items() for figure in ends}
    single = {
        f"au.{kind}.{unit}{figure}"
        for kind, ends in (_UNIT_FIGURES | _CURVES).items()
        for figure in ends
        for unit in facs.NAMES
    }
    return {*quality.FIGURES, *_FACTS, CORRELATION, *units, *single}


def _unmeasured(score: str, graph: Graph, reported: Mapping[str, str]) -> str:
    """Why this pipeline does not measure it; empty if it does."""
    nodes = {type(node.stage): set(node.wires) for node in graph.nodes}
    made = {node.name for node in graph.nodes}
    if score.startswith("identity.") and not {"prints", "seen_prints"} <= nodes.get(Judge, set()):
        return "here (pipeline=replace measures identity)"
    if score.startswith("pose.") and "seen" not in nodes.get(Judge, set()):
        return "with quality=off or check=none"
    if score.startswith("jitter") and "seen" not in nodes.get(ScoreMotion, set()):
        return "with quality=off or check=none"
    if score.startswith(_PICTURES) and ComparePictures not in nodes:
        return "with quality=off"
    achieved = score.startswith(tuple(f"au.{kind}" for kind in _UNIT_FIGURES)) or score == CORRELATION
    return "with check=none" if achieved and reported.get("achieved") not in made else ""
