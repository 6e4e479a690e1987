from __future__ import annotations

from pathlib import Path

import pytest

from runner.overrides import literal, opened, shadowed
from runner.settings import CONF


@pytest.mark.parametrize("word", ["gain.au_gain={4: 1.2, 12: 0.8}", "gain.au_gain.AU12=range(0.5,2.01,0.25)"])
def test_any_action_unit_may_be_named_on_the_command_line(word: str) -> None:
    assert opened([word, "gain=subtle"]) == [f"++{word}", "gain=subtle"]


@pytest.mark.parametrize(
    "name", ["take (2).mov", "a=b.mov", "a,b.mov", "it's.mov", "häß.mov", "{x}.mov", "~/a.mov", "a\\b.mov", "a\\"]
)
def test_clip_names_are_taken_as_they_are(name: str) -> None:
    from hydra.core.override_parser.overrides_parser import OverridesParser

    parsed = OverridesParser.create().parse_override(literal([f"clip={name}"])[0])
    assert str(parsed.value()).strip("'").replace("\\'", "'").replace("\\\\", "\\") == name


@pytest.mark.parametrize("name", ["${x}.mp4", "a${oc.env:HOME}'.mov", "b\\${x}.mov", "$x {y}.mov", "\\\\${x"])
@pytest.mark.parametrize("key", ["clip", "out"])
def test_no_name_is_an_interpolation(key: str, name: str) -> None:
    from hydra import compose, initialize_config_dir

    with initialize_config_dir(str(CONF), version_base="1.3"):
        assert compose("config", literal([f"{key}={name}"]))[key] == name


def test_plain_words_stay() -> None:
    words = ["clip=deliver/take3.mov", "out=a_b-1.mp4", "clip='quoted name.mov'", "clip=glob(*.mov)"]
    assert literal(words) == words


def test_a_shows_file_that_shadows_a_shipped_one_is_named(tmp_path: Path) -> None:
    (tmp_path / "gain").mkdir()
    (tmp_path / "gain" / "neutral.yaml").write_text("")
    (tmp_path / "gain" / "ours.yaml").write_text("")
    warnings = shadowed(["run", "--config-dir", str(tmp_path)])
    assert len(warnings) == 1
    assert warnings[0].startswith("gain/neutral.yaml")
    assert shadowed([f"--config-dir={tmp_path}"]) == warnings
