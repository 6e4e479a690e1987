"""How many frames are on their way at a time."""

from __future__ import annotations

from dataclasses import dataclass

from stages.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Pace:
    """in_flight: frames decoded and not yet delivered, which bounds how late each is; 0 is as many as the queues hold.

    A source waits while they are that many, so that nothing of a file is ever dropped.
    """

    in_flight: int = 0

    def __post_init__(self) -> None:
        if type(self.in_flight) is not int or self.in_flight < 0:
            raise ConfigError(f"pace.in_flight: must be a whole number of frames from 0, not {self.in_flight!r}")
