"""The commands that take settings: each is a Hydra application over `conf/`, with overrides, sweeps and completion."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence

import hydra
from omegaconf import DictConfig

from runner.compose import HYDRA_ERRORS, application, explained, settings_of
from runner.failures import told
from runner.overrides import check_flags, explain, flags_first, literal, opened, parted, shadowed, sweeping, unswept
from runner.progress import say
from runner.settings import CONF, Settings
from stages.errors import ConfigError

_PIPELINES = {"units": "analyse", "gains": "edit", "replace": "replace"}  # of what is evaluated


def run(words: Sequence[str]) -> int:
    """`glabella run`; with `-m` or a search, `glabella run` of a sweep."""
    if sweeping(words):
        return _sweep(words)

    def work(settings: Settings) -> None:
        from runner.job import run_clip

        print(run_clip(settings).delivery, flush=True)

    return _application("run", words, work)


def _sweep(words: Sequence[str]) -> int:
    check_flags(words)
    try:
        flags, overrides = parted(opened(literal(words)))
        base = [*(flag for flag in flags if flag not in ("-m", "--multirun")), *unswept(overrides)]
    except HYDRA_ERRORS as error:
        raise explain(error, ()) from error

    def work(settings: Settings) -> int:
        from runner.sweep import run_sweep

        return run_sweep(settings, overrides)

    return _application("run", base, work)


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


def watch(words: Sequence[str]) -> int:
    """`glabella watch`, and `glabella watch status|retry|forget`."""
    from runner.watch.command import ACTIONS, ask

    if words and words[0] in ACTIONS:
        return ask(words)

    def work(settings: Settings) -> int:
        from runner.watch.command import watch as serve

        return serve(settings, parted(words)[1])

    return _application("watch", words, work)


def gallery(words: Sequence[str]) -> int:
    """`glabella gallery`."""

    def work(settings: Settings) -> None:
        from runner.gallery import gallery as render

        print(render(settings), flush=True)

    return _application("gallery", words, work)


def evaluate(words: Sequence[str]) -> int:
    """`glabella eval units`, `glabella eval gains` and `glabella eval replace`."""

    def work(settings: Settings) -> None:
        from runner.evaluate import evaluate_gains, evaluate_replace, evaluate_units

        jobs = {"units": evaluate_units, "gains": evaluate_gains, "replace": evaluate_replace}
        print(jobs[what](settings), flush=True)

    what = words[0] if words else ""
    if what not in _PIPELINES:
        raise ConfigError(f"eval: say what to evaluate: {' or '.join(f'glabella eval {name}' for name in _PIPELINES)}")
    chosen = any(word.lstrip("+").startswith("pipeline=") for word in words)
    return _application("eval", words[1:] if chosen else [*words[1:], f"pipeline={_PIPELINES[what]}"], work)


def _application(name: str, words: Sequence[str], work: Callable[[Settings], int | None]) -> int:
    """Run `work` with what the words compose to; of several jobs, a failing one does not stop the others."""
    check_flags(words)
    for warning in shadowed(words):
        say(f"warning: {warning}")
    typed = flags_first(opened(literal(words)))
    if any(word.startswith("-") for word in typed):
        return _hydra(name, typed, work)
    with application() as compose:
        return work(explained(lambda: compose(typed))) or 0


def _hydra(name: str, words: Sequence[str], work: Callable[[Settings], int | None]) -> int:
    """Leave it to Hydra, whose flags these are."""
    codes: list[int] = []

    def task(config: DictConfig) -> None:
        try:
            codes.append(work(settings_of(config)) or 0)
        except HYDRA_ERRORS as error:  # interpolations are resolved only here
            codes.append(told(explain(error, ())))
        except Exception as error:
            codes.append(told(error))

    os.environ["HYDRA_FULL_ERROR"] = "1"  # let exceptions through: one line is made of them
    sys.argv = [f"glabella {name}", *words]
    explained(hydra.main(version_base="1.3", config_path=str(CONF), config_name="config")(task))
    return max(codes, default=0)
