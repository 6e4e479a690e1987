from __future__ import annotations

import shutil
import time
from pathlib import Path

import hydra
import pytest

from runner.settings import CONF
from runner.watch.composer import Composer
from stages.errors import ConfigError


def test_settings_are_composed_anew_when_a_file_of_theirs_has_changed(tmp_path: Path) -> None:
    conf = shutil.copytree(CONF, tmp_path / "conf")
    with hydra.initialize_config_dir(str(conf), version_base="1.3"):
        composer = Composer(["pipeline=passthrough"])
        before = composer.recipe(["gain=subtle"])
        assert composer.recipe(["gain=subtle"]) is before
        profile = conf / "gain" / "subtle.yaml"
        profile.write_text((conf / "gain" / "expressive.yaml").read_text())
        time.sleep(1.05)
        after = composer.recipe(["gain=subtle"])
        with pytest.raises(ConfigError, match="nosuch"):
            composer.recipe(["gain=nosuch"])
    assert after.fingerprint != before.fingerprint


def test_a_recipe_is_of_any_clip_whatever_its_name(tmp_path: Path) -> None:
    clip, outputs = tmp_path / "a '${x}' (1)=\n.mkv", tmp_path / "out"
    with hydra.initialize_config_dir(str(CONF), version_base="1.3"):
        settings = Composer(["preset=cinema"]).recipe([]).of(clip, outputs)
    assert settings.clip_path() == clip
    assert settings["outputs"] == str(outputs)
    assert f"outputs='{outputs}'" in settings.overrides
    assert "glabella-" not in str(settings.values)
