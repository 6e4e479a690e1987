from __future__ import annotations

import hashlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.watch.gate import Gate, Seen
from runner.watch.inbox import Found, Inbox
from tests.runner.watch.service import clip


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    made = Gate(tmp_path, "none", 10)
    yield made
    made.close()


def look(root: Path) -> list[Found]:
    return list(Inbox(root, (), frozenset()).look().values())


def asked(gate: Gate, found: Found, age: float = 5) -> Seen:
    end = time.monotonic() + 60
    while (seen := gate.seen(found, age)) is None:
        assert time.monotonic() < end
        time.sleep(0.01)
    return seen


def test_a_clip_passes_with_its_hash_and_what_does_not_open_is_given_time(gate: Gate, tmp_path: Path) -> None:
    good = clip(tmp_path / "good.mkv")
    (tmp_path / "bad.mkv").write_bytes(b"garbage")
    found = {one.path.name: one for one in look(tmp_path)}
    assert asked(gate, found["good.mkv"]).sha256 == hashlib.sha256(good.read_bytes()).hexdigest()
    assert "not a readable video" in asked(gate, found["bad.mkv"], age=11).error
    assert gate.seen(found["bad.mkv"], 9) is None
    assert gate.patient(found["bad.mkv"], 9)
    assert not gate.patient(found["bad.mkv"], 11)


def test_what_crashes_the_process_is_to_blame_and_others_pass(gate: Gate, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "hangs.mkv")  # the process waits for a writer there
    clip(tmp_path / "good.mkv")
    good = next(one for one in look(tmp_path) if one.kind == "file")
    hangs = Found(Path("hangs.mkv"), "file", 5, 5)
    assert gate.seen(hangs, 20) is None
    assert gate.seen(good, 20) is None
    time.sleep(0.5)
    os.kill(gate._process.pid, signal.SIGSEGV)
    assert "crashes the decoder" in asked(gate, hangs, 20).error
    assert asked(gate, good, 20).error == ""


@pytest.mark.parametrize(
    ("text", "error"), [(None, "no .md5 file"), ("{sum}  a.mkv", ""), ("0" * 32, "says otherwise")]
)
def test_a_checksum_beside_it_must_agree(tmp_path: Path, text: str | None, error: str) -> None:
    data = clip(tmp_path / "a.mkv").read_bytes()
    if text is not None:
        (tmp_path / "a.mkv.md5").write_text(text.replace("{sum}", hashlib.md5(data).hexdigest()))
    gate = Gate(tmp_path, "md5", 0)
    try:
        seen = asked(gate, look(tmp_path)[0])
    finally:
        gate.close()
    assert error in seen.error
    assert bool(seen.sha256) == (not seen.error) == (not error)
