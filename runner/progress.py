"""Progress on a terminal: a bar per pass with frames a second and time left. Silent anywhere else."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

console = Console(stderr=True, highlight=False)


class Advance(Protocol):
    """Called once per finished frame."""

    def __call__(self) -> None:
        """One more frame is done."""


class _Fps(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:.1f} fps" if task.speed else "", style="progress.data.speed")


@contextmanager
def bar(title: str, total: int | None, quiet: bool = False) -> Iterator[Advance]:
    """Show `title` while frames are counted; `total` may be unknown."""
    if quiet or not sys.stderr.isatty():
        yield lambda: None
        return
    columns = (TextColumn("{task.description:<10}"), BarColumn(), MofNCompleteColumn(), _Fps(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(title, total=total)
        yield lambda: progress.advance(task)


def say(line: str) -> None:
    """One line for the person, on stderr; stdout is kept for the result's path."""
    console.print(line, markup=False, soft_wrap=True)
