from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from stages.errors import ConfigError
from stages.identity.chosen import Chosen
from stages.identity.enrol import Enrolled
from stages.identity.library import LIKENESS, RECORD, Library, default_folder

Write = Callable[..., Path]


@pytest.fixture
def library(tmp_path: Path, collins: Enrolled, consent: Write) -> Library:
    made = Library(tmp_path / "library")
    made.add("collins", collins, consent())
    return made


def test_what_was_added_comes_back(library: Library, collins: Enrolled) -> None:
    back = Chosen(name="collins", folder=str(library.folder)).likeness
    assert np.array_equal(back.neutral, collins.likeness.neutral)
    assert np.array_equal(back.merged.texture, collins.likeness.merged.texture)
    assert [portrait.name for portrait in back.portraits] == ["portrait.png"]
    assert library.names() == ["collins"]
    assert library.entry("collins").damage() is None
    assert {path.name for path in library.folder.iterdir()} == {"collins"}  # nothing half-made is left


def test_a_taken_name_needs_force(library: Library, collins: Enrolled, consent: Write) -> None:
    with pytest.raises(ConfigError, match=r"there is a 'collins' in .* already; --force"):
        library.add("collins", collins, consent())
    assert library.add("collins", collins, consent(who="E. M. Collins"), force=True).consent.who == "E. M. Collins"


@pytest.mark.parametrize("name", ["Ada", "a b", "../ada", "", "-x", "a" * 64])
def test_a_name_that_no_disk_takes_is_refused(library: Library, name: str) -> None:
    with pytest.raises(ConfigError, match="is no name"):
        library.check_name(name)


def test_without_a_good_consent_nothing_is_kept(tmp_path: Path, collins: Enrolled, consent: Write) -> None:
    library = Library(tmp_path / "library")
    with pytest.raises(ConfigError, match=r"consent\.paper"):
        library.add("collins", collins, consent(paper=None))
    assert library.names() == []


def test_a_removed_identity_is_gone(library: Library) -> None:
    library.remove("collins")
    assert list(library.folder.iterdir()) == []
    with pytest.raises(ConfigError, match="it is empty: glabella identity add"):
        library.entry("collins")


def test_an_unknown_name_names_the_nearest(library: Library) -> None:
    with pytest.raises(ConfigError, match=r"no 'colins' in .* did you mean 'collins'"):
        _ = Chosen(name="colins", folder=str(library.folder)).likeness
    with pytest.raises(ConfigError, match="say whose face is put on, such as identity=ada"):
        _ = Chosen(folder=str(library.folder)).likeness


def test_an_expired_consent_stops_the_run(library: Library, collins: Enrolled, consent: Write) -> None:
    library.add("collins", collins, consent(until="2024-06-30"), force=True)
    with pytest.raises(
        ConfigError, match="'collins' cannot be put on: the consent of Eileen Collins expired on 2024-06"
    ):
        _ = Chosen(name="collins", folder=str(library.folder)).likeness


def test_a_consent_for_one_production_is_for_that_one(library: Library, collins: Enrolled, consent: Write) -> None:
    library.add("collins", collins, consent(productions=["moonshot"]), force=True)
    folder = str(library.folder)
    assert Chosen(name="collins", folder=folder, production="moonshot").likeness.name == "collins"
    with pytest.raises(ConfigError, match="does not cover the production 'sequel'"):
        _ = Chosen(name="collins", folder=folder, production="sequel").likeness


def test_damaged_files_are_noticed(library: Library) -> None:
    file = library.folder / "collins" / LIKENESS
    whole = file.read_bytes()
    file.write_bytes(whole[:-100] + bytes(100))
    assert library.entry("collins").damage() == "likeness.npz has changed since it was added"
    with pytest.raises(ConfigError, match=r"likeness\.npz is missing or damaged; restore"):
        _ = Chosen(name="collins", folder=str(library.folder)).likeness
    file.write_bytes(whole)
    record = library.folder / "collins" / RECORD
    record.write_text(json.dumps({"format": 0}))
    with pytest.raises(ConfigError, match="the record of 'collins' is damaged"):
        library.entry("collins")


def test_a_changed_consent_is_damage(library: Library) -> None:
    """Nobody extends a consent with a text editor."""
    record = library.folder / "collins" / RECORD
    told = json.loads(record.read_text())
    told["consent"]["until"] = "2199-01-01"
    record.write_text(json.dumps(told))
    with pytest.raises(ConfigError, match=r"the record of 'collins' is damaged"):
        library.entry("collins")


def test_the_fingerprint_follows_the_content(library: Library, collins: Enrolled, consent: Write) -> None:
    chosen = Chosen(name="collins", folder=str(library.folder))
    assert chosen.fingerprint == library.entry("collins").digest
    assert len(chosen.fingerprint) == 64


def test_the_environment_moves_the_library(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GLABELLA_IDENTITIES", str(tmp_path))
    assert default_folder() == tmp_path
    assert Library.at(None) == Library(tmp_path)
