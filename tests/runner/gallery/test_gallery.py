"""A gallery of a small clip, from the command line to the page."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runner.cli import main
from runner.gallery.options import Options
from stages.errors import ConfigError
from stages.media import decode
from stages.media.pixels import components

Sample = Callable[[str], Path]
LISTED: dict[str, Any] = {
    "title": "A",
    "folder": "gallery",
    "frames": 6,
    "settings": ("tracking=off",),
    "clips": {"one": {"clip": "one.mov", "start": 0}, "two": {"clip": "two.mov", "start": 5}},
    "gains": {"smile": {"units": [12], "at": [0.5, 2]}, "all": {"units": "all", "at": [0]}},
    "profiles": ("subtle",),
}


def test_every_clip_gets_every_gain_and_profile() -> None:
    entries = [*Options(**LISTED).entries()]
    assert [(one.clip.name, one.name) for one in entries[:4]] == [
        ("one", "smile 0.5"),
        ("one", "smile 2"),
        ("one", "all 0"),
        ("one", "subtle"),
    ]
    assert len(entries) == 8
    assert entries[0].words == ("gain=neutral", "gain.au_gain={AU12: 0.5}")
    assert entries[2].words[1].count(": 0") > 25
    assert entries[3].words == ("gain=subtle",)


@pytest.mark.parametrize(
    ("only", "names"), [(("two", "all 0"), ["two all 0"]), (("all 0",), ["one all 0", "two all 0"])]
)
def test_some_are_rendered_alone(only: tuple[str, ...], names: list[str]) -> None:
    entries = Options(**LISTED | {"only": only}).entries()
    assert [f"{one.clip.name} {one.name}" for one in entries] == names


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"frames": 0}, "gallery.frames"),
        ({"only": ("tow",)}, "did you mean 'two'"),
        ({"gains": {"smile": {"units": [12]}}}, "gallery.gains.smile"),
    ],
)
def test_a_list_that_is_none_is_refused(change: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        Options(**LISTED | change)


def test_a_clip_without_a_start_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"gallery\.clips\.one"):
        [*Options(**LISTED | {"clips": {"one": {"clip": "one.mov"}}}).entries()]


LIST = """
_target_: runner.gallery.options.Options
title: Tiny
folder: gallery
frames: 6
settings: [strips=regions, check.every=1, quality.pictures.every=1, tracking=off]
clips: {part: {clip: "CLIP", start: 40}}
gains: {GAINS}
profiles: [PROFILES]
only: []
"""


def words(tmp_path: Path, clip: Path, gains: str = "talk: {units: [25, 26], at: [1.5]}", more: str = "") -> list[str]:
    """A gallery of one clip, listed in a folder of one's own."""
    listed = tmp_path / "conf" / "gallery" / "tiny.yaml"
    listed.parent.mkdir(parents=True, exist_ok=True)
    listed.write_text(LIST.replace("CLIP", str(clip)).replace("GAINS", gains).replace("PROFILES", more))
    return ["gallery", "--config-dir", str(tmp_path / "conf"), "gallery=tiny", f"outputs={tmp_path}", "quiet=true"]


@pytest.mark.slow
def test_it_renders_a_part_of_the_clip_once_and_shows_scores_beside_strips(
    sample: Sample, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = words(tmp_path, sample("carphone"), more="expressive")
    assert main(asked) == 0
    page = Path(capsys.readouterr().out.splitlines()[-1])
    text = page.read_text()
    assert page == tmp_path / "gallery" / "index.html"
    assert "part/talk_1.5/strips/mouth.jpg" in text
    assert "part/expressive/report.html" in text
    names, _, first, *_ = (
        [cell.strip() for cell in row.split("|")] for row in (page.parent / "scores.md").read_text().splitlines()
    )
    assert first[1:3] == ["part", "talk 1.5"]
    assert first[names.index("background.identical")] == "1.000"
    assert not [*page.parent.rglob("delivery*"), *page.parent.glob(".work*")]

    (part,) = (page.parent / ".clips").iterdir()
    ours = [*decode.frames(decode.probe(part))]
    theirs = [*decode.frames(decode.probe(sample("carphone")), start=40, stop=46)]
    assert len(ours) == len(theirs) == 6
    for one, other in zip(ours, theirs, strict=True):
        pairs = zip(components(one.native), components(other.native), strict=True)
        assert all(np.array_equal(*pair) for pair in pairs)

    started = (page.parent / "part" / "talk_1.5" / "report.json").stat().st_mtime
    (page.parent / "part" / "expressive" / "rendered").unlink()  # as if it had been killed
    time.sleep(0.01)
    assert main(asked) == 0
    told = capsys.readouterr().err
    assert "2/2: part, expressive" in told
    assert "1/2: part, talk 1.5" not in told
    assert (page.parent / "part" / "talk_1.5" / "report.json").stat().st_mtime == started
    assert main([*asked, "blend=gaussian", "gallery.only=['talk 1.5']"]) == 0
    assert "1/1: part, talk 1.5" in capsys.readouterr().err


@pytest.mark.slow
def test_a_failing_entry_does_not_lose_the_others(
    sample: Sample, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gains = "wild: {units: [12], at: [9]}, talk: {units: [25], at: [1.5]}"
    assert main(words(tmp_path, sample("carphone"), gains)) == 7
    told = capsys.readouterr().err
    assert "1 of 2 entries failed" in told
    text = (tmp_path / "gallery" / "index.html").read_text()
    assert "allow_extreme" in text
    assert "part/talk_1.5/strips/mouth.jpg" in text
