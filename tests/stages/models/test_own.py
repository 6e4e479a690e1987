"""Files that users bring."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from stages.errors import ConfigError, ModelError
from stages.models.own import OwnFile


def test_name_and_hash_are_those_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "GFPGANv1.4.onnx").write_bytes(b"net")
    monkeypatch.setenv("STUDIO", str(tmp_path))
    own = OwnFile(what="enhance.path (GFPGAN)", path="$STUDIO/GFPGANv1.4.onnx", licence="Apache-2.0")
    assert own.fetch() == tmp_path / "GFPGANv1.4.onnx"
    assert own.name == "GFPGANv1.4"
    assert own.sha256 == own.file_sha256 == hashlib.sha256(b"net").hexdigest()


def test_a_file_that_is_not_there_is_named_with_its_setting(tmp_path: Path) -> None:
    with pytest.raises(
        ModelError, match=r"enhance\.path \(GFPGAN\): there is no file .*gone\.onnx; put the model there"
    ):
        OwnFile(what="enhance.path (GFPGAN)", path=str(tmp_path / "gone.onnx")).fetch()


def test_a_file_that_is_not_named_is_asked_for() -> None:
    with pytest.raises(ConfigError, match=r"enhance\.path \(GFPGAN\): not named.*enhance\.path=~/models"):
        OwnFile(what="enhance.path (GFPGAN)", path=None).fetch()
