from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hydra
import pytest
from omegaconf import OmegaConf

from runner.loops import looped
from runner.settings import CONF, Settings
from runner.sweep.pool import Pool
from runner.sweep.worker import Task
from tests.runner.sweep.steps import PASSTHROUGH, cut, until


@pytest.fixture(scope="module")
def clip(sample: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return cut(sample("smile_onset"), tmp_path_factory.mktemp("clip") / "smile.mp4", 24)


def settings(clip: Path, out: Path) -> Settings:
    words = [f"clip={clip}", f"out={out}", f"outputs={out.parent}", "tracking=off", *PASSTHROUGH]
    with hydra.initialize_config_dir(str(CONF), version_base="1.3"):
        values: Any = OmegaConf.to_container(hydra.compose("config", words), resolve=True)
    return Settings(values)


def test_a_worker_that_dies_takes_its_own_run_alone(clip: Path, tmp_path: Path) -> None:
    long = looped(clip, tmp_path / "long.mp4", 40)
    pool = Pool(1)
    try:
        pool.start(Task("render", 1, settings(long, tmp_path / "1.mp4")))
        assert pool.room == 0
        until(lambda: list(tmp_path.glob(".glabella-*/")))
        (worker,) = (child for child in multiprocessing.active_children() if child.name == "sweep")
        os.kill(int(worker.pid or 0), signal.SIGKILL)
        ((task, answer),) = pool.results()
        assert (task.number, answer.code, answer.tracked) == (1, 1, False)
        assert "its process was ended by SIGKILL" in answer.error
        pool.start(Task("render", 2, settings(clip, tmp_path / "2.mp4")))
        ((task, answer),) = pool.results()
        assert (task.number, answer.delivery) == (2, tmp_path / "2.mp4")
        pool.start(Task("render", 3, settings(clip, tmp_path / "2.mp4")))
        ((task, answer),) = pool.results()
        assert "exists; name another file" in answer.error
        assert answer.code == 2
    finally:
        pool.close()


def test_closing_stops_what_is_under_way_and_leaves_nothing(clip: Path, tmp_path: Path) -> None:
    long = looped(clip, tmp_path / "long.mp4", 40)
    pool = Pool(1)
    pool.start(Task("render", 1, settings(long, tmp_path / "1.mp4")))
    until(lambda: list(tmp_path.glob(".glabella-*/")))
    pool.close()
    assert not list(tmp_path.glob(".glabella-*"))
    assert not (tmp_path / "1.mp4").exists()
    assert not [child for child in multiprocessing.active_children() if child.name == "sweep"]
