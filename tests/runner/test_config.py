"""Every shipped file composes, builds and plans."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hydra
import pytest
from omegaconf import OmegaConf

from runner.graph import build
from runner.instantiate import instantiate
from runner.plan import plan
from runner.settings import CONF

GROUPS = sorted(p.relative_to(CONF).with_suffix("") for p in CONF.glob("*/*.yaml") if p.parent.name != "hydra")


@pytest.fixture(scope="module", autouse=True)
def _hydra() -> Iterator[None]:
    with hydra.initialize_config_dir(str(CONF), version_base="1.3"):
        yield


def compose(*overrides: str) -> dict[str, Any]:
    made: Any = OmegaConf.to_container(hydra.compose("config", list(overrides)), resolve=True)
    return dict(made)


@pytest.mark.parametrize("file", GROUPS, ids=str)
def test_every_shipped_file_composes_and_builds(file: Path) -> None:
    config = compose(f"{file.parent}={file.name}")
    graph = build(config["graph"])
    assert plan(graph, (config["report"] or {}).values()).steps
    for group in ("decode", "tracking", "assets"):
        instantiate(config[group], group)


@pytest.mark.parametrize("file", GROUPS, ids=str)
def test_every_shipped_file_says_its_idea_first(file: Path) -> None:
    lines = (CONF / file).with_suffix(".yaml").read_text().splitlines()
    first = next(line for line in lines if not line.startswith("# @package"))
    assert first.startswith("# ")
    assert first.rstrip().endswith((".", "preset live", ":")) or len(first) > 30


def test_live_is_one_pass_and_the_others_two() -> None:
    passes = {name: plan(build(compose(f"preset={name}")["graph"])).passes for name in ("live", "broadcast", "cinema")}
    assert passes == {"live": 1, "broadcast": 2, "cinema": 2}


def test_presets_only_override() -> None:
    keys = set(compose("preset=broadcast"))
    for name in ("live", "cinema"):
        assert set(compose(f"preset={name}")) == keys


def test_a_production_wins_over_gain_and_preset() -> None:
    config = compose("gain=expressive", "production=example")
    assert config["gain"]["au_gain"]["AU12"] == 0.8
