"""Whether a clip that lies still is whole: it opens, and its companion agrees. Looked into by processes of their own,
so that a file that crashes a decoder takes no watcher along."""

from __future__ import annotations

import time
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from runner.watch.inbox import Found, beside
from runner.watch.processes import context, end_with_watcher

_PROBE_S: Final = 120.0
_HASHES: Final = ("md5", "sha256")


@dataclass(frozen=True)
class Seen:
    """What was found out of a clip: its content's hash, or what is wrong with it."""

    sha256: str = ""
    error: str = ""


def examine(path: Path, companion: str) -> Seen:
    """Open a clip, hash it, and hold it against its companion. Runs in a process of its own."""
    from runner.analysis import content_hash
    from stages.errors import ClipError
    from stages.media.decode import Decode

    try:
        Decode().probe(path)
        found = content_hash(path)
        wrong = _disagrees(path, companion) if companion in _HASHES else ""
    except (ClipError, OSError) as error:
        return Seen(error=str(error))
    return Seen(found, wrong)


def _disagrees(path: Path, kind: str) -> str:
    from hashlib import file_digest

    beside_it = beside(path, (f".{kind}",))
    if beside_it is None:
        return f"no {path.name}.{kind} lies beside it"
    with path.open("rb") as file:
        found = file_digest(file, kind).hexdigest()
    words = beside_it.read_text("utf-8", "replace").lower().split()
    return "" if found in words else f"{beside_it.name} says otherwise: the file's {kind} is {found}"


class Gate:
    """Lets clips pass one by one. root: the inbox. companion: as of `Options`."""

    def __init__(self, root: Path, companion: str, patience_s: float) -> None:
        self._root, self._companion, self._patience = root, companion, patience_s
        self._known: dict[Path, tuple[Found, Seen]] = {}
        self._asked: dict[Path, tuple[Found, Future[Seen], float]] = {}
        self._pool: ProcessPoolExecutor | None = None

    def seen(self, found: Found, age: float) -> Seen | None:
        """What is known of a clip that has been still for `age` seconds; None: not yet. An error is final."""
        if found.kind == "link":
            return Seen(error="a symbolic link; put the file itself here")
        if found.kind == "special":
            return Seen(error="neither a file nor a folder")
        late = age >= self._patience
        if found.kind == "file" and not found.size:
            return Seen(error="the file is empty; copy it again") if late else None
        if self._companion != "none" and beside(self._root / found.path, (f".{self._companion}",)) is None:
            return Seen(error=f"no .{self._companion} file lies beside it") if late else None
        seen = self._examined(found)
        return seen if seen is None or not seen.error or late else None

    def _examined(self, found: Found) -> Seen | None:
        known = self._known.get(found.path)
        if known and known[0] == found:
            return known[1]
        asked = self._asked.get(found.path)
        if asked is None or asked[0] != found:
            self._ask(found)
            return None
        return self._answer(*asked)

    def _ask(self, found: Found) -> None:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(1, context(), end_with_watcher)
        try:
            future = self._pool.submit(examine, self._root / found.path, self._companion)
        except BrokenProcessPool:
            self._restart()
            return
        self._asked[found.path] = found, future, time.monotonic()

    def _answer(self, found: Found, future: Future[Seen], since: float) -> Seen | None:
        seen = Seen()
        if not future.done():
            if found.size > 1 << 30 or time.monotonic() - since < _PROBE_S:
                return None
            seen = Seen(error=f"could not be opened within {_PROBE_S:.0f} s")
            self._restart()
        elif isinstance(error := future.exception(), BrokenProcessPool):
            seen = Seen(error="crashes the decoder; re-export it")
            self._restart()
        else:
            seen = Seen(error=str(error)) if error else future.result()
        self._asked.pop(found.path, None)
        self._known[found.path] = found, seen
        return seen

    def _restart(self) -> None:
        """With fresh processes; what else was asked is asked again."""
        self.close()
        self._asked.clear()

    def forget(self, path: Path) -> None:
        """It is not in the inbox any more."""
        self._known.pop(path, None)
        self._asked.pop(path, None)

    @property
    def busy(self) -> bool:
        """Whether something is being looked into."""
        return bool(self._asked)

    def close(self) -> None:
        """End the processes."""
        if self._pool is not None:
            for process in list((self._pool._processes or {}).values()):
                with suppress(OSError):
                    process.kill()
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None
