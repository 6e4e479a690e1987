"""`glabella doctor`: this machine, what will run where, and what to do about each problem."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import av
from rich.console import Console

from runner.facts import versions
from stages.backend import Auto, Cuda, Model, TensorRt
from stages.errors import BackendError, ModelError
from stages.models import cache
from stages.models.registry import shipped

_ENCODERS = ("libx264", "libx265", "ffv1", "prores_ks", "libvpx-vp9", "libsvtav1", "png", "tiff")
_ROOM_GB = 5.0


@dataclass(frozen=True)
class Finding:
    """One line of the report: good or not, what was found, and what to do."""

    good: bool
    text: str
    advice: str = ""

    def __str__(self) -> str:
        mark = "ok  " if self.good else "  ! "
        return f"{mark}{self.text}{f'  ->  {self.advice}' if self.advice else ''}"


def main(words: Sequence[str]) -> int:
    """Print the findings on stdout; 0 when nothing stands in the way of a run on this machine's CPU."""
    if words and words[0] in ("-h", "--help"):
        print(f"usage: glabella doctor\n\n{__doc__}")
        return 0
    console = Console(file=sys.stdout, highlight=False)
    blocked = False
    for title, findings in (
        ("machine", _machine()),
        ("providers", _providers()),
        ("models", _models()),
        ("encoders", _encoders()),
    ):
        console.print(title, style="bold")
        for finding in findings:
            console.print(f"  {finding}", markup=False, soft_wrap=True)
            blocked |= not finding.good and title in ("machine", "models")
    return 1 if blocked else 0


def _machine() -> Iterator[Finding]:
    yield Finding(True, ", ".join(f"{name} {number}" for name, number in versions().items()))
    yield Finding(True, f"{os.cpu_count()} cores ({platform.processor() or platform.machine()})")
    root = cache.root()
    existing = next(p for p in (root, *root.parents) if p.exists())
    free = shutil.disk_usage(existing).free / 1e9
    size = sum(p.stat().st_size for p in root.rglob("*") if p.is_file()) / 1e9 if root.exists() else 0.0
    advice = "" if free > _ROOM_GB else f"free some space, or set GLABELLA_CACHE to another disk (now {root})"
    yield Finding(free > _ROOM_GB, f"cache {root}: {size:.2f} GB used, {free:.0f} GB free", advice)
    writable = os.access(existing, os.W_OK)
    yield Finding(writable, f"cache is {'' if writable else 'not '}writable", "" if writable else "set GLABELLA_CACHE")


def _providers() -> Iterator[Finding]:
    model = shipped()["face_landmarks"]
    yield Finding(True, "CPUExecutionProvider: always there (backend=cpu)")
    for name, backend in (("cuda", Cuda()), ("tensorrt", TensorRt())):
        try:
            provider = Model(asset=model, backend=backend).provider
            yield Finding(True, f"{provider}: loads and runs (backend={name})")
        except (BackendError, ModelError) as error:
            yield Finding(False, f"backend={name}: {error}", "needed only to run on a GPU")
    try:
        yield Finding(True, f"backend=auto would use {Model(asset=model, backend=Auto()).provider}")
    except (BackendError, ModelError) as error:
        yield Finding(False, f"backend=auto: {error}")


def _models() -> Iterator[Finding]:
    for asset in shipped().values():
        if asset.kind == "model":
            status = asset.status()
            advice = "" if status.present else f"fetched at first use; now: glabella models fetch {asset.name}"
            yield Finding(True, str(status), advice)
    npm = shutil.which("npm")
    yield Finding(
        True, f"npm {'at ' + npm if npm else 'is not installed: models from npm packages use their other sources'}"
    )


def _encoders() -> Iterator[Finding]:
    for name in _ENCODERS:
        there = name in av.codecs_available
        yield Finding(there, name, "" if there else "this build of PyAV lacks it; choose another encode=")
    yield Finding(True, f"ffmpeg on the path: {shutil.which('ffmpeg') or 'none (not needed)'}")
