from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from runner.analysis import AnalysisCache, content_hash, wire_keys
from runner.graph import Graph, Node, build
from runner.spool import SpoolWriter
from tests.runner import steps


@pytest.fixture(autouse=True)
def _allow_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runner.instantiate.ALLOWED", ("tests.",))


@dataclass(frozen=True)
class Named:
    """A setting that stands for something on disk."""

    fingerprint: str


@dataclass(frozen=True)
class Wear:
    """A stage that holds one."""

    identity: Named


def graph(factor: float = 2.0, skip: tuple[int, ...] = ()) -> Graph:
    target = "tests.runner.steps."
    return build(
        {
            "number": {"stage": {"_target_": f"{target}Number", "skip": list(skip)}},
            "centred": {"stage": {"_target_": f"{target}Centre"}},
            "double": {"stage": {"_target_": f"{target}Double", "factor": factor}, "in": {"number": "centred"}},
        }
    )


def spool(cache: AnalysisCache, key: str, size: int = 1) -> Path:
    writer = SpoolWriter(cache.path(key))
    for frame in steps.frames(size):
        writer.append(steps.units(frame.at, 1.0))
    return writer.commit().path


def test_only_what_depends_on_a_setting_gets_a_new_key() -> None:
    first, second = wire_keys(graph(2.0), "clip", {}), wire_keys(graph(3.0), "clip", {})
    assert first["number"] == second["number"]
    assert first["centred"] == second["centred"]
    assert first["double"] != second["double"]


def test_a_setting_reaches_everything_downstream() -> None:
    first, second = wire_keys(graph(), "clip", {}), wire_keys(graph(skip=(3,)), "clip", {})
    assert all(first[name] != second[name] for name in ("number", "centred", "double"))


def test_what_a_setting_stands_for_is_part_of_the_key() -> None:
    """An identity is named in a stage's settings; it may be made anew under the same name."""

    def worn(content: str) -> dict[str, str]:
        stage = Wear(Named(content))
        node = Node("worn", stage, {"frame": "frame"}, {"identity": "ada"})  # type: ignore[arg-type]
        return wire_keys(Graph((node,)), "clip", {})

    assert worn("one") == worn("one")
    assert worn("one")["worn"] != worn("another")["worn"]


def test_another_clip_shares_nothing() -> None:
    first, second = wire_keys(graph(), "one", {}), wire_keys(graph(), "two", {})
    assert all(first[name] != second[name] for name in ("number", "centred", "double"))


def test_a_damaged_spool_counts_as_not_measured(tmp_path: Path) -> None:
    cache = AnalysisCache(tmp_path, "clip")
    path = spool(cache, "a" * 64)
    assert cache.load("a" * 64) is not None
    path.write_bytes(path.read_bytes()[:-4])
    assert cache.load("a" * 64) is None
    assert cache.load("b" * 64) is None


def test_the_longest_unused_analyses_go_first(tmp_path: Path) -> None:
    cache = AnalysisCache(tmp_path, "clip", limit_gb=0)
    size = spool(cache, "0" * 64, 50).stat().st_size
    cache = AnalysisCache(tmp_path, "clip", limit_gb=2.5 * size / 1e9)
    paths = [spool(cache, str(i) * 64, 50) for i in range(4)]
    for age, path in enumerate(paths):
        os.utime(path, (1000 + age, 1000 + age))
    cache.trim()
    assert [path.exists() for path in paths] == [False, False, True, True]


def test_what_a_killed_run_left_half_written_goes_after_a_day(tmp_path: Path) -> None:
    cache = AnalysisCache(tmp_path, "clip")
    fresh, old = SpoolWriter(cache.path("a" * 64)), SpoolWriter(cache.path("b" * 64))
    halves = sorted(cache.path("a" * 64).parent.iterdir())
    os.utime(halves[1], (1000, 1000))
    cache.trim()
    assert sorted(cache.path("a" * 64).parent.iterdir()) == halves[:1]
    fresh.discard()
    old.discard()


def test_content_is_told_by_content(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")
    (tmp_path / "b").write_bytes(b"x")
    (tmp_path / "c").write_bytes(b"y")
    assert content_hash(tmp_path / "a") == content_hash(tmp_path / "b") != content_hash(tmp_path / "c")
