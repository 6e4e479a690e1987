"""Identities in a gallery: how they are listed, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from runner.gallery.options import Options
from stages.errors import ConfigError

LIST = Options(
    title="t",
    folder="f",
    frames=10,
    settings=(),
    clips={"one": {"clip": "a.mov", "start": 0}, "two": {"clip": "b.mov", "start": 5}},
    gains={"smile": {"units": [12], "at": [1.5]}},
    identities={"ada": ["ada.jpg"]},
    replacements={"ada to two": {"identity": "ada", "clip": "two"}},
)


def test_an_identity_is_rendered_on_its_clip_alone() -> None:
    assert [(entry.clip.name, entry.name) for entry in LIST.entries()] == [
        ("one", "smile 1.5"),
        ("two", "smile 1.5"),
        ("two", "ada to two"),
    ]
    assert [*LIST.entries()][-1].words == ("pipeline=replace", "identity=ada")
    assert [entry.name for entry in replace(LIST, only=("ada to two",)).entries()] == ["ada to two"]


@pytest.mark.parametrize(
    ("about", "words"),
    [
        ({"identity": "ada"}, "must be {identity: NAME, clip: NAME}"),
        ({"identity": "adda", "clip": "two"}, "identity: there is no 'adda' - did you mean 'ada'"),
        ({"identity": "ada", "clip": "three"}, "clip: there is no 'three'"),
    ],
)
def test_a_replacement_of_nobody_or_nowhere_is_refused(about: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match="gallery.replacements.x.*" + words.replace("{", r"\{").replace("}", r"\}")):
        replace(LIST, replacements={"x": about})
