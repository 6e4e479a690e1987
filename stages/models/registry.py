"""Models, clips and the rig as pinned assets: fetched once, checked by SHA-256, converted, kept in the user's cache.

    registry.shipped()["face_landmarks"].fetch()    # -> the ONNX file

An asset lists its sources in order. What a source delivers must have the asset's SHA-256; a model is then converted to
ONNX by its conversion step. `conf/assets/*.yaml` hold the entries.
"""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

import yaml

from stages.errors import ConfigError, ModelError
from stages.models import cache as files
from stages.models import convert as conversion
from stages.models.sources import Source, SourceError

Kind = Literal["model", "medium", "rig"]
_log = logging.getLogger(__name__)
_STAMP = "asset.json"
_ENTRIES = Path(__file__).parents[2] / "conf" / "assets"  # beside `stages`, in a checkout and when installed


@dataclass(frozen=True, slots=True)
class Status:
    """What the cache holds of an asset: `path` is None when it was never fetched, `sha256` is the cached file's own."""

    name: str
    kind: Kind
    licence: str
    path: Path | None
    sha256: str | None
    size: int

    @property
    def present(self) -> bool:
        """Whether `fetch` would need no source."""
        return self.path is not None

    def __str__(self) -> str:
        held = f"{self.size / 1e6:.1f} MB at {self.path}" if self.present else "not fetched"
        return f"{self.name}: {held} ({self.licence})"


@dataclass(frozen=True, kw_only=True)
class Asset:
    """One pinned file or folder.

    sha256: of what a source delivers (a folder: see `cache.digest`). convert: a step of `stages.models.convert`, or
    None to use the file as it is. commercial: whether its licence clearly allows commercial use.
    """

    name: str
    kind: Kind
    file: str
    licence: str
    sha256: str
    sources: Sequence[Source]
    convert: str | None = None
    commercial: bool = True
    notes: str = ""

    def __post_init__(self) -> None:
        if self.kind not in ("model", "medium", "rig"):
            raise ConfigError(f"assets.{self.name}.kind: must be model, medium or rig, not {self.kind!r}")
        if self.convert is not None and self.convert not in conversion.STEPS:
            known = ", ".join(sorted(conversion.STEPS))
            raise ConfigError(f"assets.{self.name}.convert: unknown step {self.convert!r} (known: {known})")
        if not self.sources:
            raise ConfigError(f"assets.{self.name}.sources: at least one is needed")

    def fetch(self, offline: bool | None = None) -> Path:
        """The asset's file (a rig's folder), from the cache or else from the first source that has it.

        A cached file that no longer has the hash it was stored with is fetched again.

        Raises:
            ModelError: no source delivered it; the text names every source with its reason.
        """
        held = self._held()
        if held is None:
            with files.lock(self.name):
                held = self._held() or self._fetch(files.is_offline(offline))
        return held

    def status(self) -> Status:
        """What the cache holds, without fetching anything."""
        held = self._held()
        if held is None:
            return Status(self.name, self.kind, self.licence, None, None, 0)
        size = sum(file.stat().st_size for file in held.rglob("*") if file.is_file()) if held.is_dir() else 0
        return Status(self.name, self.kind, self.licence, held, self._stamp()["sha256"], size or held.stat().st_size)

    def verify(self) -> Status:
        """Hash the cached file again.

        Raises:
            ModelError: it was never fetched, or it has changed since.
        """
        status = self.status()
        if not status.present:
            what = "has changed since it was fetched" if self._path().exists() else "is not in the cache"
            raise ModelError(f"{self.name}: {what}; run: glabella models fetch {self.name}")
        return status

    @property
    def file_sha256(self) -> str:
        """SHA-256 of the file that `fetch` returns (a model's: of the converted ONNX); fetches it if needed."""
        self.fetch()
        return str(self._stamp()["sha256"])

    def _folder(self) -> Path:
        version = f"-v{conversion.STEPS[self.convert].version}" if self.convert else ""
        return files.root() / "assets" / self.name / f"{self.sha256[:16]}{version}"

    def _path(self) -> Path:
        return self._folder() / self.file

    def _stamp(self) -> dict[str, Any]:
        try:
            stamp: dict[str, Any] = json.loads((self._folder() / _STAMP).read_text())
        except (OSError, ValueError):
            return {}
        return stamp

    def _held(self) -> Path | None:
        path = self._path()
        good = path.exists() and files.digest(path) == self._stamp().get("sha256")
        return path if good else None

    def _fetch(self, offline: bool) -> Path:
        reasons: list[str] = []
        for source in self.sources:
            with files.workspace() as work:
                try:
                    self._deliver(source, work, offline)
                except SourceError as reason:
                    reasons.append(f"{source}: {reason}")
                    continue
                made = work.with_name(f"{work.name}-asset")
                work.rename(made)
                files.publish(made, self._folder())
            self._announce(source)
            return self._path()
        raise ModelError(
            f"{self.name} could not be had ({'; '.join(reasons)}); "
            f"with a network run: glabella models fetch {self.name}, or put the file where its last source says"
        )

    def _deliver(self, source: Source, work: Path, offline: bool) -> None:
        raw = work / ("source" if self.convert else self.file)
        source.deliver(raw, offline=offline)
        got = files.digest(raw)
        if got != self.sha256:
            raise SourceError(f"it has SHA-256 {got[:12]}.., not {self.sha256[:12]}..")
        if self.convert:
            conversion.STEPS[self.convert].run(raw, work / self.file, got)
            shutil.rmtree(raw) if raw.is_dir() else raw.unlink()
        stamp = {"name": self.name, "source": str(source), "source_sha256": got, "licence": self.licence}
        (work / _STAMP).write_text(json.dumps({**stamp, "sha256": files.digest(work / self.file)}, indent=1))

    def _announce(self, source: Source) -> None:
        terms = "" if self.commercial else " - NOT for commercial use"
        level = logging.INFO if self.kind == "model" else logging.WARNING
        _log.log(level, "fetched %s from %s; licence: %s%s", self.name, source, self.licence, terms)


@cache
def shipped() -> dict[str, Asset]:
    """The entries of conf/assets/*.yaml, without hydra."""
    assets: dict[str, Asset] = {}
    for entry in sorted(_ENTRIES.glob("*.yaml")):
        table = yaml.safe_load(entry.read_text(encoding="utf-8"))
        assets.update({name: _build(node) for name, node in table.items()})
    return assets


def _build(node: Any) -> Any:
    """A `_target_` mapping of our own package into its object, recursively."""
    if isinstance(node, list):
        return [_build(item) for item in node]
    if not isinstance(node, dict):
        return node
    fields = {key: _build(value) for key, value in node.items() if key != "_target_"}
    module, _, name = str(node["_target_"]).rpartition(".")
    if not module.startswith("stages.models."):
        raise ConfigError(f"assets: {node['_target_']} is not a target of stages.models")
    return getattr(import_module(module), name)(**fields)
