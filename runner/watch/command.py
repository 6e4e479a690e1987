"""`glabella watch`: the service, and what is asked of its ledger."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from rich.console import Console
from rich.table import Column, Table

from runner.compose import loader
from runner.settings import Settings
from runner.watch.composer import OURS, Composer
from runner.watch.foreman import Foreman
from runner.watch.inbox import Inbox
from runner.watch.ledger import Ledger, Row
from runner.watch.monitor import STATES, Monitor
from runner.watch.moving import discard, free_name, move, plain
from runner.watch.options import Options
from runner.watch.orders import Names
from runner.watch.outbox import Outbox
from runner.watch.post import Post
from runner.watch.watcher import Watcher, usable
from stages.errors import ConfigError

_REASONS: Final = ("error.txt", "log.txt")
ACTIONS: Final = ("status", "retry", "forget")


def watch(settings: Settings, words: Sequence[str]) -> int:
    """Watch until told to stop by SIGTERM or Ctrl-C. words: overrides as typed. Works inside a Hydra application.

    Raises:
        GlabellaError: settings that no job could run with, folders that cannot be read or written.
    """

    def heed_signals(watcher: Watcher) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: watcher.stop())

    return serve(settings, words, heed_signals)


def serve(settings: Settings, words: Sequence[str], ready: Callable[[Watcher], None]) -> int:
    """As `watch`; whoever is handed the watcher when it is `ready` may stop it."""
    options: Options = settings.stage("watch")
    inbox, outbox = _folder(settings, "inbox"), Outbox(_folder(settings, "outbox"))
    _check(inbox, outbox)
    outbox.make()
    kept = [word for word in words if word.partition("=")[0].lstrip("+").partition(".")[0] not in OURS]
    names = Names(_options("production"), _options("gain"))
    with usable(outbox):
        ledger = Ledger(outbox.ledger)
        ledger.fact("inbox", str(inbox))
    with Monitor(outbox, table=sys.stderr.isatty() and not settings["quiet"]) as monitor:
        foreman = Foreman(inbox, outbox, options, names, Composer(kept), ledger, monitor)
        post = Post(outbox.root, _tracking(settings, outbox), ledger)
        watcher = Watcher(Inbox(inbox, tuple(options.ignore), names.named), foreman, post)
        ready(watcher)
        monitor.event(f"watching {inbox}")
        watcher.run()
        counts = ledger.counts()
        monitor.event("stopped; " + ", ".join(f"{counts.get(name, 0)} {name}" for name in STATES))
    failed = options.once and bool(counts.get("failed"))
    ledger.close()
    print(outbox.done, flush=True)
    return 1 if failed else 0


def _options(group: str) -> list[str]:
    return sorted(loader().get_group_options(group))


def _folder(settings: Settings, key: str) -> Path:
    given = settings.values.get(key)
    if not given:
        raise ConfigError(f"{key}: say which folder, such as inbox=/show/in outbox=/show/out")
    return Path(str(given)).expanduser().absolute()


def _check(inbox: Path, outbox: Outbox) -> None:
    if not inbox.is_dir():
        raise ConfigError(f"inbox: there is no folder {inbox} - make it first")
    inner, outer = inbox.resolve(), outbox.root.resolve()
    if outer == inner or inner in outer.parents or outer in inner.parents:
        raise ConfigError(f"outbox: {outbox.root} and the inbox {inbox} must not lie in each other")


def _tracking(settings: Settings, outbox: Outbox) -> dict[str, Any]:
    """How jobs are tracked; a database of its own lies in the outbox."""
    tracking = {key: value for key, value in settings["tracking"].items() if key != "_target_"}
    own = f"sqlite:///{settings['outputs']}/mlflow.db"
    if tracking.get("uri") == own:
        tracking |= {"uri": f"sqlite:///{outbox.root}/mlflow.db", "artifacts": str(outbox.root / "mlartifacts")}
    return tracking


def ask(words: Sequence[str]) -> int:
    """`glabella watch status|retry|forget`.

    Raises:
        ConfigError: there is no ledger, or no such job in it.
        DeliveryError: the outbox cannot be written.
    """
    asked = _parser().parse_args(list(words))
    outbox = Outbox(Path(asked.outbox).expanduser().absolute())
    if not outbox.ledger.is_file():
        raise ConfigError(f"{outbox.root}: no watcher has worked here, there is no {outbox.ledger.name}")
    with usable(outbox), _ledger(outbox, copied=asked.action == "status") as ledger:
        return _ANSWERS[asked.action](asked, outbox, ledger)


@contextmanager
def _ledger(outbox: Outbox, *, copied: bool) -> Iterator[Ledger]:
    """The ledger; copied: a copy, where the outbox can only be read, as SQLite reads none that it cannot write."""
    with TemporaryDirectory(prefix="glabella-watch-") as folder:
        path = outbox.ledger
        if copied and not os.access(outbox.root, os.W_OK):
            for part in path.parent.glob(f"{path.name}*"):
                shutil.copy2(part, folder)
            path = Path(folder) / path.name
        with closing(Ledger(path)) as ledger:
            yield ledger


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("glabella watch", description="What became of the clips of a watched folder.")
    actions = parser.add_subparsers(dest="action", required=True)
    for name, about in (
        ("status", "every clip with its state"),
        ("retry", "give failed clips back to the inbox"),
        ("forget", "forget finished clips, so that the same content would be rendered again"),
    ):
        action = actions.add_parser(name, help=about)
        action.add_argument("outbox", help="the outbox of the watcher")
        action.add_argument("jobs", nargs="*", help="numbers or names of clips; none means all")
        if name == "status":
            action.add_argument("--json", action="store_true", help="for programs")
    return parser


def _chosen(asked: argparse.Namespace, ledger: Ledger, *states: Any) -> list[Row]:
    rows = ledger.rows(*states)
    for word in asked.jobs:
        if not any(_is(row, word) for row in rows):
            raise ConfigError(
                f"{word}: no such clip in the ledger{' that is ' + ' or '.join(states) if states else ''}"
            )
    return [row for row in rows if not asked.jobs or any(_is(row, word) for word in asked.jobs)]


def _is(row: Row, word: str) -> bool:
    return word in (str(row.id), row.name, Path(row.name).name)


def _status(asked: argparse.Namespace, outbox: Outbox, ledger: Ledger) -> int:
    rows = _chosen(asked, ledger)
    if asked.json:
        print(json.dumps([{**asdict(row), "path": os.fsencode(row.path).hex()} for row in rows], indent=1))
        return 0
    moment = Column("when", no_wrap=True)
    table = Table("job", "clip", "state", moment, "attempts", "where or why", box=None, header_style="bold")
    for row in rows:
        when = datetime.fromtimestamp(row.finished or row.started or row.queued).isoformat(" ", "seconds")
        table.add_row(str(row.id), row.name, row.state, when, str(row.attempts), row.error or row.output)
    Console(highlight=False, soft_wrap=not sys.stdout.isatty()).print(table)
    return 0


def _retry(asked: argparse.Namespace, outbox: Outbox, ledger: Ledger) -> int:
    inbox = Path(ledger.fact("inbox") or "")
    if not inbox.is_dir():
        raise ConfigError(f"inbox: {inbox} is not there; mount it first")
    for row in _chosen(asked, ledger, "failed"):
        folder, target = outbox.root / row.output, inbox / row.path.parent
        back = [path for path in _there(folder) if path.name not in _REASONS]
        target.mkdir(parents=True, exist_ok=True)
        for path in sorted(back, key=lambda path: path.name == plain(row.path.name)):  # what goes with it comes first
            move(path, free_name(target, path.name))
        discard(folder)
        ledger.forget([row.id])
        print(f"{row.name}: {'back in the inbox' if back else 'not in failed any more; forgotten'}")
    return 0


def _there(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []


def _forget(asked: argparse.Namespace, outbox: Outbox, ledger: Ledger) -> int:
    for row in _chosen(asked, ledger, "done", "duplicate", "failed", "gone"):
        ledger.forget([row.id])
        print(f"{row.name}: forgotten")
    return 0


_ANSWERS: Final = {"status": _status, "retry": _retry, "forget": _forget}
