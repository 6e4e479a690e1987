"""Which combinations of the axes are rendered: all of them (`Grid`), or those that a search proposes (`tpe.Tpe`)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.types import Override

from stages.errors import ConfigError

Words = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Known:
    """A run of the same sweep that was finished before: its axes' words and what it scored (None: no such figure)."""

    words: Words
    score: float | None


class Search(Protocol):
    """A strategy at work: proposes runs and is told how they came out. A run is its axes' words, `("gain=subtle",)`."""

    total: int

    def ask(self, room: int) -> list[Words]:
        """The next runs, at most `room` if the proposals depend on results; none when there are no more."""

    def tell(self, words: Words, score: float | None) -> None:
        """How a run came out; None if it failed or has no such figure."""


class Strategy(ABC):
    """A frozen dataclass that `sweep.strategy` names. `needs_objective`: proposals depend on results."""

    needs_objective: ClassVar[bool] = False

    @property
    def identity(self) -> str:
        """What makes two sweeps' strategies the same."""
        return repr(self)

    @abstractmethod
    def begin(self, axes: Sequence[Override], direction: str, known: Sequence[Known]) -> Search:
        """Start on these axes.

        Raises:
            ConfigError: an axis that this strategy cannot walk, or a package that is not installed.
        """


@dataclass(frozen=True, kw_only=True)
class Grid(Strategy):
    """Every combination, the last axis fastest."""

    def begin(self, axes: Sequence[Override], direction: str, known: Sequence[Known]) -> Search:
        """As `Strategy.begin`."""
        for axis in axes:
            if not axis.is_discrete_sweep():
                raise ConfigError(
                    f"{name(axis)}: interval(...) has no list of values; give range(first,end,step), or use search=tpe"
                )
        (batch,) = BasicSweeper.split_arguments(list(axes), None)
        return _Walk(list(dict.fromkeys(tuple(words) for words in batch)))


class _Walk:
    def __init__(self, runs: list[Words]) -> None:
        self.total = len(runs)
        self._left = runs

    def ask(self, room: int) -> list[Words]:
        """All of them, the first time."""
        left, self._left = self._left, []
        return left

    def tell(self, words: Words, score: float | None) -> None:
        """A grid does not mind."""


def name(axis: Override) -> str:
    """The setting or group that an axis varies, as people write it."""
    return str(axis.get_key_element()).lstrip("+")
