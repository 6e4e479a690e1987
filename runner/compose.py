"""From overrides to settings: what Hydra composes, as plain data. All but two work inside a Hydra application only."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import hydra
import yaml
from hydra.core.config_loader import ConfigLoader
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from runner.overrides import explain
from runner.settings import CONF, Settings, check_values, difference, flatten

T = TypeVar("T")

HYDRA_ERRORS = (HydraException, OmegaConfBaseException, yaml.YAMLError)
_BASE_GROUPS = ("preset", "gain", "pipeline", "production")
_EVERYDAY = (
    "clip",
    "inbox",
    "outbox",
    "watch",
    "out",
    "outputs",
    "overwrite",
    "quiet",
    "tracking",
    "graph",
    "bench",
    "eval",
    "sweep",
    "gallery",
)


def loader() -> ConfigLoader:
    """The running application's."""
    found: ConfigLoader = GlobalHydra.instance().config_loader()
    return found


def composed(overrides: Sequence[str]) -> Settings:
    """The settings of one job of a sweep.

    Raises:
        HydraException, OmegaConfBaseException, ConfigError: they cannot be composed.
    """
    config = loader().load_configuration("config", list(overrides), run_mode=RunMode.RUN)
    OmegaConf.set_struct(config, False)
    return settings_of(config, config.pop("hydra"))


@contextmanager
def application() -> Iterator[Callable[[Sequence[str]], Settings]]:
    """What `hydra.main` would do for overrides without flags, in a third of the time: it composes them once, and not
    first to learn that they are no sweep.

    Raises:
        HydraException, OmegaConfBaseException, ConfigError: they cannot be composed.
    """
    GlobalHydra.instance().clear()
    with hydra.initialize_config_dir(str(CONF), version_base="1.3"):
        yield composed


def composed_alone(overrides: Sequence[str] = ()) -> Settings:
    """The settings of a command that is no Hydra application.

    Raises:
        ConfigError: they cannot be composed.
    """
    with application() as compose:
        return explained(lambda: compose(overrides))


def explained(compose: Callable[[], T]) -> T:
    """What it returns; what Hydra says against it as one line.

    Raises:
        ConfigError: names the nearest setting.
    """
    try:
        return compose()
    except (*HYDRA_ERRORS, ValueError, RecursionError) as error:
        raise explain(error, known_settings()) from error


def settings_of(config: DictConfig, about: Any = None) -> Settings:
    """Resolve and check a composed configuration; `about` is its `hydra` node, by default the running application's."""
    about = HydraConfig.get() if about is None else about
    values: Any = OmegaConf.to_container(config, resolve=True)
    choices = dict(about.runtime.choices)
    typed = tuple(about.overrides.task)
    base = [word for word in typed if word.partition("=")[0].lstrip("+") in _BASE_GROUPS]
    check_values(values, OmegaConf.to_yaml(config), choices)
    return Settings(values, choices, typed, _telling(difference(_plain(tuple(base), stamp()), values)))


def _telling(changed: dict[str, tuple[Any, Any]]) -> dict[str, tuple[Any, Any]]:
    """Without what every run sets, and without the graph, whose stages repeat their groups."""
    return {
        key: pair
        for key, pair in changed.items()
        if key.partition(".")[0] not in _EVERYDAY and not (pair[0] in ({}, None) and pair[1] in ({}, None))
    }


def stamp() -> str:
    """Changes with any YAML file that settings are composed of."""
    folders = [Path(one.path) for one in loader().get_sources() if one.scheme() == "file"]
    files = sorted(file for folder in folders for file in folder.rglob("*.yaml"))
    about = [(str(file), file.stat().st_mtime_ns, file.stat().st_size) for file in files]
    return hashlib.sha256(json.dumps(about).encode()).hexdigest()


@lru_cache(maxsize=32)
def _plain(overrides: tuple[str, ...], files: str) -> dict[str, Any]:
    """The values that these words alone give; files: their `stamp`."""
    config = loader().load_configuration("config", list(overrides), run_mode=RunMode.RUN)
    OmegaConf.set_struct(config, False)
    config.pop("hydra", None)
    plain: dict[str, Any] = OmegaConf.to_container(config, resolve=True)  # type: ignore[assignment]
    return plain


def known_settings() -> list[str]:
    """Dotted keys of the default configuration, for `did you mean`."""
    GlobalHydra.instance().clear()
    try:
        with hydra.initialize_config_dir(str(CONF), version_base="1.3"):
            config: Any = OmegaConf.to_container(hydra.compose("config"), resolve=False)
    except HYDRA_ERRORS:  # the shipped files themselves are broken: the first error says so
        return []
    keys = flatten(config)
    prefixes = {key.rsplit(".", n)[0] for key in keys for n in range(key.count(".") + 1)}
    return sorted(keys.keys() | prefixes)
