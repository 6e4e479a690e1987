"""The order of a sweep's work: what a clip shows is measured once, then its runs are rendered as processes are free."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from runner.instantiate import did_you_mean
from runner.progress import say
from runner.report.page import clock
from runner.settings import Settings
from runner.sweep.jobs import Axes, Job, file_name, job, label
from runner.sweep.ledger import Entry, Ledger
from runner.sweep.options import Options
from runner.sweep.pool import Pool
from runner.sweep.scores import scored
from runner.sweep.strategies import Search, Words
from runner.sweep.worker import Answer, Task
from runner.tracking import Tracking
from stages.errors import ConfigError, GlabellaError


@dataclass(slots=True)
class Drive:
    """A sweep under way. `parent` is asked for the run in MLflow when the first run needs it.

    ours: deliveries of these names that lie in the folder are this sweep's and may be replaced.
    """

    axes: Axes
    search: Search
    options: Options
    ledger: Ledger
    tracking: Tracking
    parent: Callable[[], str | None]
    pool: Pool
    ours: bool
    before: Mapping[str, Entry]
    jobs: dict[int, Job] = field(default_factory=dict)
    waiting: list[int] = field(default_factory=list)
    measured: set[str] = field(default_factory=set)
    measuring: set[str] = field(default_factory=set)
    over: set[Words] = field(default_factory=set)
    number: int = 0
    scored: bool = False

    def run(self) -> set[Words]:
        """Until the search has no more proposals and every run is over; returns the runs.

        Raises:
            DeliveryError: the ledger cannot be written.
        """
        while True:
            self._propose()
            while self.pool.room and (task := self._next()):
                self.pool.start(task)
            if not self.pool.busy:
                return self.over
            for task, answer in self.pool.results():
                (self._after_measuring if task.kind == "measure" else self._after_rendering)(task, answer)

    def _propose(self) -> None:
        """Take up what the search proposes, until something can be rendered."""
        while True:
            proposed = self.search.ask(max(0, self.pool.room - len(self.waiting)))
            for words in proposed:
                self._take(words)
            if not proposed or self.waiting:
                return

    def _take(self, words: Words) -> None:
        self.number += 1
        number = self.number
        try:
            made = job(self.axes, words)
        except GlabellaError as error:
            self._failed(number, words, Answer(error=str(error), code=error.exit_code))
            return
        known = self.before.get(made.key)
        if known:
            self._over(replace(known, number=number), f"rendered before: {known.delivery}")
            return
        self.jobs[number] = made
        self.waiting.append(number)

    def _next(self) -> Task | None:
        """A render whose clip is measured, or else the measurement that most wait for."""
        for number in self.waiting:
            made = self.jobs[number]
            if not made.measures or made.measures in self.measured:
                self.waiting.remove(number)
                return Task("render", number, self._settings(number, made))
        for number in self.waiting:
            made = self.jobs[number]
            if made.measures not in self.measuring:
                self.measuring.add(made.measures)
                return Task("measure", number, self._settings(number, made, tracked=False))
        return None

    def _settings(self, number: int, made: Job, tracked: bool = True) -> Settings:
        """What a run is told: where its delivery goes, and which run in MLflow it belongs to."""
        values = dict(made.settings.values)
        values["out"] = str(self.ledger.folder / file_name(number, made.words, made.suffix))
        values["overwrite"] = self.ours or bool(values["overwrite"])
        values["quiet"] = bool(values["quiet"]) or self.options.processes > 1  # bars of several would overwrite another
        if tracked:
            of = {"parent": self.parent(), "label": label(made.words)}
            values["tracking"] = {**values["tracking"], **of}
        return replace(made.settings, values=values)

    def _after_measuring(self, task: Task, answer: Answer) -> None:
        key = self.jobs[task.number].measures
        self.measured.add(key)
        if answer.frames:
            many = sum(made.measures == key for made in self.jobs.values())
            say(f"measured {answer.frames} frames in {clock(answer.seconds)}, once for {many} {_runs(many)}")
        if answer.error:
            for number in [n for n in self.waiting if self.jobs[n].measures == key]:
                self.waiting.remove(number)
                self._failed(number, self.jobs[number].words, answer)

    def _after_rendering(self, task: Task, answer: Answer) -> None:
        made = self.jobs[task.number]
        if answer.error:
            self._failed(task.number, made.words, answer)
            return
        entry = Entry(
            number=task.number,
            words=made.words,
            key=made.key,
            clip=made.sha256,
            delivery=answer.delivery,
            report=answer.report,
            seconds=answer.seconds,
        )
        self._over(entry, f"{clock(answer.seconds)}: {answer.delivery}")

    def _failed(self, number: int, words: Words, answer: Answer) -> None:
        if not answer.tracked:
            for warning in self.tracking.log_failure(label(words), answer.error, self.parent()):
                say(f"warning: {warning}")
        entry = Entry(number=number, words=words, seconds=answer.seconds, error=answer.error, code=answer.code or 1)
        self._over(entry, f"failed: {answer.error}")

    def _over(self, entry: Entry, what: str) -> None:
        """Keep it, tell the search, and tell people."""
        figures: Mapping[str, Any] = scored(entry).figures
        score = figures.get(self.options.objective or "")
        if figures and score is None and self.options.strategy.needs_objective and not self.scored:
            wanted = str(self.options.objective)
            raise ConfigError(f"sweep.objective: a run has no {wanted!r}{did_you_mean(wanted, figures)}")
        self.scored |= score is not None
        self.ledger.add(replace(entry, score=score))
        self.search.tell(entry.words, score)
        self.over.add(entry.words)
        shown = "" if score is None else f" ({self.options.objective} {score:.4g})"
        say(f"[{len(self.over)}/{self.search.total}] {label(entry.words)}{shown} · {what}")


def _runs(many: int) -> str:
    return "run" if many == 1 else "runs"
