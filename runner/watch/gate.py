"""Whether a clip that lies still is whole: it opens, and its companion agrees. Looked into by a process of its own, so
that a file that crashes a decoder takes no watcher along."""

from __future__ import annotations

import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

from runner.watch.inbox import Found, beside
from runner.watch.processes import context, end_with_watcher

_PROBE_S: Final = 120.0
_SUMS: Final = 1 << 16  # characters of a checksum's file that are looked at
_LARGE: Final = 1 << 30  # bytes that may take longer to read
_HASHES: Final = ("md5", "sha256")
_NEVER: Final = {"link": "a symbolic link; put the file itself here", "special": "neither a file nor a folder"}


@dataclass(frozen=True)
class Seen:
    """What was found out of a clip: its content's hash, or what is wrong with it."""

    sha256: str = ""
    error: str = ""


def examine(path: Path, companion: str) -> Seen:
    """Open a clip, hash it, and hold it against its companion. Runs in a process of its own."""
    from runner.analysis import content_hash
    from stages.media.decode import Decode

    try:
        Decode().probe(path)
        found = content_hash(path)
        wrong = _disagrees(path, companion) if companion in _HASHES else ""
    except Exception as error:  # whatever a decoder makes of garbage
        return Seen(error=str(error) or type(error).__name__)
    return Seen(found, wrong)


def _disagrees(path: Path, kind: str) -> str:
    from hashlib import file_digest

    beside_it = beside(path, (f".{kind}",))
    if beside_it is None:
        return f"no {path.name}.{kind} lies beside it"
    with path.open("rb") as clip:
        found = file_digest(clip, kind).hexdigest()
    with beside_it.open("r", encoding="utf-8", errors="replace") as file:
        words = file.read(_SUMS).lower().split()
    return "" if found in words else f"{beside_it.name} says otherwise: the file's {kind} is {found}"


def _serve(pipe: Connection) -> None:
    """What the process does: answer one question after another."""
    end_with_watcher()
    while True:
        pipe.send(examine(*pipe.recv()))


class Gate:
    """Lets clips pass one by one. root: the inbox. companion: as of `Options`."""

    def __init__(self, root: Path, companion: str, patience_s: float) -> None:
        self._root, self._companion, self._patience = root, companion, patience_s
        self._known: dict[Path, tuple[Found, Seen]] = {}
        self._wanted: dict[Path, Found] = {}
        self._asked: deque[Found] = deque()  # in the order of the answers
        self._since = 0.0  # when the first of them was begun
        self._process: Any = None
        self._pipe: Any = None

    def seen(self, found: Found, age: float) -> Seen | None:
        """What is known of a clip that has been still for `age` seconds; None: not yet. An error is final."""
        self._collect()
        if wrong := self._wrong(found):
            return None if self._given_time(found, age) else Seen(error=wrong)
        if found.path in self._known and self._known[found.path][0] == found:
            return self._known[found.path][1]
        if self._wanted.get(found.path) != found:
            self._ask(found)
        return None

    def patient(self, found: Found, age: float) -> bool:
        """Whether nothing can be done with a clip but to give it time."""
        return self._given_time(found, age) and bool(self._wrong(found))

    def _given_time(self, found: Found, age: float) -> bool:
        return age < self._patience and found.kind not in _NEVER

    def _wrong(self, found: Found) -> str:
        """What is wrong with a clip, as far as it is known."""
        if found.kind in _NEVER:
            return _NEVER[found.kind]
        if found.kind == "file" and not found.size:
            return "the file is empty; copy it again"
        if self._companion != "none" and not found.has((f".{self._companion}",)):
            return f"no .{self._companion} file lies beside it"
        known = self._known.get(found.path)
        return known[1].error if known and known[0] == found else ""

    def _ask(self, found: Found) -> None:
        if self._process is None:
            self._start()
        if not self._asked:
            self._since = time.monotonic()
        self._wanted[found.path] = found
        self._asked.append(found)
        self._send(found)

    def _start(self) -> None:
        self._pipe, theirs = context().Pipe()
        self._process = context().Process(target=_serve, args=(theirs,), name="probe", daemon=True)
        self._process.start()
        theirs.close()

    def _send(self, found: Found) -> None:
        with suppress(OSError):  # it has just crashed: the answer will say so
            self._pipe.send((self._root / found.path, self._companion))

    def _collect(self) -> None:
        """Take the answers that are there. Whoever was to be answered when the process was lost is to blame."""
        while self._asked and (seen := self._answer(self._asked[0])) is not None:
            found, self._since = self._asked.popleft(), time.monotonic()
            if self._wanted.get(found.path) == found:
                del self._wanted[found.path]
                self._known[found.path] = found, seen
            if self._process is None:
                self._start()
                for other in self._asked:
                    self._send(other)

    def _answer(self, found: Found) -> Seen | None:
        if not self._pipe.poll():
            if found.size > _LARGE or time.monotonic() - self._since < _PROBE_S:
                return None
            self.close()
            return Seen(error=f"could not be opened within {_PROBE_S:.0f} s")
        try:
            answer: Seen = self._pipe.recv()
        except (EOFError, OSError):
            self.close()
            return Seen(error="crashes the decoder; re-export it")
        return answer

    def forget(self, path: Path) -> None:
        """It is not in the inbox any more."""
        self._known.pop(path, None)
        self._wanted.pop(path, None)

    @property
    def busy(self) -> bool:
        """Whether something is being looked into."""
        return bool(self._asked)

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process.close()
            self._pipe.close()
            self._process = None
