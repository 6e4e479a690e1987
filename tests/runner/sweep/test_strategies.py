from __future__ import annotations

from typing import Any

import hydra
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from omegaconf import OmegaConf

from runner.compose import loader
from runner.instantiate import instantiate
from runner.overrides import listed, opened
from runner.settings import CONF
from runner.sweep.options import Options
from runner.sweep.strategies import Grid
from runner.sweep.tpe import Tpe
from stages.errors import ConfigError


def axes(*words: str) -> list[Override]:
    return OverridesParser.create().parse_overrides(list(words))


def test_a_grid_is_every_combination_once() -> None:
    search = Grid().begin(axes("gain=subtle,neutral,subtle", "encode.crf=range(10,20,5)"), "max", ())
    assert search.total == 4
    assert search.ask(1) == [
        ("gain=subtle", "encode.crf=10"),
        ("gain=subtle", "encode.crf=15"),
        ("gain=neutral", "encode.crf=10"),
        ("gain=neutral", "encode.crf=15"),
    ]
    assert search.ask(1) == []


def test_steps_of_a_range_do_not_drift() -> None:
    search = Grid().begin(axes("++gain.au_gain.AU12=range(0.5,2.01,0.25)"), "max", ())
    values = [float(words[0].partition("=")[2]) for words in search.ask(1)]
    assert values == [0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0]


def test_a_grid_refuses_an_interval_by_name() -> None:
    with pytest.raises(ConfigError, match=r"^gain\.au_gain\.AU12: interval\(\.\.\.\) has no list of values"):
        Grid().begin(axes("++gain.au_gain.AU12=interval(0.5,2)"), "max", ())


def test_options_out_of_range_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"^processes: 1000 is out of range"):
        Options(processes=1000)
    with pytest.raises(ConfigError, match=r"^direction: must be max or min, not 'maximum'"):
        Options(direction="maximum")
    with pytest.raises(ConfigError, match=r"^objective: a search needs one"):
        Options(strategy=Tpe())


@pytest.mark.parametrize("name", sorted(path.stem for path in (CONF / "search").glob("*.yaml")))
def test_every_shipped_search_can_be_walked(name: str) -> None:
    with hydra.initialize_config_dir(str(CONF), version_base="1.3"):
        config: Any = OmegaConf.to_container(hydra.compose("config", [f"search={name}"]), resolve=True)
        options: Options = instantiate(config["sweep"], "sweep")
        words = opened([f"{key}={listed(value)}" for key, value in options.axes.items()])
        parsed = OverridesParser.create(config_loader=loader()).parse_overrides(words)
        search = options.strategy.begin(parsed, options.direction, ())
        assert search.total > 1
        assert search.ask(1)
