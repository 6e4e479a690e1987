"""Tree-structured Parzen Estimator: proposes the next run from those so far (Bergstra et al. 2011). Needs optuna."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from hydra.core.override_parser.types import IntervalSweep, Override, RangeSweep

from runner.sweep.strategies import Known, Search, Strategy, Words, name
from stages.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Tpe(Strategy):
    """trials: runs in all, 1..10000. seed: the same seed proposes the same runs when they run one after another.

    Raises:
        ConfigError: a value out of range.
    """

    trials: int = 16
    seed: int = 1
    needs_objective: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not 1 <= self.trials <= 10000:
            raise ConfigError(f"trials: {self.trials!r} is out of range; use 1 to 10000")
        if not 0 <= self.seed < 2**32:
            raise ConfigError(f"seed: {self.seed!r} is out of range; use 0 to 4294967295")

    @property
    def identity(self) -> str:
        """As `Strategy.identity`; a search that is given more trials goes on."""
        return f"Tpe({self.seed})"

    def begin(self, axes: Sequence[Override], direction: str, known: Sequence[Known]) -> Search:
        """As `Strategy.begin`."""
        try:
            import optuna
        except ImportError as error:
            raise ConfigError(
                "sweep.strategy: a TPE search needs optuna: pip install 'glabella[optuna]', or use a grid"
            ) from error
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        seed = self.seed + len(known)  # or the first proposals of a sweep that goes on would be those it began with
        sampler = optuna.samplers.TPESampler(seed=seed, constant_liar=True)
        study = optuna.create_study(sampler=sampler, direction="maximize" if direction == "max" else "minimize")
        return _Trials(study, {axis.get_key_element(): _space(optuna, axis) for axis in axes}, self.trials, known)


class _Trials:
    """An optuna study in memory; what lasts is the sweep's own ledger, from which `known` comes."""

    def __init__(self, study: Any, space: Mapping[str, Any], trials: int, known: Sequence[Known]) -> None:
        self.total = trials
        self._study, self._space = study, space
        self._known = [one.words for one in known[:trials]]
        self._open: dict[Words, Any] = {}
        self._scores: dict[Words, float | None] = {}

    def ask(self, room: int) -> list[Words]:
        """What was finished before, then up to `room` proposals."""
        known, self._known = self._known, []
        return known or [words for _ in range(room) if (words := self._proposal()) is not None]

    def _proposal(self) -> Words | None:
        """One that was neither run nor is running; None when the trials are used up."""
        while len(self._study.trials) < self.total:
            trial = self._study.ask(dict(self._space))
            words = tuple(f"{key}={_written(trial.params[key])}" for key in self._space)
            if words not in self._open and words not in self._scores:
                self._open[words] = trial
                return words
            self._study.tell(trial, self._scores.get(words), **_state(self._scores.get(words)))
        return None

    def tell(self, words: Words, score: float | None) -> None:
        """A run is over, of this sweep or of the one that it continues."""
        import optuna

        score = score if score is not None and math.isfinite(score) else None
        self._scores[words] = score
        if words in self._open:
            self._study.tell(self._open.pop(words), score, **_state(score))
        else:
            texts = dict(word.split("=", 1) for word in words)
            params = {key: _read(space, texts[key]) for key, space in self._space.items()}
            state = optuna.trial.TrialState.COMPLETE if score is not None else optuna.trial.TrialState.FAIL
            made = optuna.trial.create_trial(state=state, params=params, distributions=dict(self._space), value=score)
            self._study.add_trial(made)


def _state(score: float | None) -> dict[str, Any]:
    import optuna

    return {} if score is not None else {"state": optuna.trial.TrialState.FAIL}


def _space(optuna: Any, axis: Override) -> Any:
    """The distribution that an axis stands for."""
    value, distributions = axis.value(), optuna.distributions
    if isinstance(value, IntervalSweep):
        low, high = float(value.start or 0), float(value.end or 0)
        if low >= high:
            raise ConfigError(f"{name(axis)}: interval({low:g},{high:g}) is empty; give the lower end first")
        return distributions.FloatDistribution(low, high, log="log" in value.tags)
    texts = list(axis.sweep_string_iterator())
    if isinstance(value, RangeSweep) and len(texts) > 1:
        return _steps(distributions, [float(text) for text in texts])
    return distributions.CategoricalDistribution(texts)


def _steps(distributions: Any, values: Sequence[float]) -> Any:
    low, high, step = min(values), max(values), abs(values[1] - values[0])
    if all(value.is_integer() for value in values):
        return distributions.IntDistribution(int(low), int(high), step=int(step))
    return distributions.FloatDistribution(low, high, step=step)


def _read(space: Any, text: str) -> Any:
    """What `_written` wrote."""
    kinds = {"FloatDistribution": float, "IntDistribution": int}
    return kinds.get(type(space).__name__, str)(text)


def _written(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
