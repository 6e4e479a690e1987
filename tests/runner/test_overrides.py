from __future__ import annotations

from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from runner.overrides import literal, opened, shadowed, sweeping, unswept
from runner.settings import CONF
from stages.errors import ConfigError


@pytest.mark.parametrize("word", ["gain.au_gain={4: 1.2, 12: 0.8}", "gain.au_gain.AU12=range(0.5,2.01,0.25)"])
def test_any_action_unit_may_be_named_on_the_command_line(word: str) -> None:
    assert opened([word, "gain=subtle"]) == [f"++{word}", "gain=subtle"]


@pytest.mark.parametrize(
    "name", ["take (2).mov", "a=b.mov", "a,b.mov", "it's.mov", "häß.mov", "{x}.mov", "~/a.mov", "a\\b.mov", "a\\"]
)
def test_clip_names_are_taken_as_they_are(name: str) -> None:
    parsed = OverridesParser.create().parse_override(literal([f"clip={name}"])[0])
    assert str(parsed.value()).strip("'").replace("\\'", "'").replace("\\\\", "\\") == name


@pytest.mark.parametrize("name", ["${x}.mp4", "a${oc.env:HOME}'.mov", "b\\${x}.mov", "$x {y}.mov", "\\\\${x"])
@pytest.mark.parametrize("key", ["clip", "out"])
def test_no_name_is_an_interpolation(key: str, name: str) -> None:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        assert compose("config", literal([f"{key}={name}"]))[key] == name


def test_plain_words_stay() -> None:
    words = ["clip=deliver/take3.mov", "out=a_b-1.mp4", "clip='quoted name.mov'", "clip=choice(a.mov,b.mov)"]
    assert literal(words) == words


def test_a_glob_is_a_choice_of_clips(tmp_path: Path) -> None:
    for name in ("b,1.mov", "a.mov", "${x}.mov", "c.txt"):
        (tmp_path / name).write_text("")
    word = literal([f"clip=glob({tmp_path}/*.mov)"])[0]
    choices = OverridesParser.create().parse_override(word).sweep_iterator()
    names = [str(OmegaConf.create({"clip": str(choice).strip("'")}).clip) for choice in choices]
    assert names == [f"{tmp_path}/{name}" for name in ("${x}.mov", "a.mov", "b,1.mov")]
    with pytest.raises(ConfigError, match="no file matches"):
        literal([f"clip=glob({tmp_path}/*.mxf)"])


def test_a_shows_file_that_shadows_a_shipped_one_is_named(tmp_path: Path) -> None:
    (tmp_path / "gain").mkdir()
    (tmp_path / "gain" / "neutral.yaml").write_text("")
    (tmp_path / "gain" / "ours.yaml").write_text("")
    warnings = shadowed(["run", "--config-dir", str(tmp_path)])
    assert len(warnings) == 1
    assert warnings[0].startswith("gain/neutral.yaml")
    assert shadowed([f"--config-dir={tmp_path}"]) == warnings


@pytest.mark.parametrize(
    ("words", "is_sweep"),
    [
        (["clip=a.mov", "-m", "gain=subtle,neutral"], True),
        (["clip=a.mov", "--multirun"], True),
        (["clip=a.mov", "search=gains"], True),
        (["clip=a.mov", "+search=gains"], True),
        (["clip=a.mov", "search=null"], False),
        (["clip=a.mov", "gain=subtle"], False),
        (["-m", "--cfg", "job"], False),
        (["search=gains", "--help"], False),
    ],
)
def test_a_sweep_is_told_from_a_run(words: list[str], is_sweep: bool) -> None:
    assert sweeping(words) is is_sweep


def test_common_settings_are_read_at_the_axes_first_values() -> None:
    words = ["clip='a, b.mov'", "gain=subtle,neutral", "a=range(3,9,2)", "b=interval(0.5,2)", "encode=glob(*)"]
    assert unswept(words) == ["clip='a, b.mov'", "gain=subtle", "a=3", "b=0.5"]
