"""`glabella eval gains`: is what a gain asks for what the picture shows? On real clips, through the whole pipeline.

One unit at a time is turned up or down, some frames are rendered, and what is read back from them is held against what
was asked. The frames that count are none of those by which the loop corrected itself.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runner import graph as graphs
from runner import passes
from runner.plan import plan
from runner.progress import say
from runner.rehearsal import rehearse, tried
from runner.settings import Settings
from runner.shaping import shape
from runner.shot import Shot, open_shot
from stages import facs
from stages.contract import LoopStage, Timeline
from stages.errors import ConfigError
from stages.packets import Units

Doubles = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Gains:
    """What is tried. clips: what `clip` takes; units, gains: each by itself; frames: that count, of every render.

    shown: intensity that a unit must reach in one frame of twenty, or the clip does not show it.
    """

    clips: Sequence[str]
    units: Sequence[int]
    gains: Sequence[float]
    frames: int
    shown: float

    def __post_init__(self) -> None:
        if not self.clips or not self.units or not self.gains:
            raise ConfigError("gains: name clips, units and gains")
        if self.frames < 8 or self.shown <= 0:
            raise ConfigError("gains: frames must be at least 8, shown above 0")


@dataclass(frozen=True)
class Trial:
    """One unit of one clip at one gain: (n, facs.COUNT) means of both sides on n faces."""

    clip: str
    unit: str
    gain: float
    measured: Doubles
    asked: Doubles
    achieved: Doubles


@dataclass(frozen=True)
class Answer:
    """What a unit of a clip answers over all gains, where no more than 5 is asked, which is where readings end.

    slope, r2: least squares of achieved on asked. leakage: by what share of the asked change the unit moved that moved
    most with it though nobody asked (least squares through the origin); stray: that unit. gains: of each gain the
    factors, through the origin, by which the measured curve was asked for and came out.
    """

    clip: str
    unit: str
    rows: int
    slope: float
    r2: float
    leakage: float
    stray: str
    gains: Mapping[str, tuple[float, float]]


def trials(settings: Settings, gains: Gains) -> Iterator[Trial]:
    """Render and measure; one clip after another."""
    for clip in gains.clips:
        with TemporaryDirectory(prefix="glabella-gains-") as folder:
            base = open_shot(_with(settings, clip, {}))
            run = _shaped(base, Path(folder))
            for unit in _shown(run, gains):
                for gain in gains.gains:
                    asked = _with(settings, clip, {unit: gain})
                    trial = _trial(_reusing(base, asked), Path(folder), unit, gain, gains.frames)
                    if trial is not None:
                        yield trial
                say(f"{base.clip.name}: {facs.canonical(unit)} is tried")


def _with(settings: Settings, clip: str, au_gain: Mapping[int, float]) -> Settings:
    values = copy.deepcopy(dict(settings.values)) | {"clip": clip, "quiet": True, "out": None}
    _set(values["graph"], "au_gain", dict(au_gain))
    return replace(settings, values=values)


def _set(tree: Any, key: str, value: Any) -> None:
    if isinstance(tree, dict):
        for name in tree:
            if name == key:
                tree[name] = value
            else:
                _set(tree[name], key, value)


def _reusing(base: Shot, settings: Settings) -> Shot:
    """The shot of other settings, with every stage that is the same: its models are open already."""
    known = {node.name: node for node in base.graph.nodes}
    built = graphs.build(settings["graph"])
    nodes = (known[n.name] if known[n.name].config == n.config else n for n in built.nodes)
    graph = graphs.Graph(tuple(nodes))
    return replace(base, settings=settings, graph=graph, plan=plan(graph, (settings["report"] or {}).values()))


def _shaped(shot: Shot, folder: Path) -> passes.Run:
    run = passes.start(shot, folder)
    passes.measure(run)
    shape(run)
    return run


def _shown(run: passes.Run, gains: Gains) -> list[int]:
    found = [
        face.values.mean(1)
        for packet in run.timelines[run.shot.reported["measured"]]
        if packet
        for face in packet.faces
    ]
    if not found:
        raise ConfigError(f"eval.gains.clips: {run.shot.clip.name} shows no face")
    high = np.quantile(np.array(found), 0.95, axis=0)
    return [unit for unit in gains.units if high[facs.INDEX[facs.canonical(unit)]] >= gains.shown]


def _trial(shot: Shot, folder: Path, unit: int, gain: float, frames: int) -> Trial | None:
    run = _shaped(shot, folder)
    chosen = _chosen(run, facs.INDEX[facs.canonical(unit)], frames)
    rehearse(run)
    names = shot.reported
    told = tried(run, chosen, (names["achieved"],), "rendering")[names["achieved"]]
    rows = list(_rows(run.timelines[names["measured"]], run.timelines[names["asked"]], told, chosen))
    if len(rows) < 6:
        return None
    measured, asked, achieved = (np.array(column, np.float64) for column in zip(*rows, strict=True))
    return Trial(shot.clip.name, facs.canonical(unit), gain, measured, asked, achieved)


def _chosen(run: passes.Run, unit: int, frames: int) -> list[int]:
    """Frames that ask for something, evenly spread, and not rehearsed."""
    names, taken = run.shot.reported, set[int]()
    for node in run.shot.plan.shape:
        if isinstance(node.stage, LoopStage):
            taken |= set(node.stage.rehearsed(**{port: run.timelines[wire] for port, wire in node.wires.items()}))
    every = int(run.shot.settings["check"]["every"])
    pairs = zip(run.timelines[names["measured"]], run.timelines[names["asked"]], strict=True)
    busy = [i for i, (now, then) in enumerate(pairs) if now is not then and i % every == 0 and i not in taken]
    return [busy[i] for i in np.unique(np.linspace(0, len(busy) - 1, min(frames, len(busy))).astype(int))]


def _rows(
    measured: Timeline[Units], asked: Timeline[Units], achieved: Timeline[Units], frames: Sequence[int]
) -> Iterator[tuple[Doubles, Doubles, Doubles]]:
    for index in frames:
        packets = [wire[index] for wire in (measured, asked, achieved)]
        faces = [{face.track: face.values.mean(1) for face in packet.faces} if packet else {} for packet in packets]
        for track in faces[0].keys() & faces[1].keys() & faces[2].keys():
            yield faces[0][track], faces[1][track], faces[2][track]


def answers(tried_: Sequence[Trial]) -> list[Answer]:
    """One for every clip and unit, in order."""
    groups: dict[tuple[str, str], list[Trial]] = {}
    for trial in tried_:
        groups.setdefault((trial.clip, trial.unit), []).append(trial)
    return [_answer(*key, group) for key, group in groups.items()]


def _answer(clip: str, unit: str, group: Sequence[Trial]) -> Answer:
    row = facs.INDEX[unit]
    measured, asked, achieved = (
        np.concatenate([getattr(trial, name) for trial in group]) for name in ("measured", "asked", "achieved")
    )
    within = asked[:, row] <= facs.MAX_INTENSITY
    measured, asked, achieved = measured[within], asked[within], achieved[within]
    a, r = asked[:, row], achieved[:, row]
    slope = float(np.cov(a, r)[0, 1] / a.var(ddof=1))
    change = a - measured[:, row]
    strays = np.abs(change @ (achieved - measured)) / (change @ change)
    strays[[row, *(facs.INDEX[facs.canonical(number)] for number in facs.ALIASES)]] = 0
    worst = int(strays.argmax())
    each = {f"{trial.gain:g}": _factors(trial, row) for trial in group}
    return Answer(
        clip, unit, len(a), slope, float(np.corrcoef(a, r)[0, 1] ** 2), float(strays[worst]), facs.NAMES[worst], each
    )


def _factors(trial: Trial, row: int) -> tuple[float, float]:
    """By how much the measured curve is asked for, and what came out."""
    within = trial.asked[:, row] <= facs.MAX_INTENSITY
    measured, asked, achieved = (curve[within, row] for curve in (trial.measured, trial.asked, trial.achieved))
    power = max(float(measured @ measured), 1e-9)
    return float(measured @ asked) / power, float(measured @ achieved) / power
