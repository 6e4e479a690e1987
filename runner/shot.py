"""Everything that is known and checked before the first frame of a run."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner import graph as graphs
from runner.analysis import content_hash
from runner.graph import Graph, Node
from runner.held import held
from runner.plan import Plan, plan
from runner.settings import Settings
from runner.workspace import Target
from stages.backend import Model
from stages.errors import ClipError, ConfigError, DeliveryError
from stages.expression.shape import Shape, ShapeLive
from stages.media.containers import MUXERS
from stages.media.decode import Decode
from stages.media.encode import Encode, Master
from stages.media.encode_images import EncodeImages
from stages.media.images import SUFFIXES
from stages.media.planes import WriteBack
from stages.packets import Clip, Faces, Units

_SPARE_BYTES = 64 << 20
_SAME = {".m4v": ".mp4", ".jpeg": ".jpg", ".tiff": ".tif"}


@dataclass(frozen=True)
class Shot:
    """A run that may start: its settings, clip, wired graph and plan, and where the delivery goes."""

    settings: Settings
    decode: Decode
    clip: Clip
    clip_sha256: str
    graph: Graph
    plan: Plan
    target: Target
    suffix: str

    @property
    def faces(self) -> str:
        """The wire of the faces that everything is measured on, if there is one."""
        return next((node.name for node in self.graph.nodes if type(node.stage).output() is Faces), "")

    @property
    def delivered(self) -> str:
        """The wire that tells what went into the master, if there is one."""
        return next((node.name for node in self.graph.nodes if isinstance(node.stage, Master)), "")

    @property
    def reported(self) -> dict[str, str]:
        """Report name -> wire of Action Units (`measured`, `asked`)."""
        return dict(self.settings["report"] or {})

    def models(self) -> Iterator[tuple[Node, Model]]:
        """Every model of the graph, with the node that holds it."""
        for node in self.graph.nodes:
            yield from ((node, model) for model in held(node.stage, Model))


def open_shot(settings: Settings) -> Shot:
    """Probe the clip, build and cut the graph, check the output.

    Raises:
        GlabellaError: anything that would stop the run later; nothing has been written yet.
    """
    path, decode, clip = _clip(settings)
    wanted = settings.values.get("out")
    moving = clip.kind != "still"  # a still stays a picture of its own kind
    graph = graphs.build(_with_container(settings["graph"], wanted if moving else None))
    graphs.check_report(settings["report"] or {}, settings["graph"])
    encode = _encode(graph)
    masters = [node.name for node in graph.nodes if node.stage is encode]
    cut = plan(graph, [*(settings["report"] or {}).values(), *masters])
    encode.check(clip)
    _check_times(graph, clip)
    suffix = encode.suffix(clip)
    target = _target(settings, clip, wanted, suffix)
    _check_name(target, suffix)
    target.check(path)
    copies = 2 if settings.stage("chunks").frames else 1  # chunks and the delivery that they are joined into
    _check_space(target, _SPARE_BYTES + copies * (path.stat().st_size // 4 if path.is_file() else 0))
    return Shot(settings, decode, clip, content_hash(path), graph, cut, target, suffix)


def open_analysis(settings: Settings, names: Sequence[str]) -> Shot:
    """As `open_shot`, to measure only: of the graph remains what the reported `measured` and `events` wires need.

    names: the files to be made, with `{}` for the clip's name, the main one first; `out` is their folder.

    Raises:
        GlabellaError: anything that would stop the run later; nothing has been written yet.
    """
    path, decode, clip = _clip(settings)
    graphs.check_report(settings["report"] or {}, settings["graph"])
    wire = (settings["report"] or {}).get("measured")
    if wire is None:
        raise ConfigError("report.measured: names no wire of Action Units; see conf/pipeline/analyse.yaml")
    events = [str(name)] if (name := settings["report"].get("events")) else []
    graph = graphs.build(settings["graph"]).feeding(str(wire), *events)
    faces = [node.name for node in graph.nodes if type(node.stage).output() is Faces]
    if not faces or type(graph[str(wire)].stage).output() is not Units:
        raise ConfigError(f"report.measured: {wire!r} is no wire of Action Units measured on faces")
    stem = Path(clip.name).stem
    master, *beside = (name.format(stem) for name in names)
    file = Path(str(settings.values["out"])).expanduser() if settings.values.get("out") else None
    if file and file.suffix in {Path(name).suffix for name in names}:
        raise ConfigError(f"out: {file} names one file and several are made; name a folder, such as {file.stem}")
    root = Path(str(settings["outputs"])).expanduser()
    target = Target(file, root, f"{_plain(stem)}-analysis", master, bool(settings["overwrite"]), tuple(beside))
    target.check(path)
    _check_space(target, _SPARE_BYTES)
    return Shot(
        settings, decode, clip, content_hash(path), graph, plan(graph, [str(wire), faces[0], *events]), target, ""
    )


def _clip(settings: Settings) -> tuple[Path, Decode, Clip]:
    path = settings.clip_path()
    decode: Decode = settings.stage("decode")
    return path, decode, decode.probe(path)


def _check_times(graph: Graph, clip: Clip) -> None:
    """A gain profile's timecodes must be ones of this clip, and its frames such as can be written to."""
    for node in graph.nodes:
        if isinstance(node.stage, Shape | ShapeLive | WriteBack):
            node.stage.check(clip)


