"""How a folder is watched: `conf/watch`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import time
from typing import Any, Final, Literal

from stages.errors import ConfigError

_HOURS: Final = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)\s*-\s*([01]?\d|2[0-3]):([0-5]\d)")
COMPANIONS: Final = ("none", "md5", "sha256", "done")


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a job may take; 0 is no limit. seconds: in all. stall_s: without a finished frame. memory_gb: resident."""

    seconds: float = 0.0
    stall_s: float = 900.0
    memory_gb: float = 0.0

    def __post_init__(self) -> None:
        for name in ("seconds", "stall_s", "memory_gb"):
            if getattr(self, name) < 0:
                raise ConfigError(f"watch.limits.{name}: must be 0 (none) or more, not {getattr(self, name)}")


@dataclass(frozen=True, kw_only=True)
class Hooks:
    """Called with the job's JSON on standard input (a command) or as the body of a POST (an http or https address)."""

    success: str | None = None
    failure: str | None = None
    timeout_s: float = 30.0

    def __post_init__(self) -> None:
        if not 0 < self.timeout_s <= 3600:
            raise ConfigError(f"watch.hooks.timeout_s: must be up to 3600 seconds, not {self.timeout_s}")


@dataclass(frozen=True, kw_only=True)
class Options:
    """events: "native" asks the kernel, "polling" looks every `poll_s` seconds, "none" is for `once`. once: handle what
    is there and end. rescan_s: the whole folder is looked at at least so often. quiet_s: a clip is ready when its size
    and time have been still for so long. patience_s: what does not open, or whose companion is missing or disagrees,
    is given up when it has been still for so long. companion: "none", or the kind of file that must lie beside a clip.
    ignore: names (shell patterns) that are never clips. sources: "move" to done/sources, "keep" in the inbox, "delete".
    jobs: at the same time. order: "oldest" or "smallest" first. priority: production -> number, higher first, 0 for all
    others. min_free_gb: no job starts below it. quiet_hours: "HH:MM-HH:MM" in which no job starts. attempts: at a
    job that fails for a reason that may pass. backoff_s: before the second one, doubled for each further one up to an
    hour. stop_s: seconds that a job under way has to come to its end when the watcher is told to stop.
    """

    events: Literal["native", "polling", "none"] = "native"
    once: bool = False
    poll_s: float = 5.0
    rescan_s: float = 60.0
    quiet_s: float = 5.0
    patience_s: float = 120.0
    companion: Literal["none", "md5", "sha256", "done"] = "none"
    ignore: Sequence[str] = (
        ".*",
        "~*",
        "*~",
        "*.tmp",
        "*.temp",
        "*.part",
        "*.partial",
        "*.filepart",
        "*.crdownload",
        "Thumbs.db",
        "desktop.ini",
    )
    sources: Literal["move", "keep", "delete"] = "move"
    jobs: int = 1
    order: Literal["oldest", "smallest"] = "oldest"
    priority: Mapping[str, Any] = field(default_factory=dict)
    min_free_gb: float = 2.0
    quiet_hours: str | None = None
    attempts: int = 3
    backoff_s: float = 30.0
    stop_s: float = 30.0
    limits: Limits = field(default_factory=Limits)
    hooks: Hooks = field(default_factory=Hooks)

    def __post_init__(self) -> None:
        self._check_choice("events", ("native", "polling", "none"))
        self._check_choice("companion", COMPANIONS)
        self._check_choice("sources", ("move", "keep", "delete"))
        self._check_choice("order", ("oldest", "smallest"))
        for name, least in (("poll_s", 0.1), ("rescan_s", 1), ("quiet_s", 0), ("backoff_s", 0), ("min_free_gb", 0)):
            if getattr(self, name) < least:
                raise ConfigError(f"watch.{name}: must be {least} or more, not {getattr(self, name)}")
        if self.patience_s < self.quiet_s:
            raise ConfigError(f"watch.patience_s: {self.patience_s} is less than quiet_s, {self.quiet_s}")
        for name in ("jobs", "attempts"):
            if getattr(self, name) < 1:
                raise ConfigError(f"watch.{name}: must be 1 or more, not {getattr(self, name)}")
        for show, rank in self.priority.items():
            if isinstance(rank, bool) or not isinstance(rank, int | float):
                raise ConfigError(f"watch.priority.{show}: must be a number, not {rank!r}")
        _ = self.closed

    def _check_choice(self, name: str, choices: tuple[str, ...]) -> None:
        if getattr(self, name) not in choices:
            raise ConfigError(f"watch.{name}: must be {', '.join(choices)}, not {getattr(self, name)!r}")

    @property
    def closed(self) -> tuple[time, time] | None:
        """The quiet hours, from and to; over midnight where the second is the earlier.

        Raises:
            ConfigError: no two times of a day.
        """
        if self.quiet_hours is None:
            return None
        found = _HOURS.fullmatch(self.quiet_hours.strip())
        if found is None:
            raise ConfigError(f"watch.quiet_hours: must be two times such as '08:00-18:30', not {self.quiet_hours!r}")
        first, second, third, fourth = map(int, found.groups())
        return time(first, second), time(third, fourth)

    def resting(self, now: time) -> bool:
        """Whether no job may start at this time of the day."""
        if self.closed is None:
            return False
        start, end = self.closed
        return start <= now < end if start <= end else now >= start or now < end

    def wait(self, attempt: int) -> float:
        """Seconds before the next attempt, after `attempt` of them (from 1)."""
        return min(self.backoff_s * 2.0 ** (attempt - 1), 3600.0)
