"""Kills a run again and again until it ends, and tells whether that made any difference.

    python -m tests.runner.killed CLIP FOLDER KILLS SEED [OVERRIDE ...]

Every start is the same command. It is killed (SIGKILL) after a random share of the time that an undisturbed run takes,
until so many kills have been, and goes on then. The last line is JSON: kills, starts, where the kills met the run, and
what differs or was left.
"""

from __future__ import annotations

import hashlib
import json
import os
import pkgutil
import random
import signal
import sys
import time
from collections import Counter
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import av
import hydra
from omegaconf import OmegaConf

import runner
import stages
from runner.chunks import Journal
from runner.failures import told
from runner.job import run_clip
from runner.settings import CONF, Settings
from stages.media.pixels import visible

QUIET = ("tracking=off", "quiet=true")


def settings(overrides: list[str]) -> Settings:
    """Of the command, composed once."""
    with hydra.initialize_config_dir(str(CONF), version_base="1.3"):
        config = hydra.compose("config", list(overrides))
    return Settings(OmegaConf.to_container(config, resolve=True), {})  # type: ignore[arg-type]


def warm() -> None:
    """Import what every start would import anew."""
    for package in (stages, runner):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if "calibrat" not in module.name and "__main__" not in module.name:
                import_module(module.name)


def start(job: Settings, log: Path) -> int:
    """The run in a process of its own, forked from this one."""
    child = os.fork()
    if child:
        return child
    with log.open("ab") as said:
        os.dup2(said.fileno(), 1)
        os.dup2(said.fileno(), 2)
    try:
        run_clip(job)
        os._exit(0)
    except Exception as error:
        os._exit(told(error))


def ended(child: int, seconds: float | None = None) -> int | None:
    """The exit code, or None when it was killed after some seconds."""
    until = None if seconds is None else time.monotonic() + seconds
    while until is None or time.monotonic() < until:
        done, status = os.waitpid(child, 0 if until is None else os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    print(f"killed after {seconds:.2f}s", file=sys.stderr)
    return None


def frames(path: Path) -> list[str]:
    """Time and a hash of every decoded frame."""
    with av.open(str(path)) as container:
        return [
            f"{frame.pts} " + hashlib.blake2b(b"".join(rows.tobytes() for rows in visible(frame))).hexdigest()
            for frame in container.decode(video=0)
        ]


def difference(code: int, made: Path, whole: Path, wanted: list[str]) -> str | None:
    """What is not as it is without kills."""
    if code != 0:
        return f"exit code {code}"
    if frames(made) != wanted:
        return "other frames"
    return None if made.read_bytes() == whole.read_bytes() else "other bytes"


def left(folder: Path, cache: Path) -> list[str]:
    """Files that nobody should see when a run has ended."""
    hidden = [*folder.glob(".*"), *cache.rglob(".*")]
    return [str(path) for path in hidden]


def met(folder: Path) -> str:
    """Which step a kill met, by what the work folder says is finished."""
    for work in folder.glob(".glabella-*/"):
        measured, rendered = (Journal(work, step).read() for step in ("measure", "render"))
        if rendered is not None:
            return "finishing" if rendered.ended else f"rendering from {rendered.frames}"
        if measured is not None:
            return "shaping, first rendered chunk" if measured.ended else f"measuring from {measured.frames}"
    return "first measured chunk"


def forget(cache: Path) -> None:
    """Whatever was measured."""
    for spool in cache.rglob("*.spool"):
        spool.unlink()


def attack(clip: str, folder: Path, kills: int, seed: int, extra: list[str]) -> dict[str, object]:
    """Kill until there were `kills` of them, over as many whole runs as that takes."""
    cache, log = Path(os.environ["GLABELLA_CACHE"]) / "analysis", folder / "log.txt"
    folder.mkdir(parents=True)
    rng, killed, starts, runs, faults = random.Random(seed), 0, 0, 0, list[str]()
    places = Counter[str]()

    composed = settings([*QUIET, *extra])

    def command(name: str) -> Settings:
        return replace(composed, values={**composed.values, "clip": clip, "out": str(folder / name), "overwrite": True})

    warm()
    for _ in range(2):  # the first compiles kernels
        forget(cache)
        began = time.monotonic()
        assert ended(start(command("whole.mp4"), log)) == 0, log.read_text()
        length = time.monotonic() - began
    wanted = frames(folder / "whole.mp4")
    while killed < kills:
        name = f"killed-{runs}.mp4"
        forget(cache)
        while True:
            starts += 1
            patience = rng.uniform(0, length) if killed < kills else None
            code = ended(start(command(name), log), patience)
            killed += code is None
            places.update([met(folder)] if code is None else [])
            if code is not None:
                break
        runs += 1
        if wrong := difference(code, folder / name, folder / "whole.mp4", wanted):
            faults.append(f"{name}: {wrong}")
        print(f"{name}: {wrong or 'identical'} after {killed} kills in all", file=sys.stderr, flush=True)
    told_of = log.read_text().count("continuing at frame")
    counts = {"kills": killed, "starts": starts, "runs": runs, "seed": seed, "continued": told_of, "met": dict(places)}
    return {**counts, "frames": len(wanted), "seconds": round(length, 1), "wrong": faults, "left": left(folder, cache)}


if __name__ == "__main__":
    clip, folder, kills, seed, *extra = sys.argv[1:]
    print(json.dumps(attack(clip, Path(folder), int(kills), int(seed), extra)))
