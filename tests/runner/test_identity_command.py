"""`glabella identity`, typed as a person would."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from runner.cli import main
from stages.identity.chosen import Chosen
from stages.identity.library import RECORD

TERMS = """\
who: Eileen Collins
granted_by: Eileen Collins
granted_on: 2024-01-01
until: {until}
purposes: [tests]
productions: [all]
paper: a test's own
"""


@pytest.fixture
def consent(tmp_path: Path) -> Path:
    path = tmp_path / "consent.yaml"
    path.write_text(TERMS.format(until="2099-12-31"))
    return path


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "identities"
    monkeypatch.setenv("GLABELLA_IDENTITIES", str(folder))
    return folder


@pytest.fixture
def added(library: Path, consent: Path) -> Path:
    assert main(["identity", "add", "collins", "sample:portrait", "--consent", str(consent)]) == 0
    return library / "collins"


def test_an_identity_is_added_shown_verified_and_removed(
    library: Path, consent: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["identity", "add", "collins", "sample:portrait", "--consent", str(consent)]) == 0
    said = capsys.readouterr().out
    assert "portrait.png" in said
    assert said.strip().endswith(str(library / "collins"))

    assert main(["identity", "list"]) == 0
    assert "Eileen Collins" in (said := capsys.readouterr().out)
    assert "until 2099-12-31" in said

    sheet = tmp_path / "sheet.png"
    assert main(["identity", "show", "collins", "--sheet", str(sheet)]) == 0
    assert "a test's own" in capsys.readouterr().out
    drawn = cv2.imread(str(sheet))
    assert drawn is not None
    assert drawn.shape[1] > drawn.shape[0]
    assert drawn.std() > 20

    assert main(["identity", "verify"]) == 0
    assert capsys.readouterr().out == "collins: ok\n"
    assert main(["identity", "remove", "collins"]) == 0
    assert main(["identity", "verify", "collins"]) == 2


def test_verify_tells_what_is_wrong(added: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photo = added / "photos" / "001.png"
    photo.write_bytes(photo.read_bytes()[:-1])
    capsys.readouterr()
    assert main(["identity", "verify", "collins"]) == 2
    assert capsys.readouterr().out == "collins: photos/001.png has changed since it was added\n"


def test_a_name_that_is_taken_is_refused_before_any_work(
    added: Path, consent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (added / RECORD).read_text()
    assert main(["identity", "add", "collins", "nowhere.png", "--consent", str(consent)]) == 2
    assert "--force replaces it" in capsys.readouterr().err
    assert (added / RECORD).read_text() == before


@pytest.mark.parametrize(
    ("until", "said"), [("2024-06-30", "expired on 2024-06-30"), ("soon", "consent.until: must be a day")]
)
def test_without_a_consent_that_holds_nobody_is_added(
    library: Path, consent: Path, capsys: pytest.CaptureFixture[str], until: str, said: str
) -> None:
    consent.write_text(TERMS.format(until=until))
    assert main(["identity", "add", "collins", "sample:portrait", "--consent", str(consent)]) == 2
    assert said in capsys.readouterr().err
    assert not library.exists()


def test_bad_pictures_are_named_and_may_be_left_out(
    library: Path, consent: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wall = tmp_path / "wall.png"
    cv2.imwrite(str(wall), np.full((300, 300, 3), 128, np.uint8))
    words = ["identity", "add", "collins", "sample:portrait", str(wall), "--consent", str(consent)]
    assert main(words) == 3
    said = " ".join(capsys.readouterr().err.split())
    assert "refused: wall.png: no face found" in said
    assert "1 of 2 pictures cannot be used; leave them out, or go on without them with --skip" in said
    assert not library.exists()
    assert main([*words, "--skip"]) == 0
    assert "left out: wall.png" in capsys.readouterr().err
    assert main([*words[:3], str(wall), *words[5:], "--force"]) == 3
    assert "1 of 1 pictures cannot be used; give others" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "code", "said"),
    [
        (["--face", "left"], 2, "--face: must be a number from 1"),
        (["--face", "2"], 3, "there is no face 2, it shows 1"),
        (["--set", "enrol.photos.min_sise=3"], 2, "min_size"),
    ],
)
def test_wrong_words_are_explained(
    library: Path, consent: Path, capsys: pytest.CaptureFixture[str], more: list[str], code: int, said: str
) -> None:
    assert main(["identity", "add", "collins", "sample:portrait", "--consent", str(consent), *more]) == code
    assert said in capsys.readouterr().err


def test_the_record_tells_where_every_photo_came_from(added: Path) -> None:
    record = json.loads((added / RECORD).read_text())
    assert record["photos"][0]["file"] == "portrait.png"
    assert record["photos"][0]["doubts"] == ["covered: forehead", "a strong expression"]
    assert {"likeness.npz", "consent.yaml", "photos/001.png"} <= record["sha256"].keys()


def test_the_same_photo_makes_the_same_likeness(added: Path, consent: Path) -> None:
    """So what was rendered with it stays in the cache when it is added again."""
    first = Chosen(name="collins").fingerprint
    words = ["identity", "add", "collins", "sample:portrait", "--consent", str(consent), "--force"]
    assert main(words) == 0
    assert Chosen(name="collins").fingerprint == first
