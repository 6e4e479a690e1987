"""Which of our code a module depends on, as a hash: what other code made is not taken for made by this."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import stages

_ROOT = Path(stages.__file__).parent.parent
_TABLES = (".npz", ".onnx", ".glsl")


def code_hash(modules: Iterable[str]) -> str:
    """SHA-256 over `modules`, all modules of `stages` that they import, and the tables that these name."""
    digest = hashlib.sha256()
    for file in sorted(_files(modules)):
        digest.update(str(file.relative_to(_ROOT)).encode() + file.read_bytes())
    return digest.hexdigest()


def _files(modules: Iterable[str]) -> set[Path]:
    found: set[Path] = set()
    waiting = [file for name in modules for file in _named(name)]
    while waiting:
        file = waiting.pop()
        if file not in found:
            found.add(file)
            waiting += _imported(file)
    return found | {table for file in found for table in _tables(file)}


@cache
def _tables(file: Path) -> tuple[Path, ...]:
    """What lies at or below a module's place and is named in it."""
    text = file.read_text("utf-8")
    beside = [path for path in file.parent.rglob("*") if path.suffix in _TABLES]
    return tuple(path for path in beside if path.stem in text)


@cache
def _imported(file: Path) -> tuple[Path, ...]:
    return tuple(path for name in _names(file) for path in _named(name))


def _names(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _named(name: str) -> list[Path]:
    """The file of a module of ours; none for anything else."""
    path = _ROOT.joinpath(*name.split("."))
    ours = name.startswith("stages.")
    return [file for file in (path.with_suffix(".py"), path / "__init__.py") if ours and file.is_file()]
