"""Replacement as a user types it: a still, live, and what cannot be replaced, in words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from runner.cli import main
from runner.compose import composed_alone
from runner.gallery.job import cut
from runner.occasion import enrolled
from stages.identity.library import Library
from stages.media import decode

Sample = Callable[[str], Path]
QUICK = ("quality=off", "check=none", "album=none", "donors=none", "textures=none", "plain=none", "tracking=off")


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("identities")
    enrolled(composed_alone(), ["sample:portrait"], Library(folder), "collins")
    return folder


@pytest.fixture(scope="module")
def take(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five frames of a talking woman."""
    settings = composed_alone(["clip=sample:talking_woman_mild"])
    return cut(settings, 0, 5, tmp_path_factory.mktemp("clips") / "take")


def run(library: Path, outputs: Path, clip: Path, *words: str) -> int:
    typed = (f"identities={library}", f"outputs={outputs}", f"clip={clip}", *QUICK, *words)
    return main(["run", "pipeline=replace", "identity=collins", *typed])


def test_live_replaces_in_one_pass(
    library: Path, take: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["graph", "pipeline=replace", "preset=live", f"clip={take}"]) == 0
    told = capsys.readouterr().out
    assert "whole clip" not in told
    assert "pass 2" not in told
    assert run(library, tmp_path, take, "preset=live", "encode=ffv1") == 0
    made = Path(capsys.readouterr().out.strip())
    pairs = list(zip(*(decode.frames(decode.probe(path)) for path in (take, made)), strict=True))
    assert len(pairs) == 5
    for before, after in pairs:
        apart = np.abs(before.native.to_ndarray().astype(int) - after.native.to_ndarray())
        assert 0.01 < (apart[: before.height] > 8).mean() < 0.2, "a face, and no more"


def test_a_still_is_replaced_and_an_identity_on_its_own_face_is_told(
    library: Path, tmp_path: Path, sample: Sample, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(library, tmp_path, sample("portrait")) == 0
    said = capsys.readouterr()
    assert "face 0 looks like collins already" in " ".join(said.err.split())
    made, source = (cv2.imread(str(path)).astype(int) for path in (said.out.strip(), sample("portrait")))
    assert made.shape == source.shape
    changed = (np.abs(made - source) > 4).any(2)
    assert 0.005 < changed.mean() < 0.1
    assert not changed[:20].any()


def test_a_wrong_photo_of_the_performer_is_said(
    library: Path, tmp_path: Path, take: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cv2.imwrite(str(tmp_path / "wall.png"), np.full((200, 300, 3), 90, np.uint8))
    (tmp_path / "torn.png").write_bytes((tmp_path / "wall.png").read_bytes()[:60])
    for name, says in (("wall", "no face is seen in wall.png"), ("torn", "torn.png: not a readable picture")):
        assert run(library, tmp_path / "out", take, f"cast.who={tmp_path / name}.png") == 2
        assert f"error: cast.who: {says}" in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "out").exists()


def test_without_an_identity_or_a_consent_that_holds_nothing_is_rendered(
    library: Path, tmp_path: Path, take: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(library, tmp_path, take, "identity=null") == 2
    assert "identity: say whose face is put on" in capsys.readouterr().err
    assert run(library, tmp_path, take, "identity=colins") == 2
    assert "did you mean 'collins'?" in " ".join(capsys.readouterr().err.split())
    for name in ("consent.yaml", "identity.json"):
        file = library / "collins" / name
        file.write_text(file.read_text().replace("2999-12-31", "2024-12-31"))
    assert run(library, tmp_path, take) == 2
    assert "'collins' cannot be put on: the consent of people of sample media expired" in capsys.readouterr().err
    (library / "collins" / "consent.yaml").unlink()
    assert run(library, tmp_path, take) == 2
    assert "the record of 'collins' is damaged" in " ".join(capsys.readouterr().err.split())


def test_nobody_is_added_without_a_consent(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["identity", "add", "collins", "sample:portrait", "--folder", str(tmp_path)]) == 2
    assert "consent: say who allowed it with --consent FILE" in capsys.readouterr().err
