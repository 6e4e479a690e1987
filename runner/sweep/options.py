"""The settings of a sweep, `sweep:` in conf/config.yaml."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from runner.instantiate import did_you_mean
from runner.sweep.strategies import Grid, Strategy
from stages.errors import ConfigError

_DIRECTIONS = ("max", "min")


@dataclass(frozen=True, kw_only=True)
class Options:
    """How a sweep goes about it.

    axes: dotted setting or group -> values in Hydra's grammar (`range(0.5,2.01,0.25)`, `glob(*)`, `a,b`) or a list.
    strategy: in which order, and which of, the combinations are rendered. objective: name of the figure that decides
    which run is best. direction: `max` or `min` of it. processes: runs at the same time, 1..cores. fresh: forget what
    the same sweep rendered before. columns: key frames on the contact sheet, 2..12.

    Raises:
        ConfigError: a value out of range; a search without an objective.
    """

    axes: Mapping[str, Any] = field(default_factory=dict)
    strategy: Strategy = field(default_factory=Grid)
    objective: str | None = None
    direction: str = "max"
    processes: int = 1
    fresh: bool = False
    columns: int = 6

    def __post_init__(self) -> None:
        cores = os.cpu_count() or 1
        if not 1 <= self.processes <= cores:
            raise ConfigError(f"processes: {self.processes!r} is out of range; this machine has cores for 1 to {cores}")
        if not 2 <= self.columns <= 12:
            raise ConfigError(f"columns: {self.columns!r} is out of range; use 2 to 12")
        if self.direction not in _DIRECTIONS:
            hint = did_you_mean(self.direction, _DIRECTIONS)
            raise ConfigError(f"direction: must be max or min, not {self.direction!r}{hint}")
        if not isinstance(self.axes, Mapping):
            raise ConfigError(f"axes: must map settings to values, not {self.axes!r}")
        if not isinstance(self.strategy, Strategy):
            raise ConfigError("strategy: name one, such as _target_: runner.sweep.strategies.Grid")
        if self.strategy.needs_objective and not self.objective:
            raise ConfigError("objective: a search needs one, such as sweep.objective=au.achieved.r2")

    def better(self, one: float, other: float) -> bool:
        """True if `one` is nearer to the objective than `other`."""
        return one > other if self.direction == "max" else one < other
