from __future__ import annotations

import hashlib
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from stages.errors import ConfigError, ModelError
from stages.models import registry
from stages.models.registry import Asset
from stages.models.sources import LocalPath, PackageMember, Source, Url

FETCH = """
import sys
from stages.models import registry
print(registry.shipped()["face_landmarks"].fetch().read_bytes()[:0], registry.shipped()["face_landmarks"].file_sha256)
"""


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GLABELLA_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def put(tmp_path: Path) -> Path:
    file = tmp_path / "put-there"
    file.write_bytes(b"contents")
    return file


def asset(*sources: Source, sha256: str = hashlib.sha256(b"contents").hexdigest(), **fields: object) -> Asset:
    given = {"name": "thing", "kind": "medium", "file": "thing.mp4", "licence": "CC0", **fields}
    return Asset(sha256=sha256, sources=sources, **given)  # type: ignore[arg-type]


def test_fetch_puts_the_file_into_the_cache_once(own_cache: Path, put: Path) -> None:
    thing = asset(LocalPath(path=str(put)))
    assert not thing.status().present
    path = thing.fetch()
    assert path.read_bytes() == b"contents"
    assert path.is_relative_to(own_cache)
    put.unlink()
    assert thing.fetch() == path
    assert thing.verify().sha256 == thing.sha256


def test_a_wrong_hash_is_refused_and_the_next_source_tried(own_cache: Path, put: Path, tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(b"tampered")
    assert asset(LocalPath(path=str(tmp_path / "other")), LocalPath(path=str(put))).fetch().read_bytes() == b"contents"


def test_failure_names_every_source_with_its_reason_on_one_line(own_cache: Path, put: Path) -> None:
    sources = (
        PackageMember(client="pip", spec="thing==1.0", member="a"),
        Url(url="https://studio.example/thing"),
        LocalPath(path=str(put)),
        LocalPath(path="$GLABELLA_NOWHERE/thing"),
    )
    with pytest.raises(ModelError) as error:
        asset(*sources, sha256="0" * 64).fetch(offline=True)
    text = str(error.value)
    assert "\n" not in text
    for part in (
        "thing could not be had",
        "pip thing==1.0: not downloaded yet, and offline",
        "https://studio.example/thing: offline",
        "it has SHA-256 d1b2a59fbea7.., not 000000000000..",
        "GLABELLA_NOWHERE is not set",
        "glabella models fetch thing",
    ):
        assert part in text
    assert not list(own_cache.rglob("thing.mp4"))


def test_a_corrupted_cached_file_is_reported_and_healed(own_cache: Path, put: Path) -> None:
    thing = asset(LocalPath(path=str(put)))
    path = thing.fetch()
    path.write_bytes(b"c0ntents")
    with pytest.raises(ModelError, match="has changed since it was fetched; run: glabella models fetch thing"):
        thing.verify()
    assert thing.fetch().read_bytes() == b"contents"


def test_verify_of_what_was_never_fetched_says_what_to_run(own_cache: Path) -> None:
    with pytest.raises(ModelError, match="is not in the cache; run: glabella models fetch thing"):
        asset(LocalPath(path="nowhere")).verify()


def test_fetching_a_medium_says_its_licence(own_cache: Path, put: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        asset(LocalPath(path=str(put)), licence="CC BY-NC 4.0", commercial=False).fetch()
    assert "licence: CC BY-NC 4.0 - NOT for commercial use" in caplog.text


def test_two_processes_fetching_at_once_agree(tmp_path: Path) -> None:
    """Both start with an empty cache but for the downloaded package, as two jobs of a new machine would."""
    theirs = tmp_path / "cache"
    registry.shipped()["face_landmarks"].fetch()
    packages = Path(registry.files.root()) / "packages"
    if packages.is_dir():
        theirs.mkdir()
        (theirs / "packages").symlink_to(packages)
    environment = {**os.environ, "GLABELLA_CACHE": str(theirs)}
    both = [
        subprocess.Popen([sys.executable, "-c", FETCH], env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = {process.communicate()[0] for process in both}
    assert [process.returncode for process in both] == [0, 0]
    assert said == {f"b'' {registry.shipped()['face_landmarks'].file_sha256}\n"}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"kind": "weights"}, "assets.thing.kind: must be model, medium or rig, not 'weights'"),
        ({"convert": "caffe"}, "assets.thing.convert: unknown step 'caffe'"),
    ],
)
def test_a_wrong_entry_is_named(fields: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        asset(LocalPath(path="x"), **fields)


def test_shipped_entries_are_complete_and_careful() -> None:
    shipped = registry.shipped()
    wanted = {
        *("face_landmarks", "face_blendshapes", "near_faces", "group_faces", "face_geometry", "rig", "carphone"),
        *("talking_man_mild", "talking_man_strong", "talking_woman_mild", "talking_woman_strong", "arc_cry_laugh"),
        *("smile_onset", "face_noface", "noface_face", "table_of_three"),
    }
    assert wanted <= set(shipped)
    for name, entry in shipped.items():
        assert entry.name == name
        assert len(entry.sha256) == 64
        chosen = entry.commercial or "opt-in" in entry.notes
        assert chosen or entry.kind == "medium", f"{name}: a default model must allow commercial use"
        free = "public domain" in entry.licence
        assert entry.kind != "medium" or entry.commercial == free, f"{name}: only the portrait may be used commercially"


def test_rig_holds_what_a_head_needs() -> None:
    folder = registry.shipped()["rig"].fetch()
    assert (folder / "mpfb2/3dobjs/base.obj").is_file()
    assert len(list((folder / "faceunits01/targets/faceunits").glob("*.target"))) == 52
    assert len(list((folder / "mpfb2/targets/nose").glob("*.target.gz"))) > 10
