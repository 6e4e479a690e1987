"""Drops clips of every kind into an inbox while its watcher is killed again and again, and tells what is wrong then.

    python -m tests.runner.watch.killed FOLDER CLIPS KILLS [SEED]

Whole clips, clips cut off, garbage, empty files, writers that pause, writers that rename, the same content again, names
that break scripts, links and unknown folders come in random order from threads of their own. The watcher is killed
(SIGKILL) so many times at random moments; the last one goes on until nothing is left. The last line is JSON.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.analysis import content_hash
from runner.watch.ledger import Row, printable
from tests.runner.watch.service import Service, clip

WORDS = ("watch.quiet_s=0.5", "watch.patience_s=4", "watch.jobs=2", "watch.backoff_s=0.2", "watch.rescan_s=5")
HOSTILE = ("a b", "quo'te\"s", "x=1", "p(1)", "new\nline", "\U0001f3ac", "${x}", "-rf", "%s", os.fsdecode(b"bad\xff"))
KINDS = {
    "whole": 50, "hostile": 10, "slow": 10, "renamed": 6, "again": 6, "cut": 5, "garbage": 5, "empty": 3, "link": 3,
    "unknown": 2,
}  # fmt: skip
BAD = ("cut", "garbage", "empty", "link", "unknown")


@dataclass(frozen=True)
class Drop:
    """One thing that comes in. content: number of the clip that it is made of."""

    kind: str
    place: Path
    content: int


def drops(count: int, rng: random.Random) -> list[Drop]:
    """What comes in, in the order in which it does."""
    kinds = rng.choices(list(KINDS), list(KINDS.values()), k=count)
    return [Drop(kind, _place(kind, number, rng), _content(kind, number, rng)) for number, kind in enumerate(kinds)]


def _place(kind: str, number: int, rng: random.Random) -> Path:
    name = f"{rng.choice(HOSTILE)} {number}.mkv" if kind == "hostile" else f"{number}.mkv"
    folder = "nobody" if kind == "unknown" else rng.choice(("", "", "subtle"))
    return Path(folder) / name


def _content(kind: str, number: int, rng: random.Random) -> int:
    return rng.randrange(number) if kind == "again" and number else number


def drop(one: Drop, inbox: Path, stock: Path, rng: random.Random) -> None:
    """Have it come in, as its kind does."""
    path, whole = inbox / one.place, stock / f"{one.content}.mkv"
    path.parent.mkdir(exist_ok=True)
    data = whole.read_bytes()
    if one.kind == "link":
        path.symlink_to(rng.choice((whole, Path("../../../etc/hostname"), stock)))
    elif one.kind == "renamed":
        part = path.with_name(f"{path.name}.part")
        shutil.copyfile(whole, part)
        part.rename(path)
    elif one.kind == "slow":
        _write_slowly(path, data, rng)
    else:
        cut = {"cut": data[: rng.randrange(20, 200)], "garbage": rng.randbytes(5000), "empty": b""}
        path.write_bytes(cut.get(one.kind, data))


def _write_slowly(path: Path, data: bytes, rng: random.Random) -> None:
    """A pause is longer than the quiet time where what is there does not open yet, else shorter."""
    head = rng.randrange(20, 200)
    cuts = (head, *sorted(rng.sample(range(head, len(data)), 3)))
    with path.open("wb", buffering=0) as file:
        for start, end in zip((0, *cuts), (*cuts, len(data)), strict=True):
            file.write(data[start:end])
            time.sleep(rng.uniform(0.05, 0.4) if start else rng.uniform(0.6, 2.5))


def attack(folder: Path, clips: int, kills: int, seed: int) -> dict[str, Any]:
    """Drop, kill, wait for the end, and look."""
    folder.mkdir(parents=True)
    service, rng, stock = Service(folder), random.Random(seed), folder / "stock"
    coming = drops(clips, rng)
    for number in range(clips):
        clip(stock / f"{number}.mkv", seed + number, frames=rng.choice((3, 6, 30)))
    began = time.monotonic()
    threads = [threading.Thread(target=_come, args=(coming[n::3], service.inbox, stock, seed + n)) for n in range(3)]
    for number in range(kills):
        service.start(*WORDS)
        if number == 0:
            for thread in threads:
                thread.start()
        _wait(service, rng)
        service.end(signal.SIGKILL)
    for thread in threads:
        thread.join()
    service.start(*WORDS, watch="once").wait()
    service.process = None
    rows = service.rows()
    states = Counter(row.state for row in rows)
    seconds = round(time.monotonic() - began)
    again = service.said.count("taken up again")
    about = {"clips": clips, "kills": kills, "seed": seed, "seconds": seconds, "taken_up_again": again}
    return {**about, "states": dict(states), "wrong": wrong(service, coming, stock, rows)}


def _wait(service: Service, rng: random.Random) -> None:
    """For the moment to kill the watcher: while it starts, or soon after it has begun to watch or to work."""
    sign = rng.choices(("", "watching", ": started"), (1, 2, 5))[0]
    before, until = service.said.count(sign), time.monotonic() + 15
    while sign and service.said.count(sign) == before and time.monotonic() < until:
        time.sleep(0.01)
    time.sleep(rng.uniform(0, 1.5))


def _come(coming: list[Drop], inbox: Path, stock: Path, seed: int) -> None:
    rng = random.Random(seed)
    for one in coming:
        drop(one, inbox, stock, rng)
        time.sleep(rng.uniform(0, 0.3))


def wrong(service: Service, coming: list[Drop], stock: Path, rows: list[Row]) -> list[str]:
    """Everything that is not as it should be."""
    told = {row.name: row for row in rows if row.state != "gone"}
    found = [f"{row.name}: {row.state}" for row in rows if row.state in ("queued", "working")]
    found += [f"{one}: is left" for one in [*service.left(), *_files(service.inbox)]]
    for one in coming:
        row = told.get(printable(one.place))
        wanted = ("failed",) if one.kind in BAD else ("done", "duplicate")
        if row is None or row.state not in wanted:
            found.append(f"{one}: {row.state if row else 'lost'}{row.error if row else ''}, not {' or '.join(wanted)}")
        elif row.state == "failed" and not _has_reason(service.outbox / row.output):
            found.append(f"{one}: no reason or no source in {row.output}")
    done = [row for row in rows if row.state == "done"]
    good = {(one.place.parent, content_hash(stock / f"{one.content}.mkv")) for one in coming if one.kind not in BAD}
    _expect(
        found,
        "clips of a content and a profile",
        Counter(good),
        Counter((r.path.parent, r.source_sha256) for r in done),
    )
    _expect(
        found, "deliveries", Counter(r.output_sha256 for r in done), Counter(map(content_hash, service.deliveries()))
    )
    sources = len(_files(service.outbox / "done" / "sources"))
    _expect(found, "sources", sum(row.state in ("done", "duplicate") for row in rows), sources)
    failed = Counter(str(path.relative_to(service.outbox)) for path in (service.outbox / "failed").iterdir())
    _expect(found, "failed", Counter(row.output for row in rows if row.state == "failed"), failed)
    return found


def _expect(found: list[str], what: str, expected: object, there: object) -> None:
    if expected != there:
        found.append(f"{what}: {there}, not {expected}")


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir()]


def _has_reason(folder: Path) -> bool:
    names = {path.name for path in folder.iterdir()}
    return len(names - {"error.txt", "log.txt"}) == 1 and len((folder / "error.txt").read_text("utf-8")) > 40


if __name__ == "__main__":
    folder, clips, kills, *seed = sys.argv[1:]
    print(json.dumps(attack(Path(folder), int(clips), int(kills), int(seed[0]) if seed else random.randrange(1 << 30))))
