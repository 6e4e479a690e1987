"""Small real sweeps: clips cut from a sample, and what a sweep left in MLflow."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av

ROOT = Path(__file__).parents[3]
# Nothing to go on with: what is stopped leaves nothing, whenever it is stopped.
PASSTHROUGH = ("pipeline=passthrough", "encode.preset=ultrafast", "encode.threads=1", "chunks=none")


def cut(source: Path, target: Path, frames: int) -> Path:
    """The first frames of a clip, lossless."""
    with av.open(str(source)) as first, av.open(str(target), "w") as out:
        made = first.streams.video[0]
        stream = out.add_stream("libx264", rate=made.average_rate, options={"crf": "0", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = made.width, made.height, "yuv420p"
        for _, frame in zip(range(frames), first.decode(made), strict=False):
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return target


def started(*words: str) -> subprocess.Popen[str]:
    """`glabella run` in a process of its own."""
    command = [sys.executable, "-m", "runner", "run", *words]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def until(true: Callable[[], Any], seconds: float = 120) -> None:
    """Wait for something to become true."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


def runs(outputs: Path) -> tuple[Any, list[Any]]:
    """The sweep's run in MLflow, the last one if there are several, and its children in order of start."""
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=f"sqlite:///{outputs / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("glabella")
    assert experiment is not None
    found = list(client.search_runs([experiment.experiment_id], order_by=["attributes.start_time ASC"]))
    parent = [run for run in found if run.data.tags.get("task") == "sweep"][-1]
    children = [run for run in found if run.data.tags.get("mlflow.parentRunId") == parent.info.run_id]
    return parent, children
