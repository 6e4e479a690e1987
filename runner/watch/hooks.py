"""Commands and addresses that are called when a job is over: bounded, logged, and never in a job's way."""

from __future__ import annotations

import json
import queue
import shlex
import subprocess
import threading
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.error import URLError

from runner.progress import say
from runner.watch.options import Hooks


class Caller:
    """Calls hooks one after another in a thread of its own."""

    def __init__(self, hooks: Hooks) -> None:
        self._hooks = hooks
        self._waiting: queue.Queue[tuple[str, Mapping[str, Any]] | None] = queue.Queue()
        self._thread: threading.Thread | None = None

    def call(self, success: bool, about: Mapping[str, Any]) -> None:
        """Have the hook called; returns at once."""
        target = self._hooks.success if success else self._hooks.failure
        if not target:
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, name="hooks", daemon=True)
            self._thread.start()
        self._waiting.put((target, about))

    def close(self) -> None:
        """Wait for the hooks that were asked for, as long as one of them may take."""
        if self._thread is not None:
            self._waiting.put(None)
            self._thread.join(self._hooks.timeout_s + 1)

    def _serve(self) -> None:
        while (asked := self._waiting.get()) is not None:
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
        done = subprocess.run(shlex.split(target), input=body, capture_output=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired:
        return f"stopped after {timeout:g} s"
    except (OSError, URLError, ValueError) as error:
        return str(error)
    if done.returncode:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        return f"exit code {done.returncode}{': ' + lines[-1][:200] if lines else ''}"
    return ""
