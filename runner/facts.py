"""What a finished run says of itself, gathered for the report."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator, Mapping
from datetime import datetime
from importlib.metadata import version
from typing import Any

import numpy as np

from runner.analysis import content_hash
from runner.executor import PassResult
from runner.held import held
from runner.passes import Run, Timelines
from runner.report.events import EventList, listed
from runner.report.quality import summarise
from runner.report.record import Analysis, Delivered, FaceFacts, IdentityUse, ModelUse, PassFacts, RunRecord, Task
from runner.report.review import Look, looks
from runner.settings import Settings
from runner.workspace import Workspace
from stages import facs
from stages.contract import Timeline
from stages.expression import blinking
from stages.expression.gain import Gain
from stages.expression.shape import Shape, ShapeLive
from stages.identity.chosen import Chosen
from stages.packets import Faces, Quality, Roles, Units
from stages.quality.judge import Judge

_PACKAGES = ("numpy", "onnxruntime", "av", "opencv-python", "numba", "hydra-core", "mlflow")
QUALITY = "quality"  # what `report:` calls the wire of scores
EVENTS = "events"  # and that of micro-events
RESTORED = "restored"  # and that of restored faces
_FACELESS: Mapping[Task, str] = {"run": "the picture went through unchanged", "analyse": "the tables are empty"}


def record(run: Run, place: Workspace, made: Any, started: datetime, seconds: float, task: Task = "run") -> RunRecord:
    """Everything worth keeping of a run that reached its end; `made` is the master in the work folder."""
    settings, faces = run.shot.settings, _face_facts(run)
    return RunRecord(
        glabella=version("glabella"),
        command=tuple(settings.overrides),
        clip=run.shot.clip,
        clip_sha256=run.shot.clip_sha256,
        out=place.report,
        started=started.isoformat(timespec="seconds"),
        seconds=seconds,
        delivery=Delivered(path=place.delivery, sha256=content_hash(made), size=_size(made)),
        config=dict(settings.values),
        task=task,
        preset=str(settings.choices.get("preset") or ""),
        gain=_gain(settings, task),
        production=str(settings.choices.get("production") or ""),
        changed=settings.changed,
        versions=versions(),
        models=_models(run),
        identities=_identities(run),
        analysis=Analysis(source="cached" if run.cached else "measured", key=run.shot.clip_sha256[:16]),
        passes=tuple(_pass_facts(name, result) for name, result in run.results.items()),
        stage_ms=_stage_ms(run),
        faces=faces,
        scores=summarise(quality(run) or (), _same(run)),
        events=events(run),
        review=review(run),
        warnings=_warnings(run, faces, _FACELESS[task]),
    )


def failed(
    settings: Settings, clip: Any, started: datetime, seconds: float, error: str, task: Task = "run"
) -> RunRecord:
    """What is left to say of a run that failed after its clip was opened."""
    return RunRecord(
        glabella=version("glabella"),
        command=tuple(settings.overrides),
        clip=clip,
        clip_sha256="",
        out=clip.path.parent,
        started=started.isoformat(timespec="seconds"),
        seconds=seconds,
        config=dict(settings.values),
        task=task,
        preset=str(settings.choices.get("preset") or ""),
        gain=_gain(settings, task),
        production=str(settings.choices.get("production") or ""),
        versions=versions(),
        error=error,
    )


def _gain(settings: Settings, task: Task) -> str:
    """The profile, where one acts."""
    return str(settings.choices.get("gain") or "") if task == "run" else ""


def tracks(run: Run) -> Timelines:
    """Report name -> timeline of Action Units."""
    found = {name: run.timelines[wire] for name, wire in run.shot.reported.items() if wire in run.timelines}
    return {name: line for name, line in found.items() if name not in (QUALITY, EVENTS, RESTORED)}


def quality(run: Run) -> Timeline[Quality] | None:
    """Scores of the rendered pictures, if any were taken."""
    return run.timelines.get(run.shot.reported.get(QUALITY, ""))


def events(run: Run) -> EventList | None:
    """The micro-events, if they were looked for."""
    found, measured = run.timelines.get(run.shot.reported.get(EVENTS, "")), tracks(run).get("measured")
    return listed(found, measured, run.shot.clip.rate) if found is not None and measured is not None else None


def review(run: Run) -> tuple[Look, ...]:
    """What a person should look at."""
    return looks(run.timelines.get(run.shot.reported.get(RESTORED, ""), ()), run.shot.clip.rate)


def versions() -> dict[str, str]:
    """Of Python, the platform, and the libraries that touch a picture."""
    found = {"python": platform.python_version(), "platform": f"{sys.platform} {platform.machine()}"}
    for package in _PACKAGES:
        name = "onnxruntime-gpu" if package == "onnxruntime" and sys.platform != "darwin" else package
        found[package] = version(name)
    return found


def _same(run: Run) -> float | None:
    """Cosine distance up to which the run's embedder takes two faces for one person."""
    judges = (node.stage for node in run.shot.graph.nodes if isinstance(node.stage, Judge))
    return next((one.embedder.same for one in judges if one.embedder is not None), None)


def _size(made: Any) -> int:
    return sum(p.stat().st_size for p in made.iterdir()) if made.is_dir() else int(made.stat().st_size)


