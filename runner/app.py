"""The commands that take settings: each is a Hydra application over `conf/`, with overrides, sweeps and completion."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

import hydra
import yaml
from hydra.core.config_loader import ConfigLoader
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from runner.failures import told
from runner.overrides import check_flags, explain, flags_first, literal, opened, shadowed
from runner.progress import say
from runner.settings import CONF, Settings, check_values, difference, flatten
from stages.errors import ConfigError

_BASE_GROUPS = ("preset", "gain", "pipeline", "production")
_EVERYDAY = ("clip", "out", "outputs", "overwrite", "quiet", "tracking", "graph", "bench", "eval")
_HYDRA_ERRORS = (HydraException, OmegaConfBaseException, yaml.YAMLError)


def run(words: Sequence[str]) -> int:
    """`glabella run`."""

    def work(settings: Settings) -> None:
        from runner.job import run_clip

        print(run_clip(settings).delivery, flush=True)

    return _application("run", words, work)


def analyse(words: Sequence[str]) -> int:
    """`glabella analyse`."""

    def work(settings: Settings) -> None:
        from runner.analyse import analyse_clip

        print(analyse_clip(settings).delivery, flush=True)

    chosen = any(word.lstrip("+").startswith("pipeline=") for word in words)
    return _application("analyse", words if chosen else [*words, "pipeline=analyse"], work)


def graph(words: Sequence[str]) -> int:
    """`glabella graph`."""

    def work(settings: Settings) -> None:
        from runner.graph import build, check_report
        from runner.plan import describe, mermaid, plan

        built = build(settings["graph"])
        check_report(settings["report"] or {}, settings["graph"])
        cut = plan(built, (settings["report"] or {}).values())
        print((mermaid if settings["mermaid"] else describe)(built, cut))

    return _application("graph", words, work)


def bench(words: Sequence[str]) -> int:
    """`glabella bench`."""

    def work(settings: Settings) -> None:
        from runner.bench import bench as measure

        measure(settings)

    return _application("bench", words, work)


def evaluate(words: Sequence[str]) -> int:
    """`glabella eval units`."""

    def work(settings: Settings) -> None:
        from runner.evaluate import evaluate_units

        print(evaluate_units(settings), flush=True)

    if not words or words[0] != "units":
        raise ConfigError("eval: say what to evaluate: glabella eval units")
    chosen = any(word.lstrip("+").startswith("pipeline=") for word in words)
    return _application("eval", words[1:] if chosen else [*words[1:], "pipeline=analyse"], work)


def _application(name: str, words: Sequence[str], work: Callable[[Settings], None]) -> int:
    """Hand the words to Hydra, run `work` once per job; a failing job of a sweep does not stop the others."""
    codes: list[int] = []

    def task(config: DictConfig) -> None:
        try:
            work(_settings(config))
        except _HYDRA_ERRORS as error:  # interpolations are resolved only here
            codes.append(told(explain(error, ())))
        except Exception as error:
            codes.append(told(error))

    check_flags(words)
    for warning in shadowed(words):
        say(f"warning: {warning}")
    os.environ["HYDRA_FULL_ERROR"] = "1"  # let exceptions through: one line is made of them below
    sys.argv = [f"glabella {name}", *flags_first(opened(literal(words)))]
    try:
        hydra.main(version_base="1.3", config_path=str(CONF), config_name="config")(task)()
    except (*_HYDRA_ERRORS, ValueError, RecursionError) as error:  # none comes from `work`
        raise explain(error, _known_settings()) from error
    return max(codes, default=0)


def _settings(config: DictConfig) -> Settings:
    values: Any = OmegaConf.to_container(config, resolve=True)
    hydra_config = HydraConfig.get()
    choices = dict(hydra_config.runtime.choices)
    typed = tuple(hydra_config.overrides.task)
    base = [word for word in typed if word.partition("=")[0].lstrip("+") in _BASE_GROUPS]
    plain: Any = OmegaConf.to_container(_compose(base), resolve=True)
    check_values(values, OmegaConf.to_yaml(config), HydraConfig.get().runtime.choices)
    return Settings(values, choices, typed, _telling(difference(plain, values)))


def _telling(changed: dict[str, tuple[Any, Any]]) -> dict[str, tuple[Any, Any]]:
    """Without what every run sets, and without the graph, whose stages repeat their groups."""
    return {
        key: pair
        for key, pair in changed.items()
        if key.partition(".")[0] not in _EVERYDAY and not (pair[0] in ({}, None) and pair[1] in ({}, None))
    }


def _compose(overrides: list[str]) -> DictConfig:
    loader: ConfigLoader = GlobalHydra.instance().config_loader()
    config = loader.load_configuration("config", overrides, run_mode=RunMode.RUN)
    OmegaConf.set_struct(config, False)
    config.pop("hydra", None)
    return config


def _known_settings() -> list[str]:
    """Dotted keys of the default configuration, for `did you mean`."""
    GlobalHydra.instance().clear()
    try:
        with hydra.initialize_config_dir(str(CONF), version_base="1.3"):
            config: Any = OmegaConf.to_container(hydra.compose("config"), resolve=False)
    except _HYDRA_ERRORS:  # the shipped files themselves are broken: the first error says so
        return []
    keys = flatten(config)
    prefixes = {key.rsplit(".", n)[0] for key in keys for n in range(key.count(".") + 1)}
    return sorted(keys.keys() | prefixes)
