"""Kills a run again and again until it ends, and tells whether that made any difference.

    python -m tests.runner.killed CLIP FOLDER KILLS SEED [OVERRIDE ...]

Every start is the same command. It is killed (SIGKILL) after a random share of the time that an undisturbed run takes,
until so many kills have been, and goes on then. The last line is JSON: kills, starts, and what differs or was left.
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
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import av
import hydra
from omegaconf import OmegaConf

import runner
import stages
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


def left(folder: Path, cache: Path) -> list[str]:
    """Files that nobody should see when a run has ended."""
    hidden = [*folder.glob(".*"), *cache.rglob(".*")]
    return [str(path) for path in hidden]


def forget(cache: Path) -> None:
    """Whatever was measured."""
    for spool in cache.rglob("*.spool"):
        spool.unlink()


def attack(clip: str, folder: Path, kills: int, seed: int, extra: list[str]) -> dict[str, object]:
    """Kill until there were `kills` of them, over as many whole runs as that takes."""
    cache, log = Path(os.environ["GLABELLA_CACHE"]) / "analysis", folder / "log.txt"
    folder.mkdir(parents=True)
    rng, killed, starts, runs, wrong = random.Random(seed), 0, 0, 0, list[str]()

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
            if code is not None:
                break
        runs += 1
        if code != 0:
            wrong.append(f"{name}: exit code {code}")
        elif frames(folder / name) != wanted:
            wrong.append(f"{name}: other frames")
        elif (folder / name).read_bytes() != (folder / "whole.mp4").read_bytes():
            wrong.append(f"{name}: other bytes")
    told_of = log.read_text().count("continuing at frame")
    counts = {"kills": killed, "starts": starts, "runs": runs, "seed": seed, "continued": told_of}
    return {**counts, "frames": len(wanted), "seconds": round(length, 1), "wrong": wrong, "left": left(folder, cache)}


if __name__ == "__main__":
    clip, folder, kills, seed, *extra = sys.argv[1:]
    print(json.dumps(attack(clip, Path(folder), int(kills), int(seed), extra)))