def _models(run: Run) -> tuple[ModelUse, ...]:
    used = {}
    for node, model in run.shot.models():
        provider = model.provider if node.name in run.ran else "not run (analysis cached)"
        used[model.asset.name] = ModelUse(
            name=model.asset.name, sha256=model.sha256, licence=model.asset.licence, provider=provider
        )
    return tuple(used.values())


def _identities(run: Run) -> tuple[IdentityUse, ...]:
    chosen = {one.entry.name: one.entry for node in run.shot.graph.nodes for one in held(node.stage, Chosen)}
    return tuple(
        IdentityUse(name=name, sha256=entry.digest, consent=entry.consent.paper) for name, entry in chosen.items()
    )


def _pass_facts(name: str, result: PassResult) -> PassFacts:
    return PassFacts(name=name, frames=result.frames, seconds=result.seconds, fps=result.fps)


def _stage_ms(run: Run) -> dict[str, float]:
    made: dict[str, float] = {}
    for name, result in run.results.items():
        for stage, seconds in result.stage_seconds.items():
            key = f"{stage} ({name})" if stage == "decode" else stage
            made[key] = 1e3 * seconds / max(result.frames, 1)
    frames = max((result.frames for result in run.results.values()), default=1)
    return made | {name: 1e3 * seconds / max(frames, 1) for name, seconds in run.clip_seconds.items()}


def _face_facts(run: Run) -> FaceFacts:
    timeline: Timeline[Any] | None = run.timelines.get("faces") or tracks(run).get("measured")
    if timeline is None:
        return FaceFacts()
    seen: set[int] = set()
    previous: set[int] = set()
    counts: dict[str, int] = dict.fromkeys(("with", "without", "bridged", "lost"), 0)
    for packet in timeline:
        _count(packet, counts)
        now = {face.track for face in packet.faces} if isinstance(packet, Faces | Units) else set()
        counts["lost"] += len(previous - now)
        seen, previous = seen | now, now
    return FaceFacts(
        tracks=len(seen),
        frames_with=counts["with"],
        frames_without=counts["without"],
        bridged=counts["bridged"],
        lost=counts["lost"],
    )


def _count(packet: Any, counts: dict[str, int]) -> None:
    counts["with" if packet is not None and packet.faces else "without"] += 1
    counts["bridged"] += bool(packet is not None and any(getattr(face, "bridged", False) for face in packet.faces))


def _warnings(run: Run, faces: FaceFacts, faceless: str) -> tuple[str, ...]:
    name = run.shot.clip.name
    lines = []
    if run.shot.reported and not faces.frames_with:
        lines.append(f"{name}: no face in any frame; {faceless}")
    gain = _profile(run)
    if gain is not None:
        lines += [*_unheeded(run, gain), *_unblinking(run, gain)]
    lines += _cast_notes(run)
    for result in run.results.values():
        for state in result.states.values():
            lines += getattr(state, "warnings", ())
    return tuple(dict.fromkeys(lines))


def _cast_notes(run: Run) -> Iterator[str]:
    """What is to be known of who is replaced."""
    cast = (run.timelines.get(node.name) for node in run.shot.graph.nodes if node.stage.output() is Roles)
    for timeline in cast:
        first = next(iter(timeline or ()), None)
        yield from first.notes if first is not None else ()


def _profile(run: Run) -> Gain | None:
    """What was asked for, where anything is."""
    shapes = (node.stage for node in run.shot.graph.nodes if isinstance(node.stage, Shape | ShapeLive))
    return next((stage.profile for stage in shapes), None)


def _unblinking(run: Run, gain: Gain) -> Iterator[str]:
    """A blink rate that the clip had no room for; one blink more or less is none."""
    asked, layer = tracks(run).get("asked"), gain.layer
    clip = any(isinstance(node.stage, Shape) for node in run.shot.graph.nodes)
    shallow = layer.blinks.depth * layer.response.gain[facs.INDEX["AU45"]].min() < 1  # not all of them can be counted
    if asked is None or layer.blinks.rate is None or not clip or gain.layers or shallow:
        return
    for track, (count, minutes) in blinking.reached(asked, gain.min_confidence).items():
        if layer.blinks.rate * minutes - count > max(1.0, minutes):
            rate = f"gain.blinks.rate is {layer.blinks.rate:g}"
            yield f"face {track}: {count / minutes:.1f} blinks a minute, {rate}; its open eyes are not seen for longer"


def _unheeded(run: Run, gain: Gain) -> Iterator[str]:
    """Gains that could not act: their unit was never measured with enough confidence."""
    measured = tracks(run).get("measured")
    if measured is None:
        return
    most = np.zeros(facs.COUNT, np.float32)
    for packet in measured:
        for face in packet.faces if packet else ():
            np.maximum(most, face.confidence, out=most)
    wanted = gain.touched
    names = [facs.NAMES[i] for i in np.flatnonzero(wanted & (most <= gain.min_confidence))]
    if names and most.any():
        yield f"{', '.join(names)}: not measured well enough in this clip, so left alone whatever their gain"


def summary(found: Mapping[str, PassResult] | Mapping[str, PassFacts]) -> str:
    """`measured 110 frames at 98.1 fps, rendered 110 frames at 55.0 fps`."""
    words = {"measure": "measured", "render": "rendered"}
    return ", ".join(f"{words[name]} {r.frames} frames at {r.fps:.1f} fps" for name, r in found.items())
