from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from runner.workspace import Target, workspace
from stages.errors import ConfigError, DeliveryError


def deliver(target: Target, text: str = "master") -> Path:
    with workspace(target) as place:
        made = place.folder / "delivery.mp4"
        made.write_text(text)
        (place.folder / "report.json").write_text("{}")
        place.publish(made)
    return place.delivery


def test_job_folders_never_collide(tmp_path: Path) -> None:
    target = Target(None, tmp_path / "outputs", "take-subtle-live", "take.mp4")
    first, second = deliver(target, "1"), deliver(target, "2")
    assert (first.read_text(), second.read_text()) == ("1", "2")
    assert first.name == second.name == "take.mp4"
    assert {p.name for p in (tmp_path / "outputs").iterdir()} == {"take-subtle-live-001", "take-subtle-live-002"}
    assert (first.parent / "report.json").exists()


def test_named_delivery_has_its_reports_beside_it(tmp_path: Path) -> None:
    delivery = deliver(Target(tmp_path / "deliver" / "take3.mov", tmp_path, "x", "x"))
    assert delivery == tmp_path / "deliver" / "take3.mov"
    assert {p.name for p in delivery.parent.iterdir()} == {"take3.mov", "take3.report"}


def told(target: Target, name: str = "delivery") -> Path:
    """A delivery whose report says what it is of."""
    with workspace(target) as place:
        made = place.folder / "made"
        made.write_text(name)
        (place.folder / "report.json").write_text(json.dumps({"delivery": {"path": str(place.delivery)}}))
        place.publish(made)
        return place.report


def test_deliveries_that_differ_by_their_suffix_alone_keep_their_reports(tmp_path: Path) -> None:
    def made(name: str) -> str:
        return told(Target(tmp_path / name, tmp_path, "x", "x", overwrite=True)).name

    assert [made("take.mov"), made("take.mp4")] == ["take.report", "take.mp4.report"]
    assert [made("take.mp4"), made("take.mov")] == ["take.mp4.report", "take.report"]  # made again
    (tmp_path / "take.mov").unlink()
    assert made("take.webm") == "take.report"  # of what is gone
    assert made("other.mov") == "other.report"


def test_two_that_are_made_at_once_keep_their_reports(tmp_path: Path) -> None:
    targets = [Target(tmp_path / name, tmp_path, "x", "x") for name in ("take.mov", "take.mp4")]
    with workspace(targets[0]) as first, workspace(targets[1]) as second:
        assert first.report != second.report


@pytest.mark.parametrize("file", [None, "deep/er/take3.mov"])
def test_a_failed_run_leaves_nothing(tmp_path: Path, file: str | None) -> None:
    root = tmp_path / "outputs"
    target = Target(root / file if file else None, root, "take", "take.mp4")
    with pytest.raises(FileNotFoundError), workspace(target) as place:
        (place.folder / "missing" / "half").write_text("half")
    assert not root.exists()


def test_a_failed_run_keeps_what_was_there(tmp_path: Path) -> None:
    deliver(Target(None, tmp_path, "take", "take.mp4"))
    with pytest.raises(RuntimeError), workspace(Target(None, tmp_path, "take", "take.mp4")):
        raise RuntimeError
    assert [p.name for p in tmp_path.iterdir()] == ["take-001"]


def test_delivery_is_not_replaced_unless_told(tmp_path: Path) -> None:
    file = tmp_path / "take.mov"
    deliver(Target(file, tmp_path, "x", "x"), "first")
    with pytest.raises(ConfigError, match="overwrite=true"):
        Target(file, tmp_path, "x", "x").check(tmp_path / "source.mov")
    again = Target(file, tmp_path, "x", "x", overwrite=True)
    again.check(tmp_path / "source.mov")
    assert deliver(again, "second").read_text() == "second"


def test_delivery_onto_the_source_is_refused_even_through_a_link(tmp_path: Path) -> None:
    source = tmp_path / "a.mov"
    source.write_text("source")
    (tmp_path / "link.mov").symlink_to(source)
    with pytest.raises(ConfigError, match="is the clip itself"):
        Target(tmp_path / "link.mov", tmp_path, "x", "x", overwrite=True).check(source)


def test_unwritable_place_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(DeliveryError, match="cannot write to"),
        workspace(Target(tmp_path / "file" / "a.mov", tmp_path, "x", "x")),
    ):
        pass
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_published_folder_has_ordinary_permissions(tmp_path: Path) -> None:
    mask = os.umask(0o022)
    try:
        delivery = deliver(Target(None, tmp_path, "take", "take.mp4"))
    finally:
        os.umask(mask)
    assert delivery.parent.stat().st_mode & 0o777 == 0o755
