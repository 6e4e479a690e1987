from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stages.models import cache

HOLD = """
import sys, time
from stages.models import cache
with cache.lock("one"):
    open(sys.argv[1], "w").close()
    time.sleep(0.5)
"""


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GLABELLA_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_root_prefers_the_named_folder_then_the_platforms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cache.root() == tmp_path / "cache"
    monkeypatch.delenv("GLABELLA_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    if sys.platform != "win32":
        assert cache.root() == tmp_path / "xdg" / "glabella"


@pytest.mark.parametrize(("value", "offline"), [("1", True), ("0", False), ("", False)])
def test_offline_follows_the_environment_unless_told(
    value: str, offline: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GLABELLA_OFFLINE", value)
    assert cache.is_offline() is offline
    assert cache.is_offline(not offline) is not offline


def test_digest_sees_a_change_of_one_byte(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"0" * 100)
    before = cache.digest(file)
    file.write_bytes(b"0" * 99 + b"1")
    assert cache.digest(file) != before


def test_digest_of_a_folder_depends_on_names_and_contents(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a").write_text("x")
    before = cache.digest(folder)
    (folder / "a").rename(folder / "b")
    assert cache.digest(folder) != before


def test_publish_replaces_a_full_folder(tmp_path: Path, own_cache: Path) -> None:
    target = own_cache / "target"
    for text in ("old", "new"):
        with cache.workspace() as work:
            made = work / "made"
            made.mkdir()
            (made / "file").write_text(text)
            cache.publish(made, target)
    assert (target / "file").read_text() == "new"
    assert not list((own_cache / "tmp").iterdir())


def test_lock_keeps_another_process_out(tmp_path: Path) -> None:
    held = tmp_path / "held"
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(held)], env=os.environ)
    while not held.exists():
        time.sleep(0.01)
    start = time.monotonic()
    with cache.lock("other"):
        assert time.monotonic() - start < 0.3
    with cache.lock("one"):
        waited = time.monotonic() - start
    assert process.wait() == 0
    assert waited > 0.3
