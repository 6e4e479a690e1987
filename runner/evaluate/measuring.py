"""Measures filmed clips exactly as `glabella analyse` measures a user's clip."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runner import passes
from runner.analysis import AnalysisCache, content_hash
from runner.evaluate.code import code_hash
from runner.graph import SOURCES
from runner.passes import Run
from runner.plan import Plan
from runner.settings import Settings
from runner.shaping import shape
from runner.shot import Shot, open_analysis
from stages import facs
from stages.packets import Events, MicroEvent, Units

Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Measured:
    """What was measured in n frames; NaN where no face was found.

    values: (n, facs.COUNT, 2) intensities 0..5. confidence: (n, facs.COUNT). pose: (n, 3) yaw, pitch, roll in degrees.
    events: micro-events that were found in them.
    """

    values: Doubles
    confidence: Doubles
    pose: Doubles
    events: tuple[MicroEvent, ...] = ()


@dataclass(frozen=True)
class Meter:
    """Measures clips with one graph, whose models are loaded once. What was measured stays in `folder`.

    It is found again as long as the clip, the settings and the code of the stages that made it are the same: when only
    the measurement of units changes, nothing is tracked again.
    """

    settings: Settings
    folder: Path

    def measure(self, clip: Path) -> Measured:
        """Action Units of the one person in `clip`."""
        shot = replace(self._shot(clip), clip=self._decode.probe(clip), clip_sha256=content_hash(clip))
        limit = float(self.settings["cache"]["limit_gb"])
        cache = AnalysisCache(self.folder / "measured", shot.clip_sha256, limit)
        keys = self._keys(shot)
        found = {name: spool for name in shot.plan.kept if (spool := cache.load(keys[name]))}
        run = Run(replace(shot, plan=_missing(shot.plan, found)), self.folder, cache, keys, timelines={**found})
        passes.measure(run)
        shape(run)
        if shot.plan.render:  # units that are measured live
            passes.render(run)
        events = run.timelines.get(shot.reported.get("events", ""), ())
        return _arrays(list(run.timelines[shot.reported["measured"]]), list(events))

    def _shot(self, clip: Path) -> Shot:
        if "shot" not in self._opened:
            own = {"clip": str(clip), "out": None, "outputs": str(self.folder), "quiet": True}
            quiet = replace(self.settings, values={**self.settings.values, **own})
            self._opened["shot"] = open_analysis(quiet, ["{}"])
        return self._opened["shot"]

    @cached_property
    def _opened(self) -> dict[str, Shot]:
        return {}

    @cached_property
    def _decode(self) -> Any:
        return self.settings.stage("decode")

    def _keys(self, shot: Shot) -> dict[str, str]:
        """As `analysis.wire_keys`, but of every stage's own code instead of all."""
        base = _hash([shot.clip_sha256, self.settings["decode"], code_hash(_targets(self.settings["decode"]))])
        keys = dict.fromkeys(SOURCES, base)
        for node in shot.graph.nodes:
            wires = {port: keys[wire] for port, wire in sorted(node.wires.items())}
            keys[node.name] = _hash([node.config, wires, code_hash(_targets(node.config))])
        return keys


def _missing(cut: Plan, found: Mapping[str, Any]) -> Plan:
    """What is left to do of the measuring pass."""
    needed = set(cut.kept) - found.keys()
    for node in reversed(cut.measure):
        if node.name in needed:
            needed.update(wire for wire in node.wires.values() if wire not in found)
    kept = tuple(name for name in cut.kept if name not in found)
    return replace(cut, measure=tuple(node for node in cut.measure if node.name in needed), kept=kept)


def _targets(config: Any) -> Iterator[str]:
    """Modules of all classes that a configuration names."""
    if isinstance(config, Mapping):
        for key, value in config.items():
            yield from [str(value).rpartition(".")[0]] if key == "_target_" else _targets(value)
    elif isinstance(config, list | tuple):
        for item in config:
            yield from _targets(item)


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, default=str).encode()).hexdigest()


def _arrays(packets: list[Units | None], events: list[Events | None]) -> Measured:
    values, confidence = np.full((len(packets), facs.COUNT, 2), np.nan), np.full((len(packets), facs.COUNT), np.nan)
    pose = np.full((len(packets), 3), np.nan)
    for i, packet in enumerate(packets):
        if packet is not None and packet.faces:
            face = packet.faces[0]
            values[i], confidence[i], pose[i] = face.values, face.confidence, face.pose
    found = tuple(event for packet in events if packet is not None for event in packet.events)
    return Measured(values, confidence, pose, found)
