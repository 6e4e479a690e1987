from __future__ import annotations

import os
from pathlib import Path

import pytest

from runner.watch.inbox import Inbox, Stillness, beside, of_none_else

IGNORED = (".*", "*.part")


def inbox(root: Path) -> Inbox:
    return Inbox(root, IGNORED, frozenset({"show", "subtle"}))


def test_files_below_the_inbox_are_clips_and_what_goes_with_them_is_none(tmp_path: Path) -> None:
    (tmp_path / "show" / "subtle").mkdir(parents=True)
    for name in ("a.mov", "a.yaml", "a.mov.md5", ".hidden.mov", "b.mov.part"):
        (tmp_path / "show" / "subtle" / name).write_bytes(b"x")
    there = inbox(tmp_path).look()
    assert list(there) == [Path("show/subtle/a.mov")]
    assert there[Path("show/subtle/a.mov")].levels == ("show", "subtle")


def test_a_folder_of_pictures_is_one_clip_unless_it_is_a_productions(tmp_path: Path) -> None:
    for folder in ("shot", "show"):
        (tmp_path / folder).mkdir()
        for number in (1, 2):
            (tmp_path / folder / f"{number}.png").write_bytes(b"xy")
    there = inbox(tmp_path).look()
    assert sorted(there) == [Path("shot"), Path("show/1.png"), Path("show/2.png")]
    assert (there[Path("shot")].kind, there[Path("shot")].size, there[Path("shot")].files) == ("pictures", 4, 2)


def test_links_and_pipes_are_seen_and_never_followed(tmp_path: Path) -> None:
    (tmp_path / "link.mov").symlink_to("/etc/hostname")
    (tmp_path / "folder").symlink_to("/etc")
    os.mkfifo(tmp_path / "pipe.mov")
    kinds = {str(path): found.kind for path, found in inbox(tmp_path).look().items()}
    assert kinds == {"link.mov": "link", "folder": "link", "pipe.mov": "special"}


def test_a_missing_inbox_is_no_empty_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        inbox(tmp_path / "nowhere").look()


def test_a_clip_that_grows_is_not_still(tmp_path: Path) -> None:
    path, still = tmp_path / "a.mov", Stillness()
    path.write_bytes(b"1")
    still.update(inbox(tmp_path).look(), 100.0)
    assert still.due(101.0, 5) == 4.0
    path.write_bytes(b"12")
    still.update(inbox(tmp_path).look(), 104.0)
    assert not still.still(106.0, 5)
    still.update(inbox(tmp_path).look(), 109.0)
    assert [found.path.name for found in still.still(109.0, 5)] == ["a.mov"]
    assert still.age(Path("a.mov"), 109.0) == 5.0


def test_a_companion_lies_beside_a_clip_under_either_name(tmp_path: Path) -> None:
    clip = tmp_path / "a.mov"
    assert beside(clip, (".md5",)) is None
    (tmp_path / "a.md5").write_text("x")
    assert beside(clip, (".md5",)) == tmp_path / "a.md5"


def test_what_goes_with_a_clip_is_seen_with_it(tmp_path: Path) -> None:
    for name in ("a.mov", "b.mov"):
        (tmp_path / name).write_bytes(b"x")
    before = inbox(tmp_path).look()[Path("a.mov")]
    (tmp_path / "a.md5").write_text("sum")
    now = inbox(tmp_path).look()[Path("a.mov")]
    assert now != before
    assert (now.has((".md5",)), before.has((".md5",))) == (True, False)


def test_a_sidecar_that_two_clips_share_is_of_both(tmp_path: Path) -> None:
    for name in ("a.mov", "a.mxf", "a.yaml", "a.mov.md5", "b.mov", "b.yaml"):
        (tmp_path / name).write_bytes(b"x")
    assert not of_none_else(tmp_path / "a.yaml", tmp_path / "a.mov")
    assert of_none_else(tmp_path / "a.mov.md5", tmp_path / "a.mov")
    assert of_none_else(tmp_path / "b.yaml", tmp_path / "b.mov")


def test_folders_may_be_deeper_than_python_calls(tmp_path: Path) -> None:
    deep = tmp_path
    for _ in range(600):
        deep = deep / "d"
        deep.mkdir()
    (deep / "a.mov").write_bytes(b"x")
    assert [found.path.name for found in inbox(tmp_path).look().values()] == ["a.mov"]
