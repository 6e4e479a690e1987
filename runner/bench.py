"""`glabella bench`: what this machine does with this pipeline, against references measured in the same run.

Shared machines wander, so every figure is a median over interleaved repeats, and what can be a ratio is one.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rich.console import Console
from rich.table import Table

from runner import budgets, membranes, passes
from runner.executor import PassResult
from runner.facts import summary
from runner.job import carry_out
from runner.loops import looped, scaled
from runner.passes import Run
from runner.progress import say
from runner.settings import Settings
from runner.shot import open_shot
from runner.workspace import workspace
from stages.errors import ConfigError, DeliveryError
from stages.media.bare import bare_loop
from stages.media.encode import Encode
from stages.packets import Job

Figures = dict[str, float]

_FACE_MESH = """
import sys, time, numpy, mediapipe
picture = numpy.load(sys.argv[1])
mesh = mediapipe.solutions.face_mesh.FaceMesh(static_image_mode=False, refine_landmarks=True)
times = []
for _ in range(int(sys.argv[2]) + 5):
    started = time.perf_counter()
    assert mesh.process(picture).multi_face_landmarks
    times.append(time.perf_counter() - started)
print(1e3 * numpy.median(times[5:]))
"""
"""Tracking mode: the detector runs on the first picture only, so what is timed is the landmark step."""


def bench(settings: Settings) -> None:
    """Measure what `bench.what` lists; prints a table, and as the last line the path of the figures as JSON.

    Raises:
        ConfigError: an unknown measurement, or no number of repeats.
    """
    cv2.setNumThreads(1)
    options = settings["bench"]
    wanted = _wanted(settings)
    _check(wanted, options["repeats"])
    figures: Figures = {}
    for what in wanted:
        say(f"measuring {what} ...")
        figures |= _MEASUREMENTS[what](_quietly(settings), int(options["repeats"]))
    _print(figures)
    print(_save(settings, figures))


def _wanted(settings: Settings) -> Any:
    """What is listed; with preset=live, unless something else is asked for, what that preset promises."""
    asked = any(word.startswith("bench.what=") for word in settings.overrides)
    return ["live"] if settings.choices.get("preset") == "live" and not asked else settings["bench"]["what"]


def _check(wanted: Any, repeats: Any) -> None:
    if not isinstance(wanted, list):
        raise ConfigError(f"bench.what: must be a list, such as [pipeline], not {wanted!r}")
    for what in wanted:
        if what not in _MEASUREMENTS:
            raise ConfigError(f"bench.what: there is no {what!r} (known: {', '.join(_MEASUREMENTS)})")
    if type(repeats) is not int or repeats < 1:
        raise ConfigError(f"bench.repeats: must be a whole number from 1, not {repeats!r}")


def _quietly(settings: Settings) -> Settings:
    """Measure everything anew, and leave no run in the tracking server."""
    values = {**settings.values, "clip": settings["clip"] or settings["bench"]["clip"], "out": None}
    values["cache"] = {**settings["cache"], "enabled": False}
    return replace(settings, values=values)


def _pipeline(settings: Settings, repeats: int) -> Figures:
    """Frames a second over every pass, start-up aside, and milliseconds a frame of every stage."""
    with tempfile.TemporaryDirectory(prefix="glabella-bench-") as folder:
        clip = looped(settings.clip_path(), Path(folder) / "clip.mp4", float(settings["bench"]["short_s"]))
        long = replace(settings, values={**settings.values, "clip": str(clip)})
        runs = [_once(long) for _ in range(repeats + 1)][1:]  # the first compiles kernels and warms the disk
    figures = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
    return {f"pipeline: {key}": value for key, value in figures.items()}


def _once(settings: Settings) -> Figures:
    run = _stream(settings)
    frames = run.results["render"].frames
    total = sum(r.seconds for r in run.results.values()) + run.between
    figures = {"whole program, fps": frames / total}
    for name, result in run.results.items():
        figures[f"{name}, fps"] = result.fps
        figures |= {f"{name} {stage}, ms": 1e3 * s / frames for stage, s in result.stage_seconds.items()}
    say(f"  {summary(run.results)}")
    return figures | {f"shape {stage}, ms": 1e3 * s / frames for stage, s in run.clip_seconds.items()}


def _stream(settings: Settings) -> Run:
    with tempfile.TemporaryDirectory(prefix="glabella-bench-") as folder:
        shot = open_shot(replace(settings, values={**settings.values, "outputs": folder}))
        with workspace(shot.target) as place:
            run = passes.start(shot, place.folder)
            carry_out(run)
            return run


def _passthrough(settings: Settings, repeats: int) -> Figures:
    """`pipeline=passthrough` against a bare PyAV loop with the same codec settings, turn and turn about."""
    graph = {"delivery": settings["graph"]["delivery"] | {"in": {}}}
    through = replace(settings, values={**settings.values, "graph": graph, "report": {}})
    ours, bare = [], []
    for _ in range(repeats + 1):
        result = _stream(through).results["render"]
        ours.append(result.fps)
        bare.append(result.frames / _bare_seconds(through))
    ratio = statistics.median(a / b for a, b in zip(ours[1:], bare[1:], strict=True))
    names = ("passthrough, fps", "bare PyAV loop, fps", "passthrough / bare loop")
    return dict(zip(names, (statistics.median(ours[1:]), statistics.median(bare[1:]), ratio), strict=True))


def _bare_seconds(settings: Settings) -> float:
    with tempfile.TemporaryDirectory(prefix="glabella-bench-") as folder:
        shot = open_shot(replace(settings, values={**settings.values, "outputs": folder}))
        encode = next(node.stage for node in shot.graph.nodes if isinstance(node.stage, Encode))
        return bare_loop(shot.clip, Path(folder), encode)[1]


def _live(settings: Settings, repeats: int) -> Figures:
    """What preset=live promises: a 1080p file with a large face, the whole program against the bare loop, by turns."""
    with tempfile.TemporaryDirectory(prefix="glabella-bench-") as folder:
        clip = scaled(settings.clip_path(), Path(folder) / "hd.mp4", 1080)
        clip = looped(clip, Path(folder) / "clip.mp4", float(settings["bench"]["short_s"]))
        hd = replace(settings, values={**settings.values, "clip": str(clip)})
        runs = []
        for _ in range(repeats + 1):
            run = _stream(hd)
            runs.append(_kept(run.results["render"]) | {"bare loop, fps": _frames(run) / _bare_seconds(hd)})
        for one in runs:
            one["fps / bare loop"] = one["fps"] / one["bare loop, fps"]
    return {f"live: {key}": statistics.median(run[key] for run in runs[1:]) for key in runs[0]}


def _kept(result: PassResult) -> Figures:
    """Frames a second, lateness (decoded to encoded), and what each stage takes."""
    late = 1e3 * np.array(result.latencies)
    stages = {f"{name}, ms": 1e3 * seconds / result.frames for name, seconds in result.stage_seconds.items()}
    figures = {"fps": result.fps, "latency median, ms": float(np.median(late))}
    figures["latency p95, ms"] = float(np.percentile(late, 95))
    return figures | stages


def _frames(run: Run) -> int:
    """How many were delivered.

    Raises:
        DeliveryError: one is missing.
    """
    count, expected = run.results["render"].frames, run.shot.clip.frames
    if expected is not None and count != expected:
        raise DeliveryError(f"bench: {count} frames were delivered of {expected}")
    return count


def _budget(settings: Settings, repeats: int) -> Figures:
    """Where the time of one run goes (`runner.budgets`)."""
    return budgets.once(_stream, _bare_seconds, settings)


def _landmarks(settings: Settings, repeats: int) -> Figures:
    """The landmark model on one thread; against MediaPipe's own face mesh when that package is installed."""
    shot = open_shot(settings)
    frame = next(iter(shot.decode.frames(shot.clip)))
    faces = settings.stage("faces")
    state = faces.begin(Job(shot.clip, Path()))
    faces.prepare()
    ours = _median_ms(lambda: faces.process(state, frame), 20 * repeats)
    return {"landmark stage, ms a face": ours} | _mediapipe(settings, frame, ours, 20 * repeats)


