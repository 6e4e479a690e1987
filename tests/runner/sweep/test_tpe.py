from __future__ import annotations

import sys

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override

from runner.sweep.strategies import Known, Search, Words
from runner.sweep.tpe import Tpe
from stages.errors import ConfigError

AXES = ("a.x=interval(0,4)", "a.n=range(1,9,2)", "g=one,two")


def axes(*words: str) -> list[Override]:
    return OverridesParser.create().parse_overrides(list(words))


def score(words: Words) -> float:
    """Best at x 3, n 5, g two."""
    x, n, g = (word.partition("=")[2] for word in words)
    return -((float(x) - 3) ** 2) - (int(n) - 5) ** 2 - (g != "two")


def walked(search: Search, runs: int) -> list[Words]:
    made = []
    while len(made) < runs and (proposed := search.ask(1)):
        made += proposed
        for words in proposed:
            search.tell(words, score(words))
    return made


def test_proposals_come_nearer_to_the_objective() -> None:
    made = walked(Tpe(trials=40).begin(axes(*AXES), "max", ()), 99)
    assert len(made) <= 40
    assert len(set(made)) == len(made)
    assert {words[1] for words in made} <= {"a.n=1", "a.n=3", "a.n=5", "a.n=7"}
    assert all(0 <= float(words[0].partition("=")[2]) <= 4 for words in made)
    early, late = (sum(map(score, part)) / 10 for part in (made[:10], made[-10:]))
    assert late > early + 1


def test_the_same_seed_proposes_the_same_runs() -> None:
    assert walked(Tpe(trials=12).begin(axes(*AXES), "max", ()), 12) == walked(
        Tpe(trials=12).begin(axes(*AXES), "max", ()), 12
    )


def test_what_was_finished_before_counts_and_is_learnt_from() -> None:
    first = walked(Tpe(trials=30).begin(axes(*AXES), "max", ()), 20)
    known = [Known(words, score(words)) for words in first]
    search = Tpe(trials=30).begin(axes(*AXES), "max", known)
    assert search.ask(1) == first
    for words in first:
        search.tell(words, score(words))
    rest = walked(search, 99)
    assert len(rest) == 10
    assert not set(rest) & set(first)
    assert sum(map(score, rest)) / len(rest) > sum(map(score, first)) / len(first)


def test_a_failed_run_is_no_result() -> None:
    search = Tpe(trials=2).begin(axes(*AXES), "min", ())
    for _ in range(2):
        (words,) = search.ask(1)
        search.tell(words, None)
    assert search.ask(1) == []


def test_without_optuna_one_line_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ConfigError, match=r"needs optuna: pip install 'glabella\[optuna\]'") as caught:
        Tpe().begin(axes(*AXES), "max", ())
    assert "\n" not in str(caught.value)
