"""Commands and addresses that are called when a job is over: bounded, logged, and never in a job's way."""

from __future__ import annotations

import json
import os
import queue
import shlex
import signal
import subprocess
import threading
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import suppress
from http.client import HTTPException
from tempfile import TemporaryFile
from typing import Any, Final

from runner.progress import say
from runner.watch.options import Hooks

_SAID: Final = 1 << 16  # bytes of what a command says that are looked at


class Caller:
    """Calls hooks one after another in a thread of its own."""

    def __init__(self, hooks: Hooks) -> None:
        self._hooks = hooks
        self._waiting: queue.Queue[tuple[str, Mapping[str, Any]] | None] = queue.Queue()
        self._thread: threading.Thread | None = None
        self._stopped = threading.Event()

    def call(self, success: bool, about: Mapping[str, Any]) -> None:
        """Have the hook called; returns at once."""
        target = self._hooks.success if success else self._hooks.failure
        if not target:
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, name="hooks", daemon=True)
            self._thread.start()
        self._waiting.put((target, about))

    def close(self, seconds: float | None) -> None:
        """Wait for the hooks that were asked for, for so long at most; None: however long they take."""
        if self._thread is None:
            return
        self._waiting.put(None)
        self._thread.join(seconds)
        if self._thread.is_alive():
            say(f"hooks: {self._waiting.qsize()} were not called or not waited for")
            self._stopped.set()

    def _serve(self) -> None:
        while (asked := self._waiting.get()) is not None and not self._stopped.is_set():
            target, about = asked
            if error := called(target, about, self._hooks.timeout_s):
                say(f"hook {target}: {error}")


def called(target: str, about: Mapping[str, Any], timeout: float) -> str:
    """Call one hook; what went wrong, in a line, or nothing."""
    body = json.dumps(about).encode()
    try:
        if target.startswith(("http://", "https://")):
            request = urllib.request.Request(target, body, {"Content-Type": "application/json"})
            urllib.request.urlopen(request, timeout=timeout).close()
            return ""
        return _run(shlex.split(target), body, timeout)
    except (OSError, HTTPException, ValueError) as error:
        return str(error)


def _run(words: Sequence[str], body: bytes, timeout: float) -> str:
    with TemporaryFile() as said:
        process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=said, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            process.communicate(body, timeout)
        except subprocess.TimeoutExpired:
            return f"stopped after {timeout:g} s"
        finally:
            with suppress(ProcessLookupError):  # it, and whatever it has started
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        said.seek(0)
        lines = said.read(_SAID).decode("utf-8", "replace").strip().splitlines()
    return f"exit code {process.returncode}{': ' + lines[-1][:200] if lines else ''}" if process.returncode else ""