def _mediapipe(settings: Settings, frame: Any, ours: float, repeats: int) -> Figures:
    """MediaPipe's face mesh on the same picture, in the Python that `bench.mediapipe_python` names."""
    python = settings["bench"]["mediapipe_python"]
    if not python:
        say("  bench.mediapipe_python names no Python that has mediapipe, so there is nothing to compare with")
        return {}
    with tempfile.TemporaryDirectory(prefix="glabella-bench-") as folder:
        picture = Path(folder) / "picture.npy"
        np.save(picture, frame.native.to_ndarray(format="rgb24"))
        done = subprocess.run(
            [python, "-c", _FACE_MESH, picture, str(repeats)], capture_output=True, text=True, check=True
        )
    theirs = float(done.stdout.split()[-1])
    return {"MediaPipe's face mesh, ms a face": theirs, "ours / MediaPipe's": ours / theirs}


def _median_ms(work: Callable[[], object], repeats: int) -> float:
    times = []
    for _ in range(repeats + 3):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return 1e3 * float(np.median(times[3:]))


def _memory(settings: Settings, repeats: int) -> Figures:
    """Peak resident memory of whole runs of a short and a long clip, each in a process of its own."""
    options = settings["bench"]
    with tempfile.TemporaryDirectory(prefix="glabella-bench-") as folder:
        peaks = []
        for seconds in (options["short_s"], options["long_s"]):
            clip = looped(settings.clip_path(), Path(folder) / f"{seconds}s.mp4", float(seconds))
            peaks.append(_peak_mb(clip, Path(folder), settings.overrides))
            say(f"  {seconds} s: {peaks[-1]:.0f} MB")
    short, long = f"peak memory {options['short_s']} s, MB", f"peak memory {options['long_s']} s, MB"
    return {short: peaks[0], long: peaks[1], "peak memory long / short": peaks[1] / peaks[0]}