def _with_container(graph: Mapping[str, Any], wanted: Any) -> dict[str, Any]:
    """`out=take.mov` says which container the master gets."""
    suffix = Path(str(wanted)).suffix.lstrip(".") if wanted else ""
    target = f"{Encode.__module__}.{Encode.__name__}"
    return {
        name: {**spec, "stage": {**spec["stage"], "container": suffix}} if suffix and _names(spec, target) else spec
        for name, spec in graph.items()
    }


def _names(spec: Any, target: str) -> bool:
    stage = spec.get("stage") if isinstance(spec, Mapping) else None
    return isinstance(stage, Mapping) and stage.get("_target_") == target


def _encode(graph: Graph) -> Encode | EncodeImages:
    for node in graph.nodes:
        if isinstance(node.stage, Encode | EncodeImages):
            return node.stage
    raise ConfigError("graph: nothing is delivered; wire an encode stage, as in conf/pipeline/edit.yaml")


def _target(settings: Settings, clip: Clip, wanted: Any, suffix: str) -> Target:
    choices = settings.choices
    parts = (Path(clip.name).stem, choices.get("gain") or "gain", choices.get("preset") or "preset")
    name = "-".join(map(_plain, parts))
    file = Path(str(wanted)).expanduser() if wanted else None
    root = Path(str(settings["outputs"])).expanduser()
    return Target(file, root, name, f"{Path(clip.name).stem}{suffix}", bool(settings["overwrite"]))


def _plain(part: str) -> str:
    """Fit for a folder's name on any disk."""
    return re.sub(r"[^\w.+]+", "_", part).strip("._") or "clip"


def _check_name(target: Target, suffix: str) -> None:
    """The name must say what the file is, where it says anything."""
    given = target.file.suffix.lower() if target.file else ""
    if given in {*MUXERS, *SUFFIXES} and _SAME.get(given, given) != _SAME.get(suffix, suffix):
        made = f"a {suffix} file; end it in {suffix}" if suffix else "a folder of pictures; leave out the suffix"
        raise DeliveryError(f"out: {target.file} will be {made}, or choose another encode")


def _check_space(target: Target, needed: int) -> None:
    """A delivery needs some room: refuse early when less than `needed` bytes are free."""
    existing = next(p for p in (target.parent.resolve(), *target.parent.resolve().parents) if p.exists())
    free = shutil.disk_usage(existing).free
    if free < needed:
        raise DeliveryError(f"out: {free / 1e6:.0f} MB free under {existing}, {needed / 1e6:.0f} MB needed at least")


def same_length(shot: Shot, first: int, second: int) -> None:
    """Both passes must see the same frames.

    Raises:
        ClipError: the clip changed while it was worked on.
    """
    if first != second:
        raise ClipError(f"{shot.clip.name}: {first} frames were measured, {second} rendered; did the file change?")
