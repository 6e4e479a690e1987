"""The analysis cache: what was measured once is read back, keyed by clip content and the settings that matter to it.

A wire's key is a hash over the clip, its stage's settings, the keys of the wires that feed it, and our own source code;
so a new gain profile finds everything measured, a new smoothing finds the landmarks, and a new landmark model finds
nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import stages
from runner.graph import SOURCES, Graph
from runner.held import held
from runner.spool import Spool
from stages.packets import Packet

_CHUNK = 1 << 20
_ABANDONED_S = 24 * 3600


def content_hash(path: Path) -> str:
    """SHA-256 of a file, or of the names and contents of a folder's files."""
    digest = hashlib.sha256()
    for file in sorted(p for p in path.iterdir() if p.is_file()) if path.is_dir() else [path]:
        if path.is_dir():
            digest.update(file.name.encode())
        with file.open("rb") as stream:
            while block := stream.read(_CHUNK):
                digest.update(block)
    return digest.hexdigest()


@cache
def source_hash() -> str:
    """One hash over the code and tables under `stages/`: changed code never reads what older code measured."""
    root, digest = Path(stages.__file__).parent, hashlib.sha256()
    for file in sorted(p for p in root.rglob("*") if p.suffix in (".py", ".npz") and "__pycache__" not in p.parts):
        digest.update(str(file.relative_to(root)).encode() + file.read_bytes())
    return digest.hexdigest()


def wire_keys(graph: Graph, clip_sha256: str, decode: Mapping[str, Any]) -> dict[str, str]:
    """The cache key of every node's output."""
    base = hashed({"clip": clip_sha256, "code": source_hash(), "decode": decode})
    keys = dict.fromkeys(SOURCES, base)
    for node in graph.nodes:
        wires = {port: keys[wire] for port, wire in sorted(node.wires.items())}
        keys[node.name] = hashed({"stage": node.config, "in": wires} | _content(node.stage))
    return keys


@runtime_checkable
class Fingerprinted(Protocol):
    """A setting that stands for something on disk, whose content its own fields do not tell."""

    @property
    def fingerprint(self) -> str:
        """Changes whenever that content does."""


def _content(stage: Any) -> dict[str, list[str]]:
    """The fingerprints of what a stage holds; nothing for most."""
    found = [one.fingerprint for one in held(stage, Fingerprinted)]  # type: ignore[type-abstract]
    return {"held": found} if found else {}


def hashed(value: Any) -> str:
    """SHA-256 of plain values.

    Unsorted: keys may be of several kinds (`12` and `AU12`), and of two names for one unit the later counts.
    """
    return hashlib.sha256(json.dumps(value, default=str).encode()).hexdigest()


@dataclass(frozen=True)
class AnalysisCache:
    """Spools of one clip on disk. `limit_gb` bounds the whole cache; the least recently used clips go first."""

    root: Path
    clip_sha256: str
    limit_gb: float = 10.0

    def path(self, key: str) -> Path:
        """Where the wire with this key lies, or would."""
        return self.root / self.clip_sha256[:16] / f"{key[:32]}.spool"

    def load(self, key: str) -> Spool[Packet] | None:
        """A finished spool, or None; a damaged file counts as none."""
        path = self.path(key)
        try:
            spool: Spool[Packet] = Spool(path)
            os.utime(path)
        except (OSError, ValueError):
            return None
        return spool

    def trim(self) -> None:
        """Delete what killed runs left half-written, and the longest unused spools beyond the limit."""
        for half in self.root.rglob(".*.spool.*"):
            if time.time() - half.stat().st_mtime > _ABANDONED_S:
                half.unlink(missing_ok=True)
        spools = sorted(self.root.rglob("*.spool"), key=lambda p: p.stat().st_mtime, reverse=True)
        for path in _beyond(spools, self.limit_gb * 1e9):
            path.unlink(missing_ok=True)


def _beyond(newest_first: Iterable[Path], limit: float) -> Iterable[Path]:
    total = 0
    for path in newest_first:
        total += path.stat().st_size
        if total > limit:
            yield path