def _peak_mb(clip: Path, outputs: Path, overrides: tuple[str, ...]) -> float:
    passed = [word for word in overrides if not word.startswith(("clip=", "out=", "bench."))]
    words = ["run", *passed, f"clip={clip}", f"outputs={outputs}/runs", "cache.enabled=false", "tracking=off"]
    script = (
        "import resource, sys; from runner.cli import main; code = main(sys.argv[1:]);"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", script, *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise ConfigError(f"bench: the run failed: {done.stderr.strip().splitlines()[-1]}")
    return int(done.stdout.split()[-1]) / (1e6 if sys.platform == "darwin" else 1e3)


def _startup(settings: Settings, repeats: int) -> Figures:
    words = [sys.executable, "-m", "runner", "--help"]
    ms = _median_ms(lambda: subprocess.run(words, capture_output=True, check=True), 2 * repeats)
    return {"glabella --help, ms": ms}


_MEASUREMENTS: Mapping[str, Callable[[Settings, int], Figures]] = {
    "pipeline": _pipeline,
    "passthrough": _passthrough,
    "live": _live,
    "budget": _budget,
    "table": budgets.table,
    "landmarks": _landmarks,
    "memory": _memory,
    "startup": _startup,
    "membrane": membranes.measure,
}


def _print(figures: Figures) -> None:
    table = Table("what", "median", box=None, header_style="bold")
    table.columns[1].justify = "right"
    for name, value in figures.items():
        table.add_row(name, f"{value:.2f}")
    Console(file=sys.stdout).print(table)


def _save(settings: Settings, figures: Figures) -> Path:
    folder = Path(str(settings["outputs"])) / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{time.strftime('%Y%m%dT%H%M%S')}.json"
    path.write_text(json.dumps({"overrides": settings.overrides, "figures": figures}, indent=2))
    return path
