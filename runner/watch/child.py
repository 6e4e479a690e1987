"""A job's process: an ordinary `glabella run`, watched for memory, time and standstill."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from runner.settings import Settings
from runner.watch.folders import JobFolder
from runner.watch.options import Limits
from runner.watch.processes import Handed, context
from runner.watch.worker import Task, work

_LOST: Final = 255  # what multiprocessing tells of a process whose server is gone
_TRANSIENT: Final = frozenset({1, 4, 5, 6, _LOST})
"""Exit codes that may not come again: a fault of ours, a model that could not be fetched, a busy GPU, a full disk."""
_LONGEST: Final = 2000  # characters of an error


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a run came out. output: what it printed last; error: its one line; transient: it may go well next time;
    stopped: we told it to."""

    code: int
    output: str = ""
    error: str = ""
    transient: bool = False
    stopped: bool = False


class Child:
    """A run under way."""

    def __init__(self, folder: JobFolder, name: str, settings: Settings, limits: Limits) -> None:
        self.folder, self.name, self._limits = folder, name, limits
        self._killed, self._stopping = "", 0.0
        folder.beat.touch()
        os.utime(folder.beat)
        self._said = folder.folder / "stdout.txt"
        hold = Handed(folder.descriptor)
        task = Task(settings=settings, hold=hold, output=self._said, log=folder.log, beat=folder.beat)
        self._process = context().Process(target=work, args=(task,), name=name)
        self._process.start()
        self._number = int(self._process.pid or 0)
        self.started = self._beaten = time.monotonic()
        self._beat = 0

    @property
    def process(self) -> int:
        """Its number."""
        return self._number

    @property
    def seconds(self) -> float:
        """How long it has run."""
        return time.monotonic() - self.started

    def ended(self) -> bool:
        """Whether it is over; ends it if it is over a limit."""
        if self._process.exitcode is not None:
            return True
        if self._stopping and time.monotonic() > self._stopping:
            self._kill("")
        elif not self._killed and (reason := self._over()):
            self._kill(reason)
        return False

    def stop(self, seconds: float) -> None:
        """Tell it to come to an end, within so many seconds."""
        if not self._stopping:
            self._stopping = time.monotonic() + seconds
            with suppress(ProcessLookupError):
                os.kill(self._number, signal.SIGTERM)

    def ending(self) -> Ending:
        """How it came out, once it has ended."""
        self._process.join()
        code = self._process.exitcode or 0
        self._end_group()  # whatever it may have started
        self._process.close()
        if self._stopping:
            return Ending(code=code, stopped=code != 0, output=self._last(self._said))
        if self._killed:
            return Ending(code=code, error=self._killed, transient=True)
        if code < 0:
            name = signal.Signals(-code).name
            meaning = _MEANING.get(name, "from outside")
            return Ending(code=code, error=f"its process was ended by {name} ({meaning})", transient=True)
        if code:
            error = self._last(self.folder.log).removeprefix("error: ") or f"ended with exit code {code} and no word"
            return Ending(code=code, error=error[:_LONGEST], transient=code in _TRANSIENT)
        return Ending(code=0, output=self._last(self._said))

    def _over(self) -> str:
        """Which limit it is over, in words."""
        limits = self._limits
        if limits.seconds and self.seconds > limits.seconds:
            return f"took longer than watch.limits.seconds, {limits.seconds:g} s"
        if limits.stall_s and self._still() > limits.stall_s:
            return f"hung: no frame or step in watch.limits.stall_s, {limits.stall_s:g} s"
        if limits.memory_gb and (used := resident(self._number)) > limits.memory_gb * 1e9:
            return f"used {used / 1e9:.1f} GB of memory, over watch.limits.memory_gb, {limits.memory_gb:g} GB"
        return ""

    def _still(self) -> float:
        """Seconds since it last got on, by a clock that nobody sets."""
        with suppress(OSError):
            if (beat := self.folder.beat.stat().st_mtime_ns) != self._beat:
                self._beat, self._beaten = beat, time.monotonic()
        return time.monotonic() - self._beaten

    def _kill(self, reason: str) -> None:
        self._killed = reason
        self._end()

    def _end(self) -> None:
        """At once, with whatever it has started."""
        with suppress(ProcessLookupError):
            os.kill(self._number, signal.SIGKILL)  # it has a group of its own only when it has begun
        self._end_group()

    def _end_group(self) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._number, signal.SIGKILL)

    def _last(self, path: Path) -> str:
        lines = [line for line in path.read_text("utf-8", "replace").splitlines() if line.strip()]
        return lines[-1].strip() if lines else ""


_MEANING: Final = {
    "SIGSEGV": "a crash in a library",
    "SIGBUS": "a crash in a library",
    "SIGILL": "a crash in a library",
    "SIGABRT": "a crash in a library",
    "SIGFPE": "a crash in a library",
    "SIGKILL": "out of memory, or by somebody's hand",
}


def resident(process: int) -> int:
    """Bytes of memory that a process holds; 0 where that is not to be known."""
    try:
        pages = Path(f"/proc/{process}/statm").read_text().split()[1]
    except (OSError, IndexError):
        return 0
    return int(pages) * os.sysconf("SC_PAGE_SIZE")
