"""Where the time of each preset goes, at three picture sizes: `glabella bench 'bench.what=[table]'`.

Every cell is a process of its own, as a run is. Processor time is what can be compared on a machine that others load;
frames a second are told beside it, and what a bare decode-encode loop with the same codec settings takes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from runner.loops import scaled
from runner.passes import Run
from runner.progress import say
from runner.settings import Settings
from stages.errors import ConfigError

Figures = dict[str, float]

PRESETS: Final = ("live", "broadcast", "cinema")
HEIGHTS: Final = (720, 1080, 2160)
SHOWN: Final = 6
"""Stages named in a row; the rest is summed up."""

_WARMING: Final = 12
"""Frames of a run that is not counted."""

CODECS: Final = "codecs and hand-over"
"""What no stage's own thread takes: decoder and encoder threads, queues, progress."""


def budget(run: Run, bare: tuple[float, float]) -> Figures:
    """Processor milliseconds a frame of a finished run, by stage and in all, and how many frames a second it made.

    bare: processor and wall seconds of the bare loop over the same clip. Start-up is left out.
    """
    frames = run.results["render"].frames
    wall = sum(result.seconds for result in run.results.values()) + run.between
    stages: Figures = {}
    for result in run.results.values():
        for name, seconds in result.stage_cpu.items():
            stages[name] = stages.get(name, 0.0) + seconds
        stages[CODECS] = stages.get(CODECS, 0.0) + result.cpu - sum(result.stage_cpu.values())
    for name, seconds in run.clip_cpu.items():
        stages[name] = stages.get(name, 0.0) + seconds
    total = sum(stages.values())
    figures = {"fps": frames / wall, "ms": 1e3 * total / frames, "bare fps": frames / bare[1]}
    figures |= {"bare ms": 1e3 * bare[0] / frames, "fps / bare": bare[1] / wall}
    return figures | {f"share {name}": seconds / total for name, seconds in stages.items()}


def table(settings: Settings, repeats: int) -> Figures:
    """One budget for each of `PRESETS` at each of `HEIGHTS`; says them as a Markdown table too."""
    figures: Figures = {}
    frames = int(settings["bench"]["table_frames"])
    with tempfile.TemporaryDirectory(prefix="glabella-bench-") as folder:
        short = scaled(settings.clip_path(), Path(folder) / "short.mp4", HEIGHTS[0], _WARMING)
        for preset in PRESETS:  # what was never run on this machine is compiled now
            _cell(settings, preset, short, Path(folder) / preset)
        for height in HEIGHTS:
            clip = scaled(settings.clip_path(), Path(folder) / f"{height}.mp4", height, frames)
            for preset in PRESETS:
                say(f"  preset={preset} at {height} rows ...")
                cell = _cell(settings, preset, clip, Path(folder) / f"{preset}-{height}")
                figures |= {f"{preset} {height}: {name}": value for name, value in cell.items()}
    print(markdown(figures))
    return figures


def _cell(settings: Settings, preset: str, clip: Path, outputs: Path) -> Figures:
    """The budget of one preset, as a process of its own finds it."""
    passed = [word for word in settings.overrides if not word.startswith(("clip=", "preset=", "out", "bench."))]
    words = ["bench", *passed, f"preset={preset}", f"clip={clip}", f"outputs={outputs}", "bench.what=[budget]"]
    done = subprocess.run([sys.executable, "-m", "runner", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise ConfigError(f"bench: preset={preset} failed: {done.stderr.strip().splitlines()[-1]}")
    found: Mapping[str, float] = json.loads(Path(done.stdout.split()[-1]).read_text())["figures"]
    return {name.removeprefix("budget: "): value for name, value in found.items()}


def once(stream: Callable[[Settings], Run], bare: Callable[[Settings], float], settings: Settings) -> Figures:
    """A run and a bare loop over the same clip; their budget."""
    quiet = replace(settings, values={**settings.values, "quiet": True})
    run = stream(quiet)
    worked = time.process_time()
    seconds = bare(quiet)
    return {f"budget: {name}": value for name, value in budget(run, (time.process_time() - worked, seconds)).items()}


def markdown(figures: Figures) -> str:
    """The figures of `table` as a Markdown table, one row a preset and size."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    lines = [
        f"Load of the machine at the end: {load:.1f} on {os.cpu_count()} cores.",
        "",
        "| preset | rows | fps | processor ms a frame | the bare loop's | bare / ours | where it goes |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [_row(figures, preset, height) for preset in PRESETS for height in HEIGHTS]
    return "\n".join(lines)


def _row(figures: Figures, preset: str, height: int) -> str:
    def told(name: str) -> float:
        return figures[f"{preset} {height}: {name}"]

    start = f"{preset} {height}: share "
    shares = {name.removeprefix(start): share for name, share in figures.items() if name.startswith(start)}
    most = sorted(shares, key=lambda name: -shares[name])[:SHOWN]
    named = ", ".join(f"{name} {shares[name]:.0%}" for name in most)
    rest = 1 - sum(shares[name] for name in most)
    cells = f"{told('fps'):.1f} | {told('ms'):.0f} | {told('bare ms'):.1f} | {told('bare ms') / told('ms'):.2f}"
    return f"| {preset} | {height} | {cells} | {named}, the rest {rest:.0%} |"
