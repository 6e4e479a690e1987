"""Progress on a terminal: a bar per pass with frames a second and time left. Silent anywhere else.

Who runs us may want to know that we get on: the file that GLABELLA_BEAT names is touched, once a second at most.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import Final, Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

BEAT: Final = "GLABELLA_BEAT"
console = Console(stderr=True, highlight=False)


class Advance(Protocol):
    """Called once per finished frame."""

    def __call__(self) -> None:
        """One more frame is done."""


class _Fps(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:.1f} fps" if task.speed else "", style="progress.data.speed")


class Board(Protocol):
    """Shows a few things that are done side by side, each while it lasts."""

    def __call__(self, title: str, total: int | None, done: int = 0) -> AbstractContextManager[Advance]:
        """One more; `total` may be unknown, `done` are there already."""


@contextmanager
def board(quiet: bool = False) -> Iterator[Board]:
    """Where bars are shown, from any thread."""
    if quiet or not sys.stderr.isatty():
        yield lambda title, total, done=0: nullcontext(_beat())
        return
    columns = (TextColumn("{task.description:<10}"), BarColumn(), MofNCompleteColumn(), _Fps(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:

        @contextmanager
        def shown(title: str, total: int | None, done: int = 0) -> Iterator[Advance]:
            task = progress.add_task(title, total=total, completed=done)
            yield lambda: progress.advance(task)
            progress.remove_task(task)

        yield shown


@contextmanager
def bar(title: str, total: int | None, quiet: bool = False, done: int = 0) -> Iterator[Advance]:
    """Show `title` while frames are counted; `total` may be unknown, `done` are there already."""
    with board(quiet) as shown, shown(title, total, done) as advance:
        yield advance


def _beat() -> Advance:
    """Touches the file that is looked at, if one is."""
    path = os.environ.get(BEAT)
    if path is None:
        return lambda: None
    due = 0.0

    def advance() -> None:
        nonlocal due
        if (now := time.monotonic()) >= due:
            due = now + 1.0
            with suppress(OSError):
                os.utime(path)

    advance()
    return advance


def say(line: str) -> None:
    """One line for the person, on stderr; stdout is kept for the result's path."""
    console.print(line, markup=False, soft_wrap=True)
