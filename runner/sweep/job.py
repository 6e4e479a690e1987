"""A sweep from its axes to its comparison page. `run_sweep` is the main path; read it first."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from runner.analysis import content_hash
from runner.disk import disk_errors
from runner.failures import told
from runner.progress import say
from runner.report.page import clock
from runner.settings import Settings
from runner.sweep.compare import FILES, compare
from runner.sweep.drive import Drive
from runner.sweep.jobs import Axes, axes, common, identity, plain_name, values
from runner.sweep.ledger import Ledger, ledger
from runner.sweep.options import Options
from runner.sweep.pool import Pool
from runner.sweep.scores import Scored, best, scored
from runner.sweep.strategies import Known
from runner.tracking import Tracking
from runner.tracking.client import Status
from stages.errors import ClipError, ConfigError, GlabellaError


def run_sweep(settings: Settings, words: Sequence[str]) -> int:
    """Render every run, then compare them; prints the comparison page's path and returns the worst exit code.

    settings: what the runs have in common. words: the overrides as they were typed, axes and all.

    Raises:
        GlabellaError: the sweep as a whole cannot be run; a run that fails does not stop the others.
    """
    started = time.perf_counter()
    options: Options = settings.stage("sweep")
    tracking: Tracking = settings.stage("tracking")
    tracking.warm()
    along = axes(words, options.axes)
    mark = _fingerprint(settings, options, along)
    folder = _folder(settings, along, mark)
    with ledger(folder, mark, fresh=options.fresh, overwrite=bool(settings["overwrite"])) as book:
        parent = Parent(tracking, book, along)
        with parent.closed(), disk_errors():
            _render(options, tracking, along, book, parent)
            runs = [scored(entry) for entry in book.ordered]
            winner, complaint = _judged(runs, options)
            page = compare(folder, runs, winner, options)
            parent.results(runs, winner, options)
    say(f"{len(runs)} runs in {clock(time.perf_counter() - started)}{_best(winner, options)}")
    print(page, flush=True)
    return _told(runs, complaint)


def _render(options: Options, tracking: Tracking, along: Axes, book: Ledger, parent: Parent) -> None:
    before = {} if options.fresh else book.finished()
    known = [Known(entry.words, entry.score) for entry in before.values()]
    search = options.strategy.begin(along.swept, options.direction, known)
    if known:
        say(f"going on where this sweep stopped: {len(known)} of {search.total} runs are rendered already")
    pool = Pool(options.processes)
    try:
        book.keep(
            Drive(
                axes=along,
                search=search,
                options=options,
                ledger=book,
                tracking=tracking,
                parent=parent.run,
                pool=pool,
                ours=book.continued,
                before=before,
            ).run()
        )
    finally:
        with _undisturbed():
            pool.close()


def _best(winner: Scored | None, options: Options) -> str:
    if winner is None or not options.objective:
        return ""
    return (
        f"; best by {options.direction} {options.objective}: {winner.label} ({winner.figures[options.objective]:.4g})"
    )


@dataclass(slots=True)
class Parent:
    """The run in MLflow that the sweep's runs are children of; opened when it is first needed, closed in any case."""

    tracking: Tracking
    book: Ledger
    along: Axes
    opened: bool = False
    status: Status = "FAILED"
    tagged: dict[str, str] = field(default_factory=dict)
    figures: dict[str, float] = field(default_factory=dict)
    files: list[Path] = field(default_factory=list)

    def run(self) -> str | None:
        """Its id; None without tracking."""
        if not self.opened:
            self.opened = True
            tagged = {"axes": ", ".join(f"{key}={value}" for key, value in self.along.written.items())}
            self.book.run, warnings = self.tracking.open_sweep(self.book.folder.name, tagged, self.book.run)
            self.book.save()
            _warn(warnings)
        return self.book.run

    def results(self, runs: Sequence[Scored], winner: Scored | None, options: Options) -> None:
        """What is kept with it: how many failed, the best run, the comparison."""
        failed = [run for run in runs if run.entry.error]
        self.status = "FAILED" if failed else "FINISHED"
        self.figures = {"runs": len(runs), "runs.failed": len(failed)}
        self.files = [path for name in FILES if (path := self.book.folder / name).exists()]
        if failed:
            self.tagged["error"] = "; ".join(f"{run.label}: {run.entry.error}" for run in failed)
        if winner and options.objective:
            self.tagged["best"] = winner.label
            self.figures[f"best.{options.objective}"] = winner.figures[options.objective]

    @contextmanager
    def closed(self) -> Iterator[None]:
        """Close it however the sweep ends: finished, failed, or killed by a signal."""
        try:
            yield
        except KeyboardInterrupt:
            self.status = "KILLED"
            raise
        except Exception as error:
            self.tagged["error"] = str(error)
            raise
        finally:
            with _undisturbed():
                run = self.book.run if self.opened else None
                _warn(
                    self.tracking.close_sweep(
                        run, self.status, tagged=self.tagged, figures=self.figures, files=self.files
                    )
                )


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Signals wait for nothing here: they are ignored, because what is done is bounded and ends the sweep anyway."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _fingerprint(settings: Settings, options: Options, along: Axes) -> str:
    """What makes two sweeps the same: the clips' content, the axes, the search, and what the runs have in common."""
    search = [options.strategy.identity]
    search += [str(options.objective), options.direction] if options.strategy.needs_objective else []
    return identity(_contents(settings, along), along.written, search, common(settings))


def _contents(settings: Settings, along: Axes) -> list[str]:
    """Hashes of the clips; of several, one that cannot be read fails its own runs later."""
    swept = [axis for axis in along.swept if axis.key_or_group == "clip"]
    if not swept:
        return [_content(settings)]
    found = []
    for text in swept[-1].sweep_string_iterator():
        clip = values((f"clip={text}",))["clip"]
        with suppress(GlabellaError):
            found.append(_content(replace(settings, values={**settings.values, "clip": clip})))
    return found


def _content(settings: Settings) -> str:
    path = settings.clip_path()
    try:
        return content_hash(path)
    except OSError as error:
        raise ClipError(f"{path}: cannot be read: {error.strerror or error}") from error


def _folder(settings: Settings, along: Axes, mark: str) -> Path:
    """`out`, or one under `outputs` that the same sweep finds again."""
    wanted = settings.values.get("out")
    if wanted:
        folder = Path(str(wanted)).expanduser()
        if folder.is_file():
            raise ConfigError(f"out: {folder} is a file; a sweep makes several: name a folder")
        return folder
    several = any(axis.key_or_group == "clip" for axis in along.swept)
    stem = "clips" if several else settings.clip_path().stem
    return Path(str(settings["outputs"])).expanduser() / f"{plain_name(stem)}-sweep-{mark[:8]}"


def _judged(runs: Sequence[Scored], options: Options) -> tuple[Scored | None, ConfigError | None]:
    """The best run, or why there is none."""
    try:
        return best(runs, options), None
    except ConfigError as error:
        return None, error


def _told(runs: Sequence[Scored], complaint: ConfigError | None) -> int:
    """One line a failure on stderr; the worst exit code."""
    for run in runs:
        if run.entry.error:
            print(f"error: {run.label}: {run.entry.error}", file=sys.stderr)
    codes = [run.entry.code for run in runs if run.entry.error]
    return max([*codes, told(complaint) if complaint else 0])


def _warn(warnings: Sequence[str]) -> None:
    for warning in warnings:
        say(f"warning: {warning}")
