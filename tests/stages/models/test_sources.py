from __future__ import annotations

import io
import tarfile
import threading
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from stages.errors import ConfigError
from stages.models import cache
from stages.models.sources import (
    LocalFolder,
    LocalPath,
    Package,
    PackageFolder,
    PackageMember,
    Shipped,
    SourceError,
    Url,
)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLABELLA_CACHE", str(tmp_path / "cache"))


def downloaded(spec: str, archive: str, client: str = "pip") -> Path:
    """Where a package's archive lies once its client has fetched it."""
    folder = cache.root() / "packages" / f"{client}-{spec.replace('==', '_').replace('@', '_')}"
    folder.mkdir(parents=True)
    return folder / archive


def wheel(path: Path, members: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)


def zipped(name: str, data: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, data)
    return buffer.getvalue()


def test_member_of_a_wheel_and_of_a_zip_inside_it(tmp_path: Path) -> None:
    wheel(downloaded("thing==1.0", "thing-1.0.whl"), {"thing/a.task": zipped("net.bin", b"weights"), "thing/b": b"b"})
    inner = PackageMember(client="pip", spec="thing==1.0", member="thing/a.task", inner="net.bin")
    inner.deliver(tmp_path / "out", offline=True)
    assert (tmp_path / "out").read_bytes() == b"weights"
    PackageMember(client="pip", spec="thing==1.0", member="thing/b").deliver(tmp_path / "out", offline=True)
    assert (tmp_path / "out").read_bytes() == b"b"


def test_member_of_an_sdist_is_named_below_its_top_folder(tmp_path: Path) -> None:
    with tarfile.open(downloaded("thing==1.0", "thing-1.0.tar.gz"), "w:gz") as archive:
        info = tarfile.TarInfo("thing-1.0/data/clip.mp4")
        info.size = 4
        archive.addfile(info, io.BytesIO(b"clip"))
    source = PackageMember(client="pip", spec="thing==1.0", member="data/clip.mp4", sdist=True)
    source.deliver(tmp_path / "out", offline=True)
    assert (tmp_path / "out").read_bytes() == b"clip"


def test_missing_member_is_named(tmp_path: Path) -> None:
    wheel(downloaded("thing==1.0", "thing-1.0.whl"), {"a": b""})
    with pytest.raises(SourceError, match=r"thing-1.0.whl holds no nothing/here"):
        PackageMember(client="pip", spec="thing==1.0", member="nothing/here").deliver(tmp_path / "out", offline=True)


def test_package_that_was_never_downloaded_is_not_had_offline(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="offline"):
        PackageMember(client="npm", spec="thing@1.0", member="a").deliver(tmp_path / "out", offline=True)


@pytest.mark.parametrize("spec", ["thing", "thing>=1", "thing==1.0 --index-url=x", "-r file==1"])
def test_package_must_be_pinned(spec: str) -> None:
    with pytest.raises(ConfigError, match=r"^spec: must pin one version"):
        Package(client="pip", spec=spec)


def test_folder_takes_only_what_is_included_and_stays_inside(tmp_path: Path) -> None:
    members = {"rig/data/a/x.target": b"1", "rig/data/a/y.txt": b"2", "other/x.target": b"3"}
    wheel(downloaded("rig==1.0", "rig-1.0.whl"), members)
    source = PackageFolder(client="pip", spec="rig==1.0", root="rig/data", include=["*.target"])
    source.deliver(tmp_path / "out", offline=True)
    assert [file.relative_to(tmp_path / "out").as_posix() for file in (tmp_path / "out").rglob("*.*")] == ["a/x.target"]


def test_folder_refuses_a_member_that_leaves_it(tmp_path: Path) -> None:
    wheel(downloaded("rig==1.0", "rig-1.0.whl"), {"rig/../../evil": b"1"})
    with pytest.raises(SourceError, match="leaves its folder"):
        PackageFolder(client="pip", spec="rig==1.0", root="rig", include=["*"]).deliver(tmp_path / "o", offline=True)
    assert not (tmp_path / "evil").exists()


def test_local_path_expands_variables_and_names_the_unset_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "net").write_bytes(b"here")
    monkeypatch.setenv("STUDIO", str(tmp_path))
    LocalPath(path="$STUDIO/net").deliver(tmp_path / "out", offline=True)
    assert (tmp_path / "out").read_bytes() == b"here"
    monkeypatch.delenv("STUDIO")
    with pytest.raises(SourceError, match="STUDIO is not set"):
        LocalPath(path="$STUDIO/net").deliver(tmp_path / "out", offline=True)


def test_local_folder_copies_what_matches_and_says_when_nothing_does(tmp_path: Path) -> None:
    for name in ("net.param", "net.bin", "net-small.bin"):
        (tmp_path / name).write_text(name)
    LocalFolder(path=str(tmp_path), include=["net.*"]).deliver(tmp_path / "out", offline=True)
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["net.bin", "net.param"]
    with pytest.raises(SourceError, match="No such file"):
        LocalFolder(path=str(tmp_path), include=["other.*"]).deliver(tmp_path / "none", offline=True)


def test_url_is_fetched_from_a_server_and_not_when_offline(tmp_path: Path) -> None:
    (tmp_path / "net").write_bytes(b"served")
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        here = f"http://127.0.0.1:{server.server_port}"
        Url(url=f"{here}/net").deliver(tmp_path / "out", offline=False)
        assert (tmp_path / "out").read_bytes() == b"served"
        with pytest.raises(SourceError, match="not found"):
            Url(url=f"{here}/gone").deliver(tmp_path / "out", offline=False)
        server.shutdown()
    with pytest.raises(SourceError, match="offline"):
        Url(url=f"{here}/net").deliver(tmp_path / "out", offline=True)


def test_a_shipped_file_comes_from_this_installation(tmp_path: Path):
    target = tmp_path / "coder.onnx"
    Shipped(path="expression/coder.onnx").deliver(target, offline=True)
    assert target.stat().st_size > 100_000
    with pytest.raises(SourceError):
        Shipped(path="expression/nothing.onnx").deliver(target, offline=True)
